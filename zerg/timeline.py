"""The read model of the pages and the API: lists of sessions by day, and windows into one session."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, tzinfo
from typing import NamedTuple

from zerg import archive
from zerg.archive import Entry, Reading
from zerg.errors import BadRequest, NotFound
from zerg.events import Kind
from zerg.store import Store, event
from zerg.store import session as sessions
from zerg.store.event import START, EventRow, Place
from zerg.store.session import FIRST, Cursor, Filter, Session

CURSOR = re.compile("[0-9]{1,18}-[0-9]{1,18}")
LIVE = 120_000  # ms since its file changed, within which a session counts as being written
OUTLINE = 500  # prompts of a session that are listed at once
HIDDEN = (Kind.TITLE,)  # kinds that are not part of the conversation
SHOWN = tuple(kind.value for kind in Kind if kind not in HIDDEN)


class Day(NamedTuple):
    """The sessions of one day that a page shows, and how many there are of that day in all."""

    date: date
    sessions: list[Session]
    total: int
    cost_microdollars: int


class Days(NamedTuple):
    days: list[Day]
    next: str  # cursor; "" at the end
    total: int  # sessions of the filter
    folded: int  # … of it not shown, as noise


class OutlineItem(NamedTuple):
    """A prompt of a session."""

    id: str
    text: str  # its first line
    at: int  # ms UTC


class Window(NamedTuple):
    """A run of events of one session, in file order."""

    entries: list[Entry]
    before: str  # cursor to what comes before; "" at the start
    after: str  # cursor to what follows; "" at the end
    results: dict[str, list[Entry]]  # by call id: results and spilled output of the calls in the window, wherever they lie
    agents: dict[str, Session]  # subagents by the call that started them


def days(store: Store, filter: Filter, zone: tzinfo, cursor: str = "", limit: int = 100) -> Days:
    """Sessions by day of their start, the newest first."""
    found = sessions.page(store, filter, parse_cursor(cursor), limit + 1)
    shown = found[:limit]
    following = cursor_of(shown[-1]) if len(found) > limit else ""
    total, noise = sessions.total(store, filter)
    folded = 0 if filter.noise else noise
    return Days(by_day(store, filter, zone, shown), following, total - folded, folded)


def by_day(store: Store, filter: Filter, zone: tzinfo, shown: list[Session]) -> list[Day]:
    groups: dict[date, list[Session]] = {}
    for each in shown:
        groups.setdefault(day_of(each.at, zone), []).append(each)
    if not groups:
        return []
    counts: Counter[date] = Counter()
    costs: Counter[date] = Counter()
    span = filter._replace(after=max(filter.after, start_of(min(groups), zone)))
    for at, cost in sessions.times(store, span):
        counts[day := day_of(at, zone)] += 1
        costs[day] += cost
    return [Day(day, found, counts[day], costs[day]) for day, found in groups.items()]


def cursor_of(last: Session) -> str:
    """Where a list goes on that ended with this session."""
    return f"{last.at}-{last.rowid}"


def parse_cursor(cursor: str) -> Cursor:
    if not cursor:
        return FIRST
    if not CURSOR.fullmatch(cursor):
        raise BadRequest(f"no cursor of ours: {cursor[:80]!r}")
    return Cursor(*map(int, cursor.split("-")))


def day_of(at: int, zone: tzinfo) -> date:
    """The day on which a time (ms UTC) lies in a zone."""
    return datetime.fromtimestamp(at / 1000, zone).date()


def start_of(day: date, zone: tzinfo) -> int:
    """When a day begins in a zone: ms UTC."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)


def activity(store: Store, filter: Filter, zone: tzinfo) -> list[tuple[date, int]]:
    """How many sessions began on each day that has any, the earliest first."""
    counts = Counter(day_of(at, zone) for at, _ in sessions.times(store, filter))
    return sorted(counts.items())


def filters(store: Store, filter: Filter) -> dict[str, list[tuple[str, int]]]:
    """What there is to filter by, with counts: each under the other filters that are set."""
    return {
        "project": sessions.values(store, "project", filter._replace(project="")),
        "provider": sessions.values(store, "provider", filter._replace(provider="")),
        "machine": sessions.values(store, "machine", filter._replace(machine="")),
        "branch": sessions.values(store, "branch", filter._replace(branch="")),
        "model": sessions.models(store, filter._replace(model="")),
    }


def session(store: Store, uuid: str) -> Session:
    """The session with this id. Raises NotFound."""
    found = sessions.by_uuid(store, uuid)
    if not found:
        raise NotFound(f"no session {uuid[:80]!r}")
    return found


def subagents(store: Store, uuid: str) -> list[Session]:
    """The sessions that a session started, the earliest first."""
    return sessions.page(store, Filter(parent=uuid), FIRST, 10_000)[::-1]


def live(each: Session, now: int) -> bool:
    """Whether a session is being written now (ms UTC)."""
    return now - each.mtime < LIVE


def outline(store: Store, uuid: str, at: str = "") -> list[OutlineItem]:
    """The prompts of a session; of very many those around the event `at`, or the first ones."""
    rowid = session(store, uuid).rowid
    place = archive.place_of(at) if at else START
    earlier = event.before(store, rowid, place, OUTLINE // 2, (Kind.PROMPT,))
    rows = earlier + event.after(store, rowid, place._replace(slot=place.slot - 1), OUTLINE - len(earlier), (Kind.PROMPT,))
    return [OutlineItem(entry.id, first_line(entry.text), entry.at) for entry in Reading(store).entries(rows)]


def first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")[:200]


def window(
    store: Store, uuid: str, *, at: str = "", before: str = "", after: str = "", limit: int = 100, kinds: Sequence[str] = SHOWN
) -> Window:
    """Events of a session: from its start, around the event `at`, or on from a cursor."""
    rowid = session(store, uuid).rowid
    if before:
        rows = event.before(store, rowid, archive.place_of(before), limit + 1, kinds)
        rows, more = rows[-limit:], (len(rows) > limit, True)
    elif at:
        rows, more = around(store, rowid, resolve(store, rowid, at), limit, kinds)
    else:
        rows = event.after(store, rowid, archive.place_of(after) if after else START, limit + 1, kinds)
        rows, more = rows[:limit], (bool(after), len(rows) > limit)
    return filled(store, uuid, rowid, rows, more)


def around(store: Store, rowid: int, place: Place, limit: int, kinds: Sequence[str]) -> tuple[list[EventRow], tuple[bool, bool]]:
    """A few events before `place`, and the rest from it on."""
    lead = limit // 4
    earlier = event.before(store, rowid, place, lead + 1, kinds)
    here = place._replace(slot=place.slot - 1)
    later = event.after(store, rowid, here, limit - lead + 1, kinds)
    return earlier[-lead:] + later[: limit - lead], (len(earlier) > lead, len(later) > limit - lead)


def filled(store: Store, uuid: str, rowid: int, rows: list[EventRow], more: tuple[bool, bool]) -> Window:
    reading = Reading(store)
    entries = reading.entries(rows)
    inside = {row.id for row in rows}
    calls = [row.call for row in rows if row.kind == Kind.TOOL_CALL and row.call is not None]
    results: dict[str, list[Entry]] = {}
    for row, entry in zip(rows, entries, strict=True):
        if row.kind in (Kind.TOOL_RESULT, Kind.OUTPUT):
            results.setdefault(entry.call, []).append(entry)
    for row in event.by_calls(store, rowid, calls):
        if row.id not in inside and row.kind in (Kind.TOOL_RESULT, Kind.OUTPUT):
            entry = reading.entry(row)
            results.setdefault(entry.call, []).append(entry)
    first, last = (entries[0].id, entries[-1].id) if entries else ("", "")
    return Window(entries, first if more[0] else "", last if more[1] else "", results, agents(store, uuid, results.values()))


def agents(store: Store, uuid: str, results: Iterable[list[Entry]]) -> dict[str, Session]:
    """Subagents by the call whose result names them."""
    named = {agent: one.call for found in results for one in found if (agent := one.data.get("result", {}).get("agentId"))}
    if not named:
        return {}
    return {named[each.agent]: each for each in subagents(store, uuid) if each.agent in named}


def resolve(store: Store, rowid: int, at: str) -> Place:
    """The place of an event within a session, also of one whose record another source has brought there since."""
    place = archive.place_of(at)
    row = event.at_place(store, place)
    if row and row.session == rowid:
        return place
    record = Reading(store).key_at(place)
    found = event.by_record(store, rowid, record) if record is not None else []
    if not found:
        raise NotFound(f"no event {at[:80]!r} in this session")
    return Place(found[0].source, found[0].offset, found[0].slot)


def entry(store: Store, at: str) -> tuple[Session, Entry]:
    """The event with this public id, and its session."""
    place = archive.place_of(at)
    row = event.at_place(store, place)
    if not row:
        raise NotFound(f"no event {at[:80]!r}")
    return sessions.by_rowids(store, {row.session})[row.session], Reading(store).entry(row)


def events(store: Store, uuid: str, kinds: Sequence[str], cursor: str, limit: int, size: int) -> tuple[list[Entry], str]:
    """Events of a session in file order, of all kinds or of some, and where to go on ("" at the end).

    The list ends early when its texts have more than `size` characters.
    """
    place = archive.place_of(cursor) if cursor else START
    rows = event.after(store, session(store, uuid).rowid, place, limit + 1, kinds)
    reading, entries = Reading(store), []
    for row in rows[:limit]:
        entries.append(reading.entry(row))
        size -= len(entries[-1].text)
        if size < 0:
            break
    return entries, entries[-1].id if len(entries) < len(rows) else ""


def image(store: Store, at: str, number: int) -> tuple[str, bytes]:
    """(media type, bytes) of an image of an event, out of the archived record. Raises NotFound."""
    row = event.at_place(store, archive.place_of(at))
    if not row:
        raise NotFound(f"no event {at[:80]!r}")
    return Reading(store).image(row, number)
