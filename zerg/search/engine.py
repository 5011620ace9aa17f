"""The search: the index proposes events, their archived text decides, within a budget of time.

Hits come newest first, or the most relevant first among the newest `RANKED` proposals. A page ends where it has enough sessions
or hits; its cursor goes on exactly behind its last hit, so that following `next` to the end gives every match once. When a page
is full, what is left of `COUNTING` goes into counting on: totals and facets are exact when that reached the end, else they
are lower bounds.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import NamedTuple

from zerg.archive import Entry, Reading
from zerg.errors import BadRequest
from zerg.events import Kind, public_id
from zerg.search.match import Subject, Test, candidates, judge
from zerg.search.query import Query, checked, parse
from zerg.search.scope import Bounds, Scope, bounded, known
from zerg.search.snippet import Segment, snippet
from zerg.store import Store, index, session
from zerg.store.event import EventRow, second_of
from zerg.store.session import Session

BUDGET = 0.1  # seconds after which a page ends, even with nothing on it
ENOUGH, SOON = 5, 0.02  # hits with which it ends after so many seconds
COUNTING = 0.01  # seconds after which a full page stops counting
SESSIONS = 10  # of a page, unless another number is asked for; each costs a chunk to unpack
LIMIT = 200  # hits of a page
SNIPPETS = 30  # of a page, shared among its sessions; a session has at least 3
RANKED = 2000  # proposals that are ranked: ranking all that have a common word takes most of a second
FIRST, MOST = 32, 1024  # proposals of a batch: the number doubles
VALUES = 12  # of a facet
SORTS = ("newest", "relevance")
# What is written by people or sums up says more than what tools print.
WEIGHT = {Kind.TITLE: 3.0, Kind.PROMPT: 2.0, Kind.ANSWER: 1.5, Kind.COMPACTION: 1.5}


class Hit(NamedTuple):
    """An event that matches."""

    event: str  # public id
    kind: Kind
    at: int  # ms UTC
    snippet: list[Segment]  # empty for all but the first hits of a session


class Group(NamedTuple):
    """The hits of one session on a page."""

    session: Session
    hits: list[Hit]
    hit_count: int  # in the whole session, as far as it was counted


class Results(NamedTuple):
    """A page of results."""

    groups: list[Group]
    total: int  # events, those of earlier pages included
    total_is_exact: bool  # else there are more
    facets: dict[str, list[tuple[str, int]]]  # project, provider, tool, kind, month (2026-02): values with counts
    hints: tuple[str, ...]
    took_ms: float
    next: str | None  # cursor; None at the end


class Cursor(NamedTuple):
    """Where a page goes on: behind this position, with so many hits counted before. In newest order, positions are row ids."""

    position: int
    counted: int = 0


def search(
    store: Store,
    text: str,
    *,
    sort: str = SORTS[0],
    limit: int = SESSIONS,
    cursor: str = "",
    now: datetime | None = None,
    reading: Reading | None = None,
    budget: float | None = None,
) -> Results:
    """A page of at most `limit` sessions. `now` says what "yesterday" means, and in which time zone; a `reading` that is kept
    from one search to the next has the newest chunks at hand. A page is filled for `budget` seconds; without one it ends as soon
    as there is something to show, for somebody waits, and everybody else does too.

    Raises BadRequest for what is too long to be asked, and for a cursor or order that is none. `next` may be given with no or
    few results where the budget ran out first.
    """
    started = time.monotonic()
    store.settle()  # what waits for its commit is not in the index yet
    now = now or datetime.now().astimezone()
    query = parse(checked(text), now)
    start = _cursor(cursor, sort)
    proposals = _Proposals(reading or Reading(store), query, sort, now, start)
    page = _Page(query, max(1, min(limit, 100)), started, budget)
    end = page.fill(proposals)
    before = start.counted if start else 0
    return Results(
        page.groups(store, proposals.reading),
        before + page.sessions.total(),
        page.exhausted and proposals.complete,
        page.facets(store, now.tzinfo),
        query.hints,
        (time.monotonic() - started) * 1000,
        None if end is None else f"{end}-{before + page.listed}",
    )


def _cursor(text: str, sort: str) -> Cursor | None:
    """The cursor that `text` is, None for the first page."""
    parts = text.split("-")
    if sort not in SORTS:
        raise BadRequest(f"sort is one of {', '.join(SORTS)}")
    if text and (len(parts) != 2 or not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts)):
        raise BadRequest("this is no cursor of a search")
    return Cursor(*map(int, parts)) if text else None


class _Match(NamedTuple):
    position: int
    row: EventRow
    entry: Entry | None = None  # None: the text need not be read to know that it matches


class _Step(NamedTuple):
    """What was found on the way to `position`."""

    position: int
    matches: list[_Match]


class _Proposals:
    """The events that may match, in order, and which of them do."""

    def __init__(self, reading: Reading, query: Query, sort: str, now: datetime, start: Cursor | None) -> None:
        rest, self.bounds = bounded(query, now)
        self.store = reading.store
        self.scope = Scope(self.store, now)
        self.reading = reading
        self.test: Test = judge(rest, now)
        self.asked = candidates(rest, self.scope.tokens)
        self.decided = rest.node is None or (self.asked is not None and self.asked.exact)
        self.complete = True  # False: the order holds only the best of the newest
        self.batches = self.ranked(start) if sort == "relevance" and self.asked else self.newest(start)

    def steps(self) -> Iterator[_Step]:
        """All matches. A step takes a few ms, then the caller may stop."""
        for batch in self.batches:
            if self.decided:
                yield _Step(batch[-1].position, batch)
            else:
                yield from self.checked(batch)

    def newest(self, start: Cursor | None) -> Iterator[list[_Match]]:
        floor, below = self.bounds
        below = min(below, start.position) if start else below
        size = MOST if self.asked and "*" in self.asked.expression else FIRST  # each query of a prefix merges all its words anew
        while rows := self.rows(Bounds(floor, below), size):
            yield [_Match(row.id, row) for row in rows]
            below, size = rows[-1].id, min(size * 2, MOST)

    def rows(self, bounds: Bounds, size: int) -> list[EventRow]:
        if self.asked is None:
            return index.everything(self.store, *bounds, size)
        return index.newest(self.store, self.asked.expression, *bounds, size)

    def ranked(self, start: Cursor | None) -> Iterator[list[_Match]]:
        assert self.asked
        oldest = index.nth(self.store, self.asked.expression, *self.bounds, RANKED)
        self.complete = oldest is None
        floor = self.bounds.floor if oldest is None else oldest + 1
        scored = index.ranked(self.store, self.asked.expression, floor, self.bounds.below)
        scored.sort(key=lambda one: (one[0] * WEIGHT.get(Kind(one[1].kind), 1.0), -one[1].id))
        matches = [_Match(position, row) for position, (_, row) in enumerate(scored, 1)]
        for offset in range(start.position if start else 0, len(matches), FIRST):
            yield matches[offset : offset + FIRST]

    def checked(self, batch: list[_Match]) -> Iterator[_Step]:
        """Those of a batch that match, `FIRST` texts at a time."""
        subjects = self.scope.subjects([each.row for each in batch])
        judged = [(each, subject, self.test(subject)) for each, subject in zip(batch, subjects, strict=True)]
        open_: list[tuple[_Match, Subject, bool | None]] = []
        for one in judged:
            if one[2] is not False:
                open_.append(one)
            if len(open_) == FIRST:
                yield _Step(one[0].position, self.verified(open_))
                open_ = []
        yield _Step(batch[-1].position, self.verified(open_))

    def verified(self, judged: list[tuple[_Match, Subject, bool | None]]) -> list[_Match]:
        """Those that match. Texts are read in the order in which they are archived, so that each chunk is unpacked once."""
        read: dict[int, _Match] = {}
        for match, subject, answer in sorted(judged, key=lambda one: (one[0].row.source, one[0].row.offset)):
            entry = None if answer else self.reading.entry(match.row)
            if entry is None or self.test(known(subject, entry)):
                read[match.position] = match._replace(entry=entry)
        return [read[match.position] for match, _, _ in judged if match.position in read]


class _Page:
    """A page as it fills."""

    def __init__(self, query: Query, limit: int, started: float, budget: float | None) -> None:
        self.query = query
        self.limit = limit
        self.started = started
        self.budget = budget
        self.listed = 0
        self.exhausted = False
        self.by_session: dict[int, list[_Match]] = {}
        self.sessions: Counter[int] = Counter()  # hits counted, listed or not
        self.kinds: Counter[str] = Counter()
        self.tools: Counter[str] = Counter()
        self.hours: Counter[int] = Counter()  # since 1970

    def fill(self, proposals: _Proposals) -> int | None:
        """List matches until the page or the time is full, then count. The position to go on from, None at the end."""
        last, full = 0, False
        for position, matches in proposals.steps():
            for match in matches if not full else ():
                full = not self.add(match)
                if full:
                    break
                last = match.position
            last = last if full else position
            self.count([match.row for match in matches])
            if time.monotonic() - self.started > self.patience(full):
                return last
        self.exhausted = True
        return last if full else None

    def patience(self, full: bool) -> float:
        """Seconds from the start that may pass before the page ends."""
        if self.budget is not None:
            return self.budget
        return COUNTING if full else SOON if self.listed >= ENOUGH else BUDGET

    def add(self, match: _Match) -> bool:
        """Put a match on the page, if there is room for it."""
        session = match.row.session
        if self.listed == LIMIT or (session not in self.by_session and len(self.by_session) == self.limit):
            return False
        self.by_session.setdefault(session, []).append(match)
        self.listed += 1
        return True

    def count(self, rows: list[EventRow]) -> None:
        self.sessions.update(row.session for row in rows)
        self.kinds.update(row.kind for row in rows)
        self.tools.update(row.tool for row in rows if row.tool)
        self.hours.update(second_of(row.id) // 3600 for row in rows)

    def groups(self, store: Store, reading: Reading) -> list[Group]:
        found = session.by_rowids(store, set(self.by_session))
        share = max(3, SNIPPETS // max(1, len(self.by_session)))
        groups = []
        for rowid, matches in self.by_session.items():
            hits = [hit(self.query, match, reading, number < share) for number, match in enumerate(matches)]
            groups.append(Group(found[rowid], hits, self.sessions[rowid]))
        return groups

    def facets(self, store: Store, zone: tzinfo | None) -> dict[str, list[tuple[str, int]]]:
        projects: Counter[str] = Counter()
        providers: Counter[str] = Counter()
        months: Counter[str] = Counter()
        for one in index.facts(store, self.sessions):
            projects[one.project] += self.sessions[one.id]
            providers[one.provider] += self.sessions[one.id]
        for hour, count in self.hours.items():
            months[datetime.fromtimestamp(hour * 3600, zone).strftime("%Y-%m")] += count
        named = {"project": projects, "provider": providers, "tool": self.tools, "kind": self.kinds, "month": months}
        return {name: counts.most_common(VALUES) for name, counts in named.items()}


def hit(query: Query, match: _Match, reading: Reading, shown: bool) -> Hit:
    row = match.row
    entry = match.entry or (reading.entry(row) if shown else None)
    at = entry.at if entry else second_of(row.id) * 1000
    segments = snippet(query, entry.text) if entry and shown else []
    return Hit(public_id(row.source, row.offset, row.slot), Kind(row.kind), at, segments)
