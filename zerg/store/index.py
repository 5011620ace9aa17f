"""Derived: what the search asks of the index, of events and of sessions.

Row ids of events ascend with time and are those of the index, so "newest first" costs no sorting. The index may propose events
that have been superseded; joining them with `event` drops those.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from zerg.store.base import Store
from zerg.store.event import EventRow

ROW = ", ".join(f"event.{name}" for name in EventRow._fields)


class Facts(NamedTuple):
    """What a query may ask about the session of an event."""

    id: int  # internal
    uuid: str
    provider: str
    parent: str
    machine: str  # label
    project: str
    cwd: str
    branch: str
    models: str  # JSON array
    mtime: int  # ms UTC


FACTS = """session.id, uuid, provider, parent,
    coalesce((SELECT label FROM machine WHERE machine.id = session.machine), session.machine),
    project, cwd, branch, models, mtime"""
# CROSS JOIN: the index leads, newest first, and stops at the limit.
PROPOSED = """FROM event_index CROSS JOIN event ON event.id = event_index.rowid
    WHERE event_index MATCH :expression AND event_index.rowid >= :floor AND event_index.rowid < :below"""


def newest(store: Store, expression: str, floor: int, below: int, limit: int) -> list[EventRow]:
    """Events that the index proposes with floor <= id < below, newest first."""
    sql = f"SELECT {ROW} {PROPOSED} ORDER BY event_index.rowid DESC LIMIT :limit"
    return made(store, sql, expression=expression, floor=floor, below=below, limit=limit)


def everything(store: Store, floor: int, below: int, limit: int) -> list[EventRow]:
    """All events with floor <= id < below, newest first."""
    sql = f"SELECT {ROW} FROM event WHERE id >= :floor AND id < :below ORDER BY id DESC LIMIT :limit"
    return made(store, sql, floor=floor, below=below, limit=limit)


def nth(store: Store, expression: str, floor: int, below: int, number: int) -> int | None:
    """The id of the `number`-th newest proposal, counted from 0; None where there are fewer."""
    sql = """SELECT rowid FROM event_index WHERE event_index MATCH :expression AND rowid >= :floor AND rowid < :below
             ORDER BY rowid DESC LIMIT 1 OFFSET :number"""
    found: int | None = store.value(sql, expression=expression, floor=floor, below=below, number=number)
    return found


def ranked(store: Store, expression: str, floor: int, below: int) -> list[tuple[float, EventRow]]:
    """All proposals with their score by BM25 of the text, not of the scope: the lower the better."""
    sql = f"SELECT bm25(event_index, 1.0, 0.0), {ROW} {PROPOSED}"
    return [(row[0], EventRow._make(row[1:])) for row in store.rows(sql, expression=expression, floor=floor, below=below)]


def facts(store: Store, sessions: Collection[int]) -> list[Facts]:
    names = {f"i{number}": session for number, session in enumerate(sessions)}
    sql = f"SELECT {FACTS} FROM session WHERE session.id IN ({', '.join(':' + name for name in names)})"
    return [Facts._make(row) for row in store.rows(sql, **names)] if names else []


def all_facts(store: Store) -> list[Facts]:
    return [Facts._make(row) for row in store.rows(f"SELECT {FACTS} FROM session")]


def made(store: Store, sql: str, **params: Any) -> list[EventRow]:
    return [EventRow._make(row) for row in store.rows(sql, **params)]
