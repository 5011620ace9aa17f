"""What a database holds, read beside zerg: to compare two of them, and to check one."""

from __future__ import annotations

import hashlib
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

Rows = list[tuple[Any, ...]]

# Not compared: row ids, which a rebuild may number anew, and when things arrived.
SESSION = """uuid, provider, parent, agent, top, folder, at, started_at, ended_at, project, cwd, branch, version, entrypoint,
    agent_type, pr, title, prompts, answers, tool_calls, errors, events, broken, unknown, models, strip, noise, raw,
    input, output, cache_read, cache_write_5m, cache_write_1h, messages, duplicates, lower_bound, unpriced, cost"""
DERIVED = {
    "session": f"SELECT {SESSION} FROM session",
    "event": """SELECT uuid, source, offset, slot, length, kind, tool, call, record, error, image
        FROM event JOIN session ON session.id = session""",
    "usage": """SELECT message, uuid, counted, usage.input, usage.output, usage.cost
        FROM usage JOIN session ON session.id = session""",
    "leaf": "SELECT record, source, offset, title FROM leaf",
}


@contextmanager
def reading(file: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        yield connection


def facts(file: Path) -> dict[tuple[str, int], str]:
    """SHA-256 of what is archived of each (path, generation)."""
    found = {}
    with reading(file) as database:
        for source, path, generation in database.execute("SELECT id, path, generation FROM source").fetchall():
            hasher = hashlib.sha256()
            for (data,) in database.execute("SELECT data FROM chunk WHERE source = ? ORDER BY offset", (source,)):
                hasher.update(zlib.decompress(data))
            found[path, generation] = hasher.hexdigest()
    return found


def derived(file: Path) -> dict[str, Rows]:
    """All that is derived, in an order that depends on nothing but itself."""
    with reading(file) as database:
        return {name: sorted(database.execute(sql).fetchall(), key=repr) for name, sql in DERIVED.items()}


def differences(one: dict[str, Rows], other: dict[str, Rows]) -> dict[str, tuple[Rows, Rows]]:
    """A few rows of each table that only one of two has; {} where both are equal."""
    found = {}
    for name in one:
        left, right = set(one[name]), set(other[name])
        if left != right or len(one[name]) != len(other[name]):
            found[name] = (sorted(left - right, key=repr)[:3], sorted(right - left, key=repr)[:3])
    return found


def check(file: Path) -> None:
    """Nothing is broken: the file, the chunks, the sums of the sessions, the index."""
    with reading(file) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute(GAPS).fetchall() == []
        assert database.execute(SUMS).fetchall() == []
        assert database.execute(COUNTED).fetchall() == []
        assert database.execute(COPIES).fetchall() == []
        assert unindexed(database) == set()


# Chunks tile a source from 0 to its offset.
GAPS = """SELECT source.id, source.offset, count(chunk.source), coalesce(sum(length), 0), coalesce(max(chunk.offset + length), 0)
    FROM source LEFT JOIN chunk ON chunk.source = source.id GROUP BY source.id
    HAVING coalesce(sum(length), 0) <> source.offset OR coalesce(max(chunk.offset + length), 0) <> source.offset"""
# A session counts the events that it has.
SUMS = """SELECT uuid, session.events, count(event.id) FROM session LEFT JOIN event ON event.session = session.id
    GROUP BY session.id HAVING count(event.id) <> session.events"""
# Each message of the archive is counted in one session.
COUNTED = "SELECT message, sum(counted) FROM usage GROUP BY message HAVING sum(counted) <> 1"
# No record is in a session from two sources: events of one record may share a slot only within one source.
COPIES = (
    """SELECT session, record, count(DISTINCT source) FROM event GROUP BY session, record HAVING count(DISTINCT source) > 1"""
)


def unindexed(database: sqlite3.Connection) -> set[int]:
    """Events that say something, as far as their kind tells, and that the index does not know."""
    said = {
        row[0] for row in database.execute("SELECT id FROM event WHERE kind IN ('prompt', 'answer', 'tool_call', 'compaction')")
    }
    found = set()
    for kind in ("kprompt", "kanswer", "ktoolcall", "kcompaction"):
        found |= {
            row[0] for row in database.execute("SELECT rowid FROM event_index WHERE event_index MATCH ?", (f"scope:{kind}",))
        }
    return said - found
