"""Derived: sums over sessions, for the page of statistics. Subagents count where work and cost are summed."""

from __future__ import annotations

import json
from typing import NamedTuple

from zerg.store.base import Store

SAMPLE = 100_000  # newest events that are looked at for tools: a scan of a million takes half a second
SUMS = """coalesce(sum(top), 0), coalesce(sum(prompts), 0), coalesce(sum(tool_calls), 0), coalesce(sum(errors), 0),
    coalesce(sum(cost), 0)"""


class Sum(NamedTuple):
    """What some sessions come to."""

    name: str  # what they have in common
    sessions: int
    prompts: int
    tool_calls: int
    errors: int
    cost: int  # micro-dollars


class Used(NamedTuple):
    """Tokens of all sessions, each message counted once."""

    input: int
    output: int
    cache_read: int
    cache_write: int
    messages: int
    unpriced: int  # messages of models without a price


class Tool(NamedTuple):
    """How a tool did."""

    name: str
    calls: int
    errors: int


def total(store: Store, after: int) -> Sum:
    """All sessions that began at `after` (ms UTC) or later."""
    return Sum("", *store.rows(f"SELECT {SUMS} FROM session WHERE at >= :after", after=after)[0])


def projects(store: Store, after: int) -> list[Sum]:
    """The projects, the one with most sessions first."""
    sql = f"SELECT project, {SUMS} FROM session WHERE at >= :after AND project <> '' GROUP BY project ORDER BY 2 DESC, 1"
    return [Sum(*row) for row in store.rows(sql, after=after)]


def models(store: Store, after: int) -> list[Sum]:
    """The models, the most frequent first. A session that used several counts for each, its cost for the first."""
    found: dict[str, Sum] = {}
    for names, *numbers in store.rows(f"SELECT models, {SUMS} FROM session WHERE at >= :after GROUP BY models", after=after):
        for position, name in enumerate(json.loads(names)):
            *others, cost = numbers
            before = found.get(name, Sum(name, 0, 0, 0, 0, 0))
            added = [old + new for old, new in zip(before[1:], (*others, 0 if position else cost), strict=True)]
            found[name] = Sum(name, *added)
    return sorted(found.values(), key=lambda each: (-each.sessions, each.name))


def used(store: Store, after: int) -> Used:
    """The tokens."""
    sql = """SELECT coalesce(sum(input), 0), coalesce(sum(output), 0), coalesce(sum(cache_read), 0),
                 coalesce(sum(cache_write_5m + cache_write_1h), 0), coalesce(sum(messages), 0), coalesce(sum(unpriced), 0)
             FROM session WHERE at >= :after"""
    return Used(*store.rows(sql, after=after)[0])


def starts(store: Store, after: int) -> list[tuple[int, int, int]]:
    """(time in ms UTC, cost in micro-dollars, 1 where it stands by itself) of every session."""
    sql = "SELECT at, cost, top FROM session WHERE at >= :after AND noise = '' ORDER BY at"
    return [(row[0], row[1], row[2]) for row in store.rows(sql, after=after)]


def tools(store: Store, after: int) -> list[Tool]:
    """The tools among the newest events from `after` (an event's row id) on, the most used first."""
    sql = """SELECT tool, count(*), sum(error) FROM (
                 SELECT tool, kind, error FROM event WHERE id >= :after ORDER BY id DESC LIMIT :sample) AS newest
             WHERE kind = 'tool_result' AND tool <> '' GROUP BY tool ORDER BY 2 DESC, 1"""
    return [Tool(*row) for row in store.rows(sql, after=after, sample=SAMPLE)]
