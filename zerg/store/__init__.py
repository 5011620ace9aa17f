"""All SQL of zerg. One module per noun, one function per query or change; `base.Store` is the connection they run on.

Three tiers: facts (source, chunk: never changed, never dropped), kept (what the user made here) and derived (all the rest,
made from the facts by zerg/ingest.py).
"""

from __future__ import annotations

from pathlib import Path

from zerg.errors import ConfigError, NewerDatabase
from zerg.store.base import Store
from zerg.store.sqlite import SqliteStore

DERIVED = 1  # version of schema/*/derived.sql
DERIVED_TABLES = ("event_index", "leaf", "usage", "event", "part", "session", "derivation", "derived")

__all__ = ["Store", "make_derived", "open_store"]


def open_store(url: str, *, read_only: bool = False) -> Store:
    """The store at `url`: ``sqlite:///FILE`` or the path of an SQLite file. Made if it does not exist, unless `read_only`."""
    scheme, colon, rest = url.partition("://")
    if colon and scheme != "sqlite":
        raise ConfigError(f"cannot open a database of kind {scheme!r}; known: sqlite:///FILE")
    path = Path(rest.removeprefix("/") if rest.startswith("//") else rest) if colon else Path(url)
    store = SqliteStore(path.expanduser(), read_only=read_only)
    if not read_only:
        ensure_derived(store)
    return store


def ensure_derived(store: Store) -> None:
    """Make the derived tables, anew if they are of another version: what they hold is then derived again."""
    store.run("CREATE TABLE IF NOT EXISTS derived (version INTEGER NOT NULL)")
    version = store.value("SELECT version FROM derived")
    if version is not None and version > DERIVED:
        raise NewerDatabase()
    if version != DERIVED:
        make_derived(store)


def make_derived(store: Store) -> None:
    """Drop what is derived and make it anew, empty."""
    with store.transaction():
        for table in DERIVED_TABLES:
            store.run(f"DROP TABLE IF EXISTS {table}")
        store.run("CREATE TABLE derived (version INTEGER NOT NULL)")
        store.script("derived")
        store.run("INSERT INTO derived (version) VALUES (:version)", version=DERIVED)
