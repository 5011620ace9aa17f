"""Facts: machines, sources and the chunks that hold their bytes."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import NamedTuple

from zerg.store.base import Store

CHUNK = 256 * 1024  # bytes: the largest chunk, uncompressed
WHOLE = 64 * 1024  # bytes: a chunk from this size on is not worth merging
LEVEL = 6  # of zlib, for chunks compressed here


class Source(NamedTuple):
    """One generation of one file: a row of `source`. Times are ms UTC, hashes SHA-256."""

    id: int
    machine: str
    provider: str
    path: str
    generation: int
    current: int
    offset: int
    size: int
    mtime: int
    tail: int
    head_hash: bytes
    tail_hash: bytes
    digest: bytes
    digested: int
    missing: int
    arrived_at: int
    pushed_at: int


COLUMNS = ", ".join(Source._fields)


def by_id(store: Store, source: int) -> Source | None:
    row = store.row(f"SELECT {COLUMNS} FROM source WHERE id = :source", source=source)
    return Source._make(row) if row else None


def generations(store: Store, machine: str, provider: str, path: str) -> list[Source]:
    """All generations of one file, oldest first."""
    sql = f"SELECT {COLUMNS} FROM source WHERE machine = :machine AND provider = :provider AND path = :path ORDER BY generation"
    return [Source._make(row) for row in store.rows(sql, machine=machine, provider=provider, path=path)]


def of_machine(store: Store, machine: str, after: int, limit: int) -> list[Source]:
    """The current sources of a machine with an id greater than `after`, in order of their ids."""
    sql = f"SELECT {COLUMNS} FROM source WHERE machine = :machine AND current = 1 AND id > :after ORDER BY id LIMIT :limit"
    return [Source._make(row) for row in store.rows(sql, machine=machine, after=after, limit=limit)]


def of_session(store: Store, session: int) -> list[Source]:
    """The sources that a session's events come from: its own ones first, the longest first."""
    sql = f"""SELECT {COLUMNS} FROM source JOIN part ON part.source = source.id
              WHERE part.session = :session ORDER BY part.own DESC, source.current DESC, source.offset DESC, source.id"""
    return [Source._make(row) for row in store.rows(sql, session=session)]


def in_order(store: Store) -> list[int]:
    """The current sources, in the order in which they arrived: replayed so, copies belong to the same ones as before."""
    return [row[0] for row in store.rows("SELECT id FROM source WHERE current = 1 ORDER BY id")]


def outdated(store: Store, provider: str, version: int) -> list[int]:
    """The current sources that an older parser derived, or none yet; newest first."""
    sql = """SELECT source.id FROM source LEFT JOIN derivation ON derivation.source = source.id
             WHERE provider = :provider AND source.current = 1 AND (version IS NULL OR version <> :version) ORDER BY mtime DESC"""
    return [row[0] for row in store.rows(sql, provider=provider, version=version)]


def providers(store: Store) -> list[str]:
    return [row[0] for row in store.rows("SELECT DISTINCT provider FROM source")]


def add(store: Store, source: Source) -> Source:
    """Insert `source` under a new id, as the current generation of its file."""
    store.run(
        "UPDATE source SET current = 0 WHERE machine = :machine AND provider = :provider AND path = :path",
        machine=source.machine, provider=source.provider, path=source.path,
    )  # fmt: skip
    new = source._replace(id=(store.value("SELECT max(id) FROM source") or 0) + 1, current=1)
    names = ", ".join(f":{name}" for name in Source._fields)
    store.run(f"INSERT INTO source ({COLUMNS}) VALUES ({names})", **new._asdict())
    return new


def make_current(store: Store, source: Source) -> None:
    """Let an older generation be the current one again."""
    store.run(
        """UPDATE source SET current = CASE WHEN id = :id THEN 1 ELSE 0 END
           WHERE machine = :machine AND provider = :provider AND path = :path""",
        id=source.id, machine=source.machine, provider=source.provider, path=source.path,
    )  # fmt: skip


def update(store: Store, source: Source) -> None:
    """Write what changes as a source grows."""
    store.run(
        """UPDATE source SET offset = :offset, size = :size, mtime = :mtime, tail = :tail, head_hash = :head_hash,
           tail_hash = :tail_hash, digest = :digest, digested = :digested, missing = :missing,
           pushed_at = :pushed_at WHERE id = :id""",
        offset=source.offset, size=source.size, mtime=source.mtime, tail=source.tail, head_hash=source.head_hash,
        tail_hash=source.tail_hash, digest=source.digest, digested=source.digested, missing=source.missing,
        pushed_at=source.pushed_at, id=source.id,
    )  # fmt: skip


def set_digest(store: Store, source: int, digest: bytes, digested: int) -> None:
    store.run(
        "UPDATE source SET digest = :digest, digested = :digested WHERE id = :source",
        digest=digest,
        digested=digested,
        source=source,
    )


def undigested(store: Store, limit: int) -> list[int]:
    """Current sources whose digest does not cover all that is stored."""
    return [
        row[0] for row in store.rows("SELECT id FROM source WHERE digested < offset AND current = 1 LIMIT :limit", limit=limit)
    ]


def mark_missing(store: Store, machine: str, paths: Sequence[str]) -> None:
    """Note which sources are gone from their machine: exactly those at `paths`."""
    gone = set(paths)
    known = store.rows("SELECT id, path, missing FROM source WHERE machine = :machine", machine=machine)
    changed = [{"source": row[0], "missing": int(row[1] in gone)} for row in known if (row[1] in gone) != bool(row[2])]
    if changed:
        with store.transaction():
            store.run_many("UPDATE source SET missing = :missing WHERE id = :source", changed)


def add_chunk(store: Store, source: int, offset: int, data: bytes, packed: bytes | None = None) -> None:
    """Store a slice of a source; `packed` is the same compressed, where somebody has done that already."""
    store.run(
        "INSERT INTO chunk (source, offset, length, data) VALUES (:source, :offset, :length, :data)",
        source=source, offset=offset, length=len(data), data=packed or zlib.compress(data, LEVEL),
    )  # fmt: skip


def chunks(store: Store, source: int, start: int, stop: int) -> list[tuple[int, int]]:
    """(offset, length) of the chunks that hold [start, stop), in order."""
    sql = """SELECT offset, length FROM chunk WHERE source = :source AND offset < :stop AND offset >=
             coalesce((SELECT max(offset) FROM chunk WHERE source = :source AND offset <= :start), 0) ORDER BY offset"""
    return [(row[0], row[1]) for row in store.rows(sql, source=source, start=start, stop=stop)]


def chunk_data(store: Store, source: int, offset: int) -> bytes:
    """The uncompressed bytes of the chunk at `offset`."""
    packed: bytes = store.value(
        "SELECT data FROM chunk WHERE source = :source AND offset = :offset", source=source, offset=offset
    )
    return zlib.decompress(packed)


def remove_chunks(store: Store, source: int, start: int, stop: int) -> None:
    """Remove the chunks in [start, stop): only to put the same bytes back in fewer ones."""
    store.run(
        "DELETE FROM chunk WHERE source = :source AND offset >= :start AND offset < :stop", source=source, start=start, stop=stop
    )


def split_tails(store: Store, before: int, limit: int) -> list[int]:
    """Sources quiet since `before` (ms) whose tail lies in several chunks."""
    sql = """SELECT source.id FROM source JOIN chunk ON chunk.source = source.id AND chunk.offset >= source.tail
             WHERE source.tail < source.offset AND pushed_at < :before GROUP BY source.id HAVING count(*) > 1 LIMIT :limit"""
    return [row[0] for row in store.rows(sql, before=before, limit=limit)]


def note_scan(store: Store, new: Machine) -> None:
    """Note what the Shipper of a machine reports of itself. Nothing is written where it says what it said before."""
    if any(known._replace(scanned_at=new.scanned_at) == new for known in machines(store)):
        return
    with store.transaction():
        store.run(
            """INSERT INTO machine (id, label, files, bytes, cleanup_days, scanned_at)
               VALUES (:id, :label, :files, :bytes, :cleanup_days, :scanned_at)
               ON CONFLICT (id) DO UPDATE SET label = excluded.label, files = excluded.files, bytes = excluded.bytes,
               cleanup_days = excluded.cleanup_days, scanned_at = excluded.scanned_at""",
            **new._asdict(),
        )


def ensure_machine(store: Store, machine: str, label: str, now: int) -> None:
    """Know a machine that pushes before it has scanned."""
    store.run(
        """INSERT INTO machine (id, label, files, bytes, cleanup_days, scanned_at)
           VALUES (:machine, :label, 0, 0, NULL, :now) ON CONFLICT (id) DO NOTHING""",
        machine=machine, label=label, now=now,
    )  # fmt: skip


class Machine(NamedTuple):
    id: str
    label: str
    files: int
    bytes: int
    cleanup_days: int | None
    scanned_at: int


def machines(store: Store) -> list[Machine]:
    return [
        Machine._make(row)
        for row in store.rows("SELECT id, label, files, bytes, cleanup_days, scanned_at FROM machine ORDER BY label, id")
    ]


def totals(store: Store) -> tuple[int, int]:
    """(number, bytes stored) of the current sources."""
    row = store.row("SELECT count(*), coalesce(sum(offset), 0) FROM source WHERE current = 1")
    assert row
    return row[0], row[1]
