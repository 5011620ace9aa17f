"""From facts to what is derived from them: sessions, events, usage, the index.

Every source is read record by record by its provider's reader, once as it arrives and again after the parser changed. What
a record says lands in the session that it belongs to; a record that another source has brought to that session already is
a copy and counts for nothing.
"""

from __future__ import annotations

import json
import ntpath
import posixpath
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from zerg import archive, price
from zerg.events import OVERSIZE, OVERSIZE_TEXT, Event, Identity, Kind, Parsed, Record, Verdict
from zerg.fold import index_text
from zerg.providers import provider
from zerg.store import Store, derivation, event, make_derived, session, source, usage
from zerg.store.derivation import Derivation, Leaf, Part
from zerg.store.event import EPOCH, EventRow, Place
from zerg.store.source import Source
from zerg.store.usage import Claim
from zerg.summary import Summary, merged, shown

DAY = 86_400_000  # ms
SILENT = Summary().dump()


class Count(NamedTuple):
    """How many events came in, and how many were copies of what was there."""

    inserted: int
    skipped: int


class Found(NamedTuple):
    """A record that says something, on its way into the database."""

    part: OpenPart
    record: Record
    parsed: Parsed
    key: int


class Coming(NamedTuple):
    """An event on its way into the database."""

    at: int  # ms UTC, for sorting
    found: Found
    event: Event
    tool: str


@dataclass(slots=True)
class OpenPart:
    """What the source says of one session, while it is being read."""

    session: int
    own: bool
    summary: Summary
    shared: bool  # other sources speak of the session too
    owned: bool  # … and one of them is its own transcript
    messages: set[int] = field(default_factory=set)


class Derivator:
    """Derives one source, within a transaction of the caller's. `again`: from its start, replacing what was derived before."""

    def __init__(self, store: Store, found: Source, *, again: bool = False) -> None:
        self.store = store
        self.source = found
        self.again = again
        self.provider = provider(found.provider)
        done = None if again else derivation.of_source(store, found.id)
        self.fresh = done is None
        self.done = done or Derivation(found.id, self.provider.version, 0, 0, "{}")
        self.reader = self.provider.reader(found.path, json.loads(self.done.state))
        self.parts: dict[Identity, OpenPart] = {}
        self.before: dict[int, Part] = {part.session: part for part in derivation.parts_of_source(store, found.id)}
        self.inserted = 0
        self.skipped = 0

    def follows(self, offset: int) -> bool:
        """Whether all before `offset` was derived, by this parser. If not the source waits to be derived again as a whole."""
        return offset == 0 if self.fresh else self.done.version == self.provider.version

    def take(self, data: bytes, at_end: bool) -> None:
        """Derive the next bytes of the source; `at_end`: its file ended with them when they were read."""
        start, stop = self.done.offset, self.done.scanned + len(data)
        if self.reader is None:
            self.done = self.done._replace(offset=stop, scanned=stop)
            return
        if b"\n" not in data and not at_end:
            self.done = self.done._replace(scanned=stop)
            return
        records = list(self.records(data, at_end))
        end = records[-1].offset + records[-1].length if records else start
        if self.again:
            self.make_room(start, max(end, start + 1))
        self.add(records)
        self.done = self.done._replace(offset=end, scanned=stop)

    def make_room(self, start: int, stop: int) -> None:
        """Remove what was derived of the bytes [start, stop) before. Other sources may have come since the last slice."""
        for session_id in self.before:
            event.remove(self.store, session_id, self.source.id, start, stop)
        for part in self.parts.values():
            part.shared, part.owned = others(derivation.parts_of_session(self.store, part.session), self.source.id)

    def records(self, data: bytes, at_end: bool) -> Iterator[Record]:
        """The records that `data` completes, beginning with the line that was left open."""
        start, scanned = self.done.offset, self.done.scanned
        line_end = data.find(b"\n") + 1
        if scanned - start + (line_end or len(data)) > OVERSIZE:
            if not line_end:
                return  # it is taken when its end has come
            head = (archive.read(self.store, self.source.id, start, min(scanned, start + OVERSIZE_TEXT)) + data)[:OVERSIZE_TEXT]
            yield Record(start, scanned + line_end - start, head, None, oversize=True)
            data, start = data[line_end:], scanned + line_end
        elif start < scanned:
            data = archive.read(self.store, self.source.id, start, scanned) + data
        assert self.reader
        yield from self.reader.frame(data, start, at_end)

    def add(self, records: list[Record]) -> None:
        found = [one for one in map(self.read, records) if one]
        new = self.without_copies(found)
        for one in new:
            one.part.summary.add_record(one.parsed)
        self.insert(new)
        self.claim(new)
        self.name(new)

    def read(self, record: Record) -> Found | None:
        assert self.reader
        parsed = self.reader.read(record)
        if parsed.verdict == Verdict.BLANK:
            return None
        part = self.part(parsed.identity)
        if parsed.copied and parsed.identity.parent and part.owned:  # its own transcript is here and says the same
            self.skipped += len(parsed.events)
            return None
        if not parsed.copied and not part.own:
            self.take_over(part, parsed.identity)
        return Found(part, record, parsed, archive.key_of(record, parsed) if parsed.events else 0)

    def part(self, identity: Identity) -> OpenPart:
        found = self.parts.get(identity)
        if not found:
            found = self.parts[identity] = self.open_part(identity)
        return found

    def open_part(self, identity: Identity) -> OpenPart:
        session_id = session.rowid(self.store, identity.session)
        if session_id is None:
            here = self.source
            session_id = session.add(self.store, identity, here.provider, here.machine, folder_of(here.path), here.mtime)
        parts = derivation.parts_of_session(self.store, session_id)
        known = next((part for part in parts if part.source == self.source.id), None)
        mine = None if self.again else known
        shared, owned = others(parts, self.source.id)
        if not known:  # events are found through it, also before the source has been read
            derivation.save_part(self.store, Part(self.source.id, session_id, 0, SILENT))
        return OpenPart(
            session_id,
            own=bool(mine and mine.own),
            summary=Summary.load(mine.summary) if mine else Summary(),
            shared=shared,
            owned=owned,
        )

    def take_over(self, part: OpenPart, identity: Identity) -> None:
        """The source turns out to be a transcript of the session's own. What a subagent's parent copied of it makes room."""
        part.own = True
        if not identity.parent or not part.shared:
            return
        for other in derivation.parts_of_session(self.store, part.session):
            if other.source != self.source.id and not other.own:
                event.remove(self.store, part.session, other.source)
                derivation.save_part(self.store, other._replace(summary=Summary().dump()))

    def without_copies(self, found: list[Found]) -> list[Found]:
        """Those records that no other source has brought to their session."""
        copies: dict[int, set[int]] = {}
        for part in {id(one.part): one.part for one in found if one.part.shared}.values():
            keys = {one.key for one in found if one.part is part and one.parsed.events}
            copies[part.session] = event.copies(self.store, part.session, self.source.id, keys)
        new = [one for one in found if not one.parsed.events or one.key not in copies.get(one.part.session, ())]
        self.skipped += sum(len(one.parsed.events) for one in found) - sum(len(one.parsed.events) for one in new)
        return new

    def insert(self, new: list[Found]) -> None:
        """Insert the events of `new`, in order of time."""
        coming = []
        for at, one in zip(self.times(new), new, strict=True):
            for each in one.parsed.events:
                one.part.summary.add_event(each)
                coming.append(Coming(at, one, each, self.tool(one.part, each)))
        coming.sort(key=lambda one: one.at)
        ids = event.new_ids(self.store, [one.at for one in coming])
        rows = [self.row(number, *one[1:]) for number, one in zip(ids, coming, strict=True)]
        event.insert(self.store, rows, (index_text(one.event.text) for one in coming))
        self.inserted += len(rows)
        self.name_tools(coming)

    def tool(self, part: OpenPart, each: Event) -> str:
        """The tool of an event: a result and spilled output have that of their call, as far as it is here."""
        tool = part.summary.tool_of(each)
        if tool or not each.call or not part.shared:
            return tool
        return event.tool_of_call(self.store, part.session, event.hashed(each.call))

    def row(self, number: int, one: Found, each: Event, tool: str) -> EventRow:
        call = event.hashed(each.call) if each.call else None
        return EventRow(
            number,
            one.part.session,
            self.source.id,
            one.record.offset,
            one.record.length,
            each.slot,
            each.kind.value,
            tool,
            call,
            one.key,
            int(each.error),
            int(each.image),
        )

    def name_tools(self, coming: list[Coming]) -> None:
        """Where a call came after its result or its spilled output, these are indexed anew, under its tool."""
        for _, one, each, tool in coming:
            if each.kind == Kind.TOOL_CALL and (one.part.shared or each.call in one.part.summary.early):
                found = event.by_calls(self.store, one.part.session, [event.hashed(each.call)])
                move(self.store, [row._replace(tool=tool) for row in found if not row.tool])

    def times(self, new: list[Found]) -> list[int]:
        """The sort time of each record: its own, else that of the one before it, else of the one after, else of the file."""
        latest = self.source.pushed_at + DAY
        times = [None if one.parsed.at is None else min(max(one.parsed.at, EPOCH * 1000), latest) for one in new]
        for number, (one, at) in enumerate(zip(new, times, strict=True)):
            times[number] = one.part.summary.last_at if at is None else at
            one.part.summary.last_at = times[number]
        later = min(max(self.source.mtime, EPOCH * 1000), latest)
        for number in reversed(range(len(times))):
            later = times[number] = later if (at := times[number]) is None else at
        return [at or later for at in times]

    def claim(self, new: list[Found]) -> None:
        """Count tokens: of the records of one message the last one counts."""
        last = {(one.parsed.usage.message, one.part.session): one for one in new if one.parsed.usage}
        claims = [claim_of(one) for one in last.values()]
        for claim, one in zip(claims, last.values(), strict=True):
            one.part.messages.add(claim.message)
        usage.claim(self.store, claims)

    def name(self, new: list[Found]) -> None:
        """Give sessions the titles that stand in other files, whichever comes first."""
        titles: dict[int, list[Leaf]] = {}
        for leaf in self.leaves(new):
            derivation.add_leaf(self.store, leaf)
            if leaf.session:
                titles.setdefault(leaf.session, []).append(leaf)
        keys = {one.key: one.part.session for one in new if one.parsed.events}
        for leaf in derivation.leaves(self.store, keys.keys()):
            if leaf.session != keys[leaf.record]:
                titles.setdefault(keys[leaf.record], []).append(leaf)
        for session_id, found in titles.items():
            self.title(session_id, found)

    def leaves(self, new: list[Found]) -> list[Leaf]:
        """The titles for other sessions in `new`. Whose they are is looked for once: many files repeat the same ones."""
        told = [
            (event.record_of(one.parsed.facts["leaf"]), one) for one in new if one.parsed.facts.get("leaf") and one.parsed.events
        ]
        known = {leaf.record: leaf.session for leaf in derivation.leaves(self.store, {record for record, _ in told})}
        for record, _ in told:
            if record not in known:
                known[record] = derivation.leaf_session(self.store, record, folder_of(self.source.path))
        return [Leaf(record, self.source.id, one.record.offset, one.parsed.events[0].text, known[record]) for record, one in told]

    def title(self, session_id: int, titles: list[Leaf]) -> None:
        """Give a session the titles that other files have for it; the titles' events move there, each once."""
        derivation.settle_leaves(self.store, session_id, [leaf.record for leaf in titles])
        session.set_title_summary(self.store, session_id, derivation.last_leaf(self.store, session_id))
        counts: Counter[tuple[int, int]] = Counter({(self.source.id, session_id): 0})
        for leaf in titles:
            row = event.at_place(self.store, Place(leaf.source, leaf.offset, 0))
            if not row or row.session == session_id:
                continue
            counts[leaf.source, row.session] -= 1
            if event.copies(self.store, session_id, leaf.source, [row.record]):
                event.remove_row(self.store, row.id)  # another file gives it the same title
            else:
                move(self.store, [row._replace(session=session_id)], [leaf.title])
                counts[leaf.source, session_id] += 1
        for (source_id, each), change in counts.items():
            self.count(source_id, each, change)

    def count(self, source_id: int, session_id: int, change: int) -> None:
        """Correct the number of events that a source has brought to a session."""
        opened = next((part for part in self.parts.values() if part.session == session_id), None)
        if opened and source_id == self.source.id:
            opened.summary.events += change
            return
        part = derivation.part(self.store, source_id, session_id)
        if change:
            summary = Summary.load(part.summary) if part else Summary()
            summary.events += change
            derivation.save_part(self.store, (part or Part(source_id, session_id, 0, ""))._replace(summary=summary.dump()))
        if not opened:
            refresh(self.store, session_id)

    def finish(self) -> Count:
        """Write down how far the source has been read and what it says of its sessions."""
        if self.reader is not None:
            self.done = self.done._replace(state=json.dumps(self.reader.state, separators=(",", ":")))
        derivation.save(self.store, self.done)
        self.stand()
        if self.again:
            self.recount()
        for part in self.parts.values():
            derivation.save_part(self.store, Part(self.source.id, part.session, int(part.own), part.summary.dump()))
            refresh(self.store, part.session, self.source.mtime)
        if self.again:
            self.drop_stale()
        return Count(self.inserted, self.skipped)

    def stand(self) -> None:
        """A source that says nothing, as an empty file, stands under the session of its path, or it could not be exported."""
        reader = self.provider.reader(self.source.path, {})
        if not self.parts and reader and (self.again or not self.before):
            self.part(reader.read(Record(self.source.offset, 0, b"", None)).identity)
        said = {part.session for part in self.parts.values()}
        for part in self.before.values():
            if (
                said
                and part.session not in said
                and derivation.parts_of_session(self.store, part.session) == [part._replace(summary=SILENT)]
            ):
                derivation.remove_part(self.store, self.source.id, part.session)  # the records name another one
                forsake(self.store, part.session)

    def recount(self) -> None:
        """Set right how many events came from the source: titles of it have moved meanwhile, some for the second time."""
        for part in self.parts.values():
            part.summary.events = event.count_of_source(self.store, part.session, self.source.id)
        for old in derivation.parts_of_source(self.store, self.source.id):
            if all(part.session != old.session for part in self.parts.values()):
                number = event.count_of_source(self.store, old.session, self.source.id)
                self.count(self.source.id, old.session, number - Summary.load(old.summary).events)

    def drop_stale(self) -> None:
        """Remove what the parser before this one found and this one does not."""
        for part in self.parts.values():
            if not part.shared:
                usage.withdraw(self.store, part.session, usage.messages(self.store, part.session) - part.messages)
        for session_id in self.before.keys() - {part.session for part in self.parts.values()}:
            if not event.count_of_source(self.store, session_id, self.source.id):  # a title of ours may have moved there
                derivation.remove_part(self.store, self.source.id, session_id)
                forsake(self.store, session_id)


def others(parts: list[Part], source_id: int) -> tuple[bool, bool]:
    """Whether other sources than this one speak of the session of `parts`, and whether one of them is its own."""
    own = [part.own for part in parts if part.source != source_id]
    return bool(own), any(own)


def folder_of(path: str) -> str:
    kind = ntpath if "\\" in path else posixpath
    return str(kind.dirname(path))


def claim_of(one: Found) -> Claim:
    tokens = one.parsed.usage
    assert tokens
    at = one.parsed.at or one.part.summary.last_at or 0
    return Claim(
        event.hashed(tokens.message),
        one.part.session,
        int(one.parsed.copied),
        0,
        tokens.model,
        at,
        tokens.input,
        tokens.output,
        tokens.cache_read,
        tokens.cache_write_5m,
        tokens.cache_write_1h,
        int(tokens.lower_bound),
        price.cost(tokens, at),
    )


def move(store: Store, rows: list[EventRow], texts: list[str] | None = None) -> None:
    """Give events another session or tool: they are indexed under it as new rows, for the index is never changed."""
    reading = archive.Reading(store)
    for row, text in zip(rows, texts or map(reading.text, rows), strict=True):
        event.remove_row(store, row.id)
        event.insert(store, [row._replace(id=event.first_free(store, row.id + 1))], [index_text(text)])


def refresh(store: Store, session_id: int, mtime: int = 0) -> None:
    """Write what all parts of a session together say of it."""
    total = merged(Summary.load(part.summary) for part in derivation.parts_of_session(store, session_id))
    at = mtime or session.mtime(store, session_id)
    session.save(store, session_id, shown(total, session.title_summary(store, session_id), at), mtime)


def supersede(store: Store, old: Source) -> None:
    """A source is no longer what its file holds: its events go, its bytes stay. Other sources of its sessions are outdated."""
    for part in derivation.parts_of_source(store, old.id):
        event.remove(store, part.session, old.id)
        derivation.remove_part(store, old.id, part.session)
        usage.withdraw(store, part.session, usage.messages(store, part.session))
        derivation.unsettle_leaves(store, part.session)
        session.set_title_summary(store, part.session, "")
        for other in derivation.parts_of_session(store, part.session):
            derivation.outdate(store, other.source)
        forsake(store, part.session)
    derivation.remove(store, old.id)
    derivation.remove_leaves(store, old.id)


def forsake(store: Store, session_id: int) -> None:
    """Remove a session if no source speaks of it any more."""
    if derivation.parts_of_session(store, session_id):
        refresh(store, session_id)
    else:
        derivation.unsettle_leaves(store, session_id)
        session.remove(store, session_id)


def outdated(store: Store) -> list[int]:
    """The sources that are to be derived, or derived again: the newest first."""
    names = source.providers(store)
    return [one for name in names for one in source.outdated(store, name, provider(name).version)]


def again(store: Store, source_id: int) -> Iterator[None]:
    """Derive a source from its start, a chunk in each step, each step in a transaction of its own.

    What was derived before stays until its place is reached, and the session's figures change at the end. Interrupted, it
    starts over the next time. Bytes that arrive meanwhile are taken too.
    """
    work: Derivator | None = None
    offset = 0
    while (found := source.by_id(store, source_id)) and found.current:  # it may be rewritten meanwhile
        with store.transaction():
            work = work or Derivator(store, found, again=True)
            work.source = found
            if offset == found.offset:
                work.finish()
                return
            data = archive.following(store, source_id, offset)
            offset += len(data)
            work.take(data, at_end=offset == found.offset >= found.size)
        yield


def rebuild(store: Store, progress: Callable[[int, int], None] = lambda done, total: None) -> None:
    """Drop all that is derived and derive it anew, in the order in which it arrived, so that public ids stay what they are."""
    make_derived(store)
    sources = source.in_order(store)
    for number, source_id in enumerate(sources):
        progress(number, len(sources))
        for _ in again(store, source_id):
            pass
    progress(len(sources), len(sources))
