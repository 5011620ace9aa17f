"""Results of a search as the page shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from zerg.events import Kind
from zerg.render.html import Html, join, tag, text
from zerg.render.quantity import plural
from zerg.search.engine import Group, Hit, Results
from zerg.search.match import asked_for
from zerg.search.query import parse
from zerg.search.snippet import Segment
from zerg.store.session import Session

SHOWN = 6  # hits of a session; it says how many more there are
LEAD = 36  # characters before the first hit
FACETS = 8  # values of a facet


NAMES = {Kind.TOOL_CALL: "tool", Kind.TOOL_RESULT: "tool output", Kind.OUTPUT: "tool output"}


class HitView(NamedTuple):
    """One hit."""

    address: str
    name: str  # of the kind
    snippet: Html


class GroupView(NamedTuple):
    """The hits of one session."""

    session: Session
    hits: list[HitView]
    more: int  # hits that are not shown


class Facet(NamedTuple):
    """A field with the values that the results have, each a link that narrows the search to it."""

    name: str
    values: list[tuple[str, int, str]]  # value, hits, address


def address(query: str, **more: str) -> str:
    """The address of a search."""
    return "/?" + urlencode({"q": query} | {name: value for name, value in more.items() if value})


def groups(found: Results, query: str) -> list[GroupView]:
    """The sessions of a page of results."""
    return [_group(group, query) for group in found.groups]


def headline(found: Results) -> str:
    """12 hits in 3 sessions; "more than" where counting had to stop."""
    if not found.total and found.total_is_exact:
        return "Nothing found"
    some = plural(found.total, "hit") if found.total_is_exact else f"More than {plural(found.total, 'hit')}"
    return some if found.next else f"{some} in {plural(len(found.groups), 'session')}"


def facets(found: Results, query: str) -> list[Facet]:
    """The facets that have something to choose from."""
    shown = [Facet(name, [_value(query, name, *each) for each in values[:FACETS]]) for name, values in found.facets.items()]
    return [facet for facet in shown if len(facet.values) > 1]


def terms(query: str) -> list[str]:
    """The words of a query that a reader looks for in a session."""
    return [word for term in asked_for(parse(query).node) if (word := term.text.strip())]


def _group(group: Group, query: str) -> GroupView:
    shown = [hit for hit in group.hits if hit.snippet][:SHOWN]
    hits = [_hit(group.session, hit, query) for hit in shown]
    return GroupView(group.session, hits, max(group.hit_count, len(group.hits)) - len(hits))


def _hit(session: Session, hit: Hit, query: str) -> HitView:
    where = "?" + urlencode({"at": hit.event, "q": query})
    return HitView(f"/s/{session.id}{where}", NAMES.get(hit.kind, str(hit.kind)), snippet(hit.snippet))


def snippet(segments: Sequence[Segment]) -> Html:
    """A snippet with its hits marked. A line shows about half of it, so the first hit is brought to its beginning."""
    first, *others = segments
    if others and not first.hit and len(first.text) > LEAD:
        first = Segment("…" + first.text[-LEAD:], False)
    return join(tag("mark", text(segment.text)) if segment.hit else text(segment.text) for segment in (first, *others))


def _value(query: str, name: str, value: str, number: int) -> tuple[str, int, str]:
    quoted = f'"{value}"' if any(not (sign.isalnum() or sign in "-_./") for sign in value) else value
    if name == "month":
        return value, number, address(f"{query} after:{value} before:{_following(value)}")
    return value, number, address(f"{query} {name}:{quoted}")


def _following(month: str) -> str:
    year, number = int(month[:4]), int(month[5:7])
    return f"{year + number // 12}-{number % 12 + 1:02d}"
