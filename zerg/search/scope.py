"""What the index and the rows know besides the text: which events can match at all, and what a query sees of a row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from zerg.archive import Entry
from zerg.fold import fold
from zerg.search.match import Subject, judge
from zerg.search.query import ALIASES, And, Field, Node, Query, moment
from zerg.store import Store, index
from zerg.store.event import EventRow, floor_of, second_of, tool_token
from zerg.store.index import Facts
from zerg.timeline import LIVE

SESSIONS = 400  # that the index is asked for by name; of more, the rows say whether they belong to them
END = 2**62
_SESSION_FIELDS = ("project", "provider", "branch", "model", "machine", "session", "is")
_PATHS = ("file_path", "notebook_path", "path")


class Bounds(NamedTuple):
    """Row ids floor <= id < below: what dates leave of the archive."""

    floor: int = 0
    below: int = END


class Scope:
    """Resolves the fields of one query against one store. Facts of sessions are read once."""

    def __init__(self, store: Store, now: datetime) -> None:
        self.store = store
        self.now = now
        self.known: dict[int, Facts] = {}
        self.complete = False

    def tokens(self, field: Field) -> Sequence[str] | None:
        """The scope tokens of the events that fulfil `field`; None where the index does not know. See store/event.py."""
        if field.name == "kind":
            return [f"k{kind.replace('_', '')}" for kind in ALIASES.get(field.value, (field.value,))]
        if field.name == "tool" and not field.prefix:
            return [tool_token(field.value)]
        if field.name == "has":
            return ["i"]
        if field == Field("is", "error"):
            return ["e"]
        return self.sessions(field) if field.name in _SESSION_FIELDS else None

    def sessions(self, field: Field) -> Sequence[str] | None:
        """The tokens of the sessions that fulfil `field`, unless they are too many."""
        fits = judge(Query(field), self.now)
        if not self.complete:
            self.known, self.complete = {one.id: one for one in index.all_facts(self.store)}, True
        found = [f"s{one.id}" for one in self.known.values() if fits(self.seen(one))]
        return found if len(found) <= SESSIONS else None

    def subjects(self, rows: Sequence[EventRow]) -> list[Subject]:
        """The rows as a query sees them before their text is read."""
        missing = {row.session for row in rows} - self.known.keys()
        self.known.update((one.id, one) for one in index.facts(self.store, missing))
        return [self.subject(row) for row in rows]

    def subject(self, row: EventRow) -> Subject:
        of_session = self.seen(self.known[row.session])
        at = second_of(row.id) * 1000
        return of_session._replace(kind=row.kind, tool=row.tool, error=bool(row.error), image=bool(row.image), at=at)

    def seen(self, one: Facts) -> Subject:
        return Subject(
            model=one.models, session=one.uuid, project=one.cwd, provider=one.provider, machine=one.machine, branch=one.branch,
            live=one.mtime >= self.now.timestamp() * 1000 - LIVE, subagent=bool(one.parent),
        )  # fmt: skip


def known(subject: Subject, entry: Entry) -> Subject:
    """The subject, now that its event has been read from the archive."""
    given = entry.data.get("input")
    named = [given.get(name) for name in _PATHS] if isinstance(given, dict) else []
    return subject._replace(text=fold(entry.text), paths=tuple(name for name in named if isinstance(name, str)))


def bounded(query: Query, now: datetime) -> tuple[Query, Bounds]:
    """The query without the dates that all its matches lie between, and these dates as row ids."""
    parts = query.node.nodes if isinstance(query.node, And) else (query.node,) if query.node else ()
    floor, below = Bounds()
    rest: list[Node] = []
    for part in parts:
        edge = _edge(part, now)
        if edge is None:
            rest.append(part)
        elif isinstance(part, Field) and part.name == "after":
            floor = max(floor, edge)
        else:
            below = min(below, edge)
    node = And(tuple(rest)) if len(rest) > 1 else rest[0] if rest else None
    return query._replace(node=node), Bounds(floor, below)


def _edge(node: Node, now: datetime) -> int | None:
    """The first row id at or after a date. Row ids know seconds, and an event is at the start of its own."""
    if not isinstance(node, Field) or node.name not in ("after", "before"):
        return None
    return floor_of(-(-(moment(node.value, now) or 0) // 1000))
