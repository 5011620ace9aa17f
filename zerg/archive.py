"""The archived bytes, and events as they are shown: the provider's parser applied to the archived record.

Display, search, chat and export all take the text of an event from here, so it is the same everywhere.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from zerg.errors import NotFound
from zerg.events import OVERSIZE, OVERSIZE_TEXT, Event, Kind, Parsed, Record, public_id
from zerg.providers import Reader, provider
from zerg.store import Store, source
from zerg.store.event import EventRow, Place, hashed, record_of, second_of

CACHED = 8  # uncompressed chunks that are kept: a page of events lies in one or two


class Entry(NamedTuple):
    """An event as shown: its row, and what its record says. Times are ms UTC."""

    id: str  # public
    kind: Kind
    at: int
    text: str
    tool: str  # of a call, and of its result
    call: str
    error: bool
    label: str
    model: str
    image: bool
    data: Mapping[str, Any]
    source: int
    offset: int
    length: int


class Chunks:
    """The chunks read last, uncompressed. A chunk is told by where it begins and how long it is, which merging changes."""

    def __init__(self) -> None:
        self.kept: OrderedDict[tuple[int, int, int], bytes] = OrderedDict()

    def get(self, store: Store, source_id: int, offset: int, length: int) -> bytes:
        key = (source_id, offset, length)
        data = self.kept.pop(key, None)
        if data is None:
            data = source.chunk_data(store, source_id, offset)
        self.kept[key] = data
        if len(self.kept) > CACHED:
            self.kept.popitem(last=False)
        return data

    def clear(self) -> None:
        self.kept.clear()


def read(store: Store, source_id: int, start: int, stop: int, chunks: Chunks | None = None) -> bytes:
    """The bytes [start, stop) of a source, as far as they are stored."""
    if start >= stop:
        return b""
    chunks = chunks or Chunks()
    pieces = []
    for offset, length in source.chunks(store, source_id, start, stop):
        data = chunks.get(store, source_id, offset, length)
        pieces.append(data[max(0, start - offset) : stop - offset])
    return b"".join(pieces)


def stream(store: Store, source_id: int, stop: int) -> Iterator[bytes]:
    """The bytes [0, stop) of a source, a chunk at a time."""
    offset = 0
    while offset < stop:
        data = following(store, source_id, offset)
        yield data[: stop - offset]
        offset += len(data)


def following(store: Store, source_id: int, offset: int) -> bytes:
    """What comes at `offset` of a source, up to the end of a chunk; chunks may have been merged since one ended there."""
    ((start, _),) = source.chunks(store, source_id, offset, offset + 1)
    return source.chunk_data(store, source_id, start)[offset - start :]


class Reading:
    """Reads the records of events. Keeps the chunks and the reader of the source that it read last, for events come in runs."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.chunks = Chunks()
        self.readers: dict[int, Reader] = {}
        self.last: tuple[tuple[int, int], Record, Parsed] | None = None

    def parsed(self, row: EventRow) -> tuple[Record, Parsed]:
        """The record of an event, and what it says: several events in a row may share one."""
        key = (row.source, row.offset)
        if self.last is None or self.last[0] != key:
            record = self.record(row)
            self.last = (key, record, self.reader(row.source).read(record))
        return self.last[1], self.last[2]

    def record(self, row: EventRow) -> Record:
        reader = self.reader(row.source)
        if row.kind == Kind.OVERSIZE:
            head = read(self.store, row.source, row.offset, row.offset + OVERSIZE_TEXT, self.chunks)
            return Record(row.offset, row.length, head, None, oversize=True)
        data = read(self.store, row.source, row.offset, row.offset + row.length, self.chunks)
        found = next(iter(reader.frame(data, row.offset, True)), None)
        return found or Record(row.offset, row.length, data, None)

    def key_at(self, place: Place) -> int | None:
        """The hash of the record at a place of the archive, also where no event is derived from it any more."""
        found = source.by_id(self.store, place.source)
        if not found or place.offset >= found.offset:
            return None
        data = read(self.store, found.id, place.offset, min(found.offset, place.offset + OVERSIZE), self.chunks)
        reader = self.reader(found.id)
        record = next(iter(reader.frame(data, place.offset, place.offset + len(data) == found.offset)), None)
        return key_of(record, reader.read(record)) if record else None

    def reader(self, source_id: int) -> Reader:
        """Text depends on the record alone, so the reader starts from nothing."""
        if source_id not in self.readers:
            found = source.by_id(self.store, source_id)
            reader = provider(found.provider).reader(found.path, {}) if found else None
            if reader is None:
                raise NotFound(f"no source {source_id}")
            self.readers[source_id] = reader
        return self.readers[source_id]

    def event(self, row: EventRow) -> tuple[Event, Parsed]:
        """An event as its record says it. A parser that no longer finds it there gives it no text, until it is derived again."""
        _, parsed = self.parsed(row)
        found = next((event for event in parsed.events if event.slot == row.slot), None)
        return found or Event(row.slot, Kind(row.kind), ""), parsed

    def entry(self, row: EventRow) -> Entry:
        event, parsed = self.event(row)
        at = second_of(row.id) * 1000 if parsed.at is None else parsed.at
        return Entry(
            public_id(row.source, row.offset, row.slot),
            Kind(row.kind),
            at,
            event.text,
            row.tool or event.tool,
            event.call,
            bool(row.error),
            event.label,
            parsed.model,
            bool(row.image),
            event.data,
            row.source,
            row.offset,
            row.length,
        )

    def entries(self, rows: Iterable[EventRow]) -> list[Entry]:
        return [self.entry(row) for row in rows]

    def image(self, row: EventRow, number: int) -> tuple[str, bytes]:
        """Media type and bytes of an image of an event. Raises NotFound."""
        record, _ = self.parsed(row)
        images = self.event(row)[0].data.get("images", ())
        if not 0 <= number < len(images):
            raise NotFound("no image there")
        found = source.by_id(self.store, row.source)
        assert found
        return provider(found.provider).image(record.value, images[number]["path"])

    def text(self, row: EventRow) -> str:
        return self.event(row)[0].text


def key_of(record: Record, parsed: Parsed) -> int:
    """A hash that is equal in every copy of a record: of its UUID, else of its bytes."""
    return record_of(parsed.key) if parsed.key else hashed(record.data.strip())


def place_of(event: str) -> Place:
    """The place that a public id names. Raises NotFound for what is none."""
    parts = event.split("-")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        raise NotFound(f"no event {event[:80]!r}")
    return Place(*map(int, parts))
