"""Derived: which sessions their machine is going to delete, and which it has deleted."""

from __future__ import annotations

from zerg.store.base import Store

OWN = """FROM source JOIN part ON part.source = source.id JOIN session ON session.id = part.session
    WHERE source.current = 1 AND part.own = 1 AND session.top = 1"""


def expiring(store: Store, machine: str, before: int) -> int:
    """Sessions whose file is still there and has not changed since `before` (ms UTC)."""
    sql = (
        f"SELECT count(DISTINCT session.id) {OWN} AND source.missing = 0 AND source.machine = :machine AND source.mtime < :before"
    )
    found: int = store.value(sql, machine=machine, before=before)
    return found


def only_here(store: Store) -> int:
    """Sessions whose file is gone."""
    found: int = store.value(f"SELECT count(DISTINCT session.id) {OWN} AND source.missing = 1")
    return found
