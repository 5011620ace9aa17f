"""Derived: events, and the index over their text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from zerg.store.base import Store

EPOCH = 1_577_836_800  # 2020-01-01 UTC in seconds since 1970
COUNTER = 12  # bits: 4096 events a second, then they spill into the next
PRIME = 2**63 - 25
COUNTERS = (1 << COUNTER) - 1
HOUR = 3600 << COUNTER  # a slice of a transcript that spans less is looked up as one range of ids


class EventRow(NamedTuple):
    """A row of `event`: where an event is and what it is, not what it says."""

    id: int
    session: int
    source: int
    offset: int
    length: int
    slot: int
    kind: str
    tool: str
    call: int | None
    record: int
    error: int
    image: int


class Place(NamedTuple):
    """Where an event is archived: its public id. Places order the events of a session as their files do."""

    source: int
    offset: int
    slot: int


START = Place(0, -1, 0)
COLUMNS = ", ".join(EventRow._fields)
VALUES = ", ".join(f":{name}" for name in EventRow._fields)


def hashed(name: str | bytes) -> int:
    """A name as a positive 63-bit number: what takes 30 bytes and an index of 40 takes 8 and 10 so."""
    data = name if isinstance(name, bytes) else name.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big") >> 1


def record_of(key: str) -> int:
    """The hash of a record's UUID, of anything else that names it too. Made-up UUIDs differ in a few digits only: all count."""
    try:
        return int(key.replace("-", ""), 16) % PRIME if len(key) == 36 else hashed(key)
    except ValueError:
        return hashed(key)


def second_of(event: int) -> int:
    """Seconds since 1970 from the row id of an event."""
    return (event >> COUNTER) + EPOCH


def floor_of(seconds: float) -> int:
    """The smallest row id of events at `seconds` since 1970, or later."""
    return max(0, int(seconds) - EPOCH) << COUNTER


def new_ids(store: Store, times: Sequence[int]) -> list[int]:
    """A free row id for each of `times` (ms UTC, ascending); the ids ascend too."""
    bases = [floor_of(at / 1000) for at in times]
    end = bases[-1] | COUNTERS if bases else 0
    taken = last_ids(store, bases[0], end) if bases and end - bases[0] < HOUR else None
    ids: list[int] = []
    free = -1
    for base in bases:
        if base > free or free & COUNTERS == 0:
            wanted = max(base, free)
            if taken is None or wanted > end:  # the last second is full, too
                free = first_free(store, wanted)
            else:
                free = taken.get(wanted >> COUNTER, wanted - 1) + 1
                if free >> COUNTER > wanted >> COUNTER:  # that second is full
                    free, taken = first_free(store, free), None
        ids.append(free)
        free += 1
    return ids


def last_ids(store: Store, first: int, last: int) -> dict[int, int]:
    """The greatest id of each second among the ids from `first` to `last`."""
    sql = "SELECT max(id) FROM event WHERE id BETWEEN :first AND :last GROUP BY id >> 12"
    return {row[0] >> COUNTER: row[0] for row in store.rows(sql, first=first, last=last)}


def first_free(store: Store, wanted: int) -> int:
    """The first id from `wanted` on that is free with all that follow it in its second."""
    while True:
        end = wanted | COUNTERS
        last: int | None = store.value("SELECT max(id) FROM event WHERE id BETWEEN :wanted AND :end", wanted=wanted, end=end)
        if last is None or last < end:
            return wanted if last is None else last + 1
        wanted = end + 1


def insert(store: Store, rows: Sequence[EventRow], texts: Iterable[str]) -> None:
    """Insert events, and have their texts indexed with the commit.

    The event comes first: its primary key is what makes ids unique, contentless FTS5 would take a second one silently.
    """
    store.run_many(f"INSERT INTO event ({COLUMNS}) VALUES ({VALUES})", [row._asdict() for row in rows])
    store.unindexed += [{"id": row.id, "text": text, "scope": scope(row)} for row, text in zip(rows, texts, strict=True)]


def scope(row: EventRow) -> str:
    """The tokens by which a search narrows to a session, kind, tool, to errors or to images within the index."""
    words = [f"s{row.session}", f"k{row.kind.replace('_', '')}"]
    if row.tool:
        words.append(tool_token(row.tool))
    if row.error:
        words.append("e")
    if row.image:
        words.append("i")
    return " ".join(words)


def tool_token(tool: str) -> str:
    """The scope token of a tool: tools have punctuation and case in their names, tokens have not."""
    return "t" + hashlib.blake2b(tool.casefold().encode("utf-8", "replace"), digest_size=5).hexdigest()


def copies(store: Store, session: int, source: int, records: Iterable[int]) -> set[int]:
    """Which of `records` another source than `source` has brought into the session."""
    found: set[int] = set()
    sql = "SELECT 1 FROM event WHERE session = :session AND record = :record AND source <> :source LIMIT 1"
    for record in records:
        if store.value(sql, session=session, record=record, source=source):
            found.add(record)
    return found


def at_place(store: Store, place: Place) -> EventRow | None:
    """The event with this public id."""
    row = store.row(
        f"""SELECT {COLUMNS} FROM event WHERE session IN (SELECT session FROM part WHERE source = :source)
            AND source = :source AND offset = :offset AND slot = :slot""",
        source=place.source, offset=place.offset, slot=place.slot,
    )  # fmt: skip
    return EventRow._make(row) if row else None


def by_record(store: Store, session: int, record: int) -> list[EventRow]:
    """The events of a session that its record with this hash made, in order."""
    sql = f"SELECT {COLUMNS} FROM event WHERE session = :session AND record = :record ORDER BY source, offset, slot"
    return [EventRow._make(row) for row in store.rows(sql, session=session, record=record)]


def by_calls(store: Store, session: int, calls: Iterable[int]) -> list[EventRow]:
    """The events of a session that have one of these call hashes: calls, results and spilled output."""
    sql = f"SELECT {COLUMNS} FROM event WHERE session = :session AND call = :call ORDER BY source, offset, slot"
    return [EventRow._make(row) for call in calls for row in store.rows(sql, session=session, call=call)]


def after(store: Store, session: int, place: Place, limit: int, kinds: Sequence[str] = ()) -> list[EventRow]:
    """The events of a session behind `place`, in file order; only of `kinds` if there are any."""
    return walk(store, session, place, limit, kinds, ">", "")


def before(store: Store, session: int, place: Place, limit: int, kinds: Sequence[str] = ()) -> list[EventRow]:
    """The events of a session before `place`, in file order; the nearest ones where `limit` cuts."""
    return walk(store, session, place, limit, kinds, "<", "DESC")[::-1]


def walk(store: Store, session: int, place: Place, limit: int, kinds: Sequence[str], side: str, order: str) -> list[EventRow]:
    names = {f"k{number}": kind for number, kind in enumerate(kinds)}
    only = f"AND kind IN ({', '.join(':' + name for name in names)})" if kinds else ""
    sql = f"""SELECT {COLUMNS} FROM event
              WHERE session = :session AND (source, offset, slot) {side} (:source, :offset, :slot) {only}
              ORDER BY source {order}, offset {order}, slot {order} LIMIT :limit"""
    place_of = place._asdict()
    return [EventRow._make(row) for row in store.rows(sql, session=session, limit=limit, **place_of, **names)]


def tool_of_call(store: Store, session: int, call: int) -> str:
    """The tool that was called under this hash; '' where the call is not here."""
    sql = "SELECT tool FROM event WHERE session = :session AND call = :call AND kind = 'tool_call' LIMIT 1"
    found: str | None = store.value(sql, session=session, call=call)
    return found or ""


def count_of_source(store: Store, session: int, source: int) -> int:
    sql = "SELECT count(*) FROM event WHERE session = :session AND source = :source"
    found: int = store.value(sql, session=session, source=source)
    return found


def remove_row(store: Store, event: int) -> None:
    store.run("DELETE FROM event WHERE id = :event", event=event)


def remove(store: Store, session: int, source: int, start: int = 0, stop: int = 2**62) -> int:
    """Remove the events of a session whose records begin in [start, stop) of a source; how many there were."""
    sql = "DELETE FROM event WHERE session = :session AND source = :source AND offset >= :start AND offset < :stop"
    return store.run(sql, session=session, source=source, start=start, stop=stop)


def count(store: Store) -> int:
    found: int = store.value("SELECT coalesce(sum(events), 0) FROM session")
    return found
