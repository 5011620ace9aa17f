"""Derived: how far each source has been read, what it says of each session, and the titles that it gives to others."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from zerg.store.base import Store


class Derivation(NamedTuple):
    """How far a source has been read: a row of `derivation`."""

    source: int
    version: int
    offset: int
    scanned: int
    state: str


class Part(NamedTuple):
    """What a source says of a session: a row of `part`."""

    source: int
    session: int
    own: int
    summary: str


class Leaf(NamedTuple):
    """A title for the session that holds `record`: a row of `leaf`."""

    record: int
    source: int
    offset: int
    title: str
    session: int  # 0: nobody's yet


def of_source(store: Store, source: int) -> Derivation | None:
    row = store.row("SELECT source, version, offset, scanned, state FROM derivation WHERE source = :source", source=source)
    return Derivation._make(row) if row else None


def save(store: Store, derivation: Derivation) -> None:
    store.run(
        """INSERT INTO derivation (source, version, offset, scanned, state) VALUES (:source, :version, :offset, :scanned, :state)
           ON CONFLICT (source) DO UPDATE SET version = excluded.version, offset = excluded.offset, scanned = excluded.scanned,
           state = excluded.state""",
        **derivation._asdict(),
    )


def outdate(store: Store, source: int) -> None:
    """Have a source derived again."""
    store.run("UPDATE derivation SET version = 0 WHERE source = :source", source=source)


def remove(store: Store, source: int) -> None:
    store.run("DELETE FROM derivation WHERE source = :source", source=source)


def parts_of_source(store: Store, source: int) -> list[Part]:
    return [
        Part._make(row)
        for row in store.rows("SELECT source, session, own, summary FROM part WHERE source = :source", source=source)
    ]


def parts_of_session(store: Store, session: int) -> list[Part]:
    """Own parts first, then in the order in which their sources arrived."""
    sql = "SELECT source, session, own, summary FROM part WHERE session = :session ORDER BY own DESC, source"
    return [Part._make(row) for row in store.rows(sql, session=session)]


def part(store: Store, source: int, session: int) -> Part | None:
    sql = "SELECT source, session, own, summary FROM part WHERE source = :source AND session = :session"
    row = store.row(sql, source=source, session=session)
    return Part._make(row) if row else None


def save_part(store: Store, part: Part) -> None:
    store.run(
        """INSERT INTO part (source, session, own, summary) VALUES (:source, :session, :own, :summary)
           ON CONFLICT (source, session) DO UPDATE SET own = excluded.own, summary = excluded.summary""",
        **part._asdict(),
    )


def remove_part(store: Store, source: int, session: int) -> None:
    store.run("DELETE FROM part WHERE source = :source AND session = :session", source=source, session=session)


def add_leaf(store: Store, leaf: Leaf) -> None:
    store.run(
        """INSERT INTO leaf (record, source, offset, title, session) VALUES (:record, :source, :offset, :title, :session)
           ON CONFLICT DO NOTHING""",
        **leaf._asdict(),
    )


def remove_leaves(store: Store, source: int) -> None:
    store.run("DELETE FROM leaf WHERE source = :source", source=source)


def leaves(store: Store, records: Collection[int]) -> list[Leaf]:
    """The titles for sessions that hold any of `records`."""
    if not records or not store.value("SELECT 1 FROM leaf LIMIT 1"):
        return []
    sql = f"SELECT record, source, offset, title, session FROM leaf WHERE record IN ({', '.join(map(str, records))})"
    return [Leaf._make(row) for row in store.rows(sql)]


def leaf_session(store: Store, record: int, folder: str) -> int:
    """The session of a folder that holds a record; 0 where none does."""
    sql = """SELECT session.id FROM session JOIN event ON event.session = session.id AND event.record = :record
             WHERE session.folder = :folder LIMIT 1"""
    return store.value(sql, record=record, folder=folder) or 0


def settle_leaves(store: Store, session: int, records: Collection[int]) -> None:
    """Note whose titles those for `records` are."""
    store.run(f"UPDATE leaf SET session = :session WHERE record IN ({', '.join(map(str, records))})", session=session)


def unsettle_leaves(store: Store, session: int) -> None:
    """A session is gone: its titles wait for it again."""
    store.run("UPDATE leaf SET session = 0 WHERE session = :session", session=session)


def last_leaf(store: Store, session: int) -> str:
    """The title that belongs to the latest record of a session which has one; ''."""
    sql = """SELECT leaf.title FROM leaf JOIN event ON event.session = :session AND event.record = leaf.record
             WHERE leaf.session = :session ORDER BY event.id DESC, leaf.source DESC, leaf.offset DESC LIMIT 1"""
    found: str | None = store.value(sql, session=session)
    return found or ""
