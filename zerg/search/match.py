"""What "contains" means, and what an index can say about it.

Text is compared as `zerg.fold` spells it. A term is found where its characters stand in a row, punctuation literally and
any white space for white space, and where no token is cut: ``bar`` is in ``foo_bar(x)`` but not in ``foobar``; in scripts
without spaces between words it is found anywhere. A *prefix* term may cut the token at its end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import NamedTuple

from zerg.fold import fold, is_word, origins, tokens
from zerg.search.query import ALIASES, And, Field, Node, Not, Or, Query, Term, moment

TERMS = 32  # of an And that the index is asked for: the longest; the text decides about all
# A prefix makes the index merge all the words that begin so: 30 ms for two letters in 90,000 events, 10 ms for three.
PREFIX = 3  # letters of one that it is asked for; shorter ones are found in every other event anyway
PREFIXES = 8  # of a query that it is asked for


class Subject(NamedTuple):
    """An event as a query sees it. `text` and `paths` are None while the archive has not been read."""

    text: str | None = None  # folded
    paths: tuple[str, ...] | None = None  # of the files that a tool call is about
    kind: str = ""
    tool: str = ""
    error: bool = False
    image: bool = False
    model: str = ""  # those of its session
    at: int = 0  # ms since 1970, UTC
    session: str = ""
    project: str = ""  # its folder
    provider: str = ""
    machine: str = ""
    branch: str = ""
    live: bool = False
    subagent: bool = False


Test = Callable[[Subject], bool | None]  # None: only the archive can tell


class Hit(NamedTuple):
    """A place in a text: offsets of its start and end, and which of the query's terms is there."""

    start: int
    end: int
    term: int = 0


class Candidates(NamedTuple):
    """What to ask an index for: `expression` of FTS5; its answers contain all matches, and are just them if `exact`."""

    expression: str
    exact: bool


def judge(query: Query, now: datetime) -> Test:
    """The query as a function that says of a subject whether it matches: True, False, or None if its text must be read."""
    return _test(query.node, now) if query.node else lambda subject: True


def matches(query: Query, text: str, subject: Subject | None = None, now: datetime | None = None) -> bool:
    """Whether an event with this text, and what else is known of it, matches."""
    known = subject or Subject()
    whole = known._replace(text=fold(text), paths=known.paths or ())
    return judge(query, now or datetime.now().astimezone())(whole) is True


def hits(query: Query, text: str, limit: int = 1000) -> list[Hit]:
    """Where the terms that the query asks for stand in `text`: in order, `limit` of each term at most."""
    folded, found = fold(text), []
    for number, term in enumerate(dict.fromkeys(asked_for(query.node))):
        literal = _Literal(term)
        for start, end in literal.all(folded, limit):
            found.append(Hit(start, end, number))
    found.sort()
    return found if text.isascii() else _unfolded(found, text)


def spans(query: Query, text: str) -> list[tuple[int, int]]:
    """What to mark in `text`: offsets of start and end, in order, none overlapping another."""
    merged: list[tuple[int, int]] = []
    for start, end, _ in hits(query, text):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def candidates(query: Query, scope: Callable[[Field], Sequence[str] | None] = lambda field: None) -> Candidates | None:
    """What to ask the index for, or None where it cannot narrow the search.

    `scope` gives the scope tokens of a field of which an event that fulfils it has at least one, and no other event has any;
    None where the index does not know.
    """
    prefixes = sum(1 for term in _terms(query.node) if term.prefix) <= PREFIXES
    return _Asking(scope, prefixes).of(query.node) if query.node else None


def _test(node: Node, now: datetime) -> Test:
    match node:
        case Term():
            literal = _Literal(node)
            return lambda subject: None if subject.text is None else literal.find(subject.text) is not None
        case Field():
            return _condition(node, now)
        case Not(inner):
            negated = _test(inner, now)
            return lambda subject: None if (answer := negated(subject)) is None else not answer
        case And(nodes):
            return _all([_test(part, now) for part in nodes], True)
        case Or(nodes):
            return _all([_test(part, now) for part in nodes], False)


def _all(tests: list[Test], neutral: bool) -> Test:
    """And (`neutral` True) or Or (False) of tests, one of which may not know."""

    def decide(subject: Subject) -> bool | None:
        answer: bool | None = neutral
        for test in tests:
            said = test(subject)
            if said is (not neutral):
                return said
            if said is None:
                answer = None
        return answer

    return decide


def _condition(field: Field, now: datetime) -> Test:
    """The test of a field. Values come again and again, so what was said of one is remembered."""
    name, value = field.name, field.value
    if name in ("after", "before"):
        limit = moment(value, now) or 0
        return (lambda subject: subject.at >= limit) if name == "after" else (lambda subject: subject.at < limit)
    if name == "kind":
        kinds = ALIASES.get(value, (value,))
        return lambda subject: subject.kind in kinds
    if name in ("is", "has"):
        return lambda subject: bool(getattr(subject, value))
    if name == "session":
        return lambda subject: subject.session.startswith(value.lower())
    if name == "tool":
        wanted = value.casefold()
        same = str.startswith if field.prefix else str.__eq__
        return lambda subject: bool(same(subject.tool.casefold(), wanted))
    literal = _Literal(Term(value, field.prefix))
    within = cache(lambda text: literal.find(fold(text)) is not None)
    if name == "path":
        return lambda subject: None if subject.paths is None else any(map(within, subject.paths))
    return lambda subject: within(getattr(subject, name))


class _Literal:
    """A term, made ready to be found in folded texts."""

    def __init__(self, term: Term) -> None:
        words = fold(term.text).split()
        self.word = words[0] if words else ""
        # Only a phrase needs a regex; no part of it can match in two ways, so it cannot run wild.
        self.phrase = re.compile(r"\s+".join(map(re.escape, words))) if len(words) > 1 else None
        self.opens = bool(words) and is_word(words[0][0])
        self.closes = bool(words) and is_word(words[-1][-1])
        self.prefix = term.prefix and self.closes

    def find(self, text: str, start: int = 0) -> tuple[int, int] | None:
        """The first place at or after `start`: offsets of its start and end. What folds to nothing is everywhere."""
        while True:
            place = self._next(text, start)
            if place is None or self._whole(text, *place):
                return place
            start = place[0] + 1

    def all(self, text: str, limit: int) -> Iterator[tuple[int, int]]:
        """Its places, with the rest of the token in them for a prefix; nothing for what folds to nothing."""
        end = 0
        while self.word and limit and (place := self.find(text, end)):
            start, end = place
            while self.prefix and end < len(text) and is_word(text[end]):
                end += 1
            yield start, end
            limit -= 1

    def _next(self, text: str, start: int) -> tuple[int, int] | None:
        if self.phrase:
            found = self.phrase.search(text, start)
            return found and found.span()
        at = text.find(self.word, start)
        return None if at < 0 else (at, at + len(self.word))

    def _whole(self, text: str, start: int, end: int) -> bool:
        """Whether no token is cut."""
        if self.opens and start and is_word(text[start - 1]):
            return False
        return self.prefix or not self.closes or end == len(text) or not is_word(text[end])


def asked_for(node: Node | None) -> Iterator[Term]:
    """The terms that a match may contain because they were asked for."""
    if isinstance(node, Term):
        yield node
    elif isinstance(node, And | Or):
        for part in node.nodes:
            yield from asked_for(part)


def _unfolded(found: list[Hit], text: str) -> list[Hit]:
    """Hits in the folded text as hits in `text`: a letter that folds to several is marked whole."""
    where = origins(text)
    moved = []
    for start, end, term in found:
        last = where[end - 1]
        while end < len(where) - 1 and where[end] == last:
            end += 1
        moved.append(Hit(where[start], where[end], term))
    return moved


def _terms(node: Node | None) -> Iterator[Term]:
    if isinstance(node, Term):
        yield node
    elif isinstance(node, Not):
        yield from _terms(node.node)
    elif isinstance(node, And | Or):
        for part in node.nodes:
            yield from _terms(part)


class _Asking(NamedTuple):
    """Makes an expression of a query, leaving out what the index cannot say or would say too slowly."""

    scope: Callable[[Field], Sequence[str] | None]
    prefixes: bool

    def of(self, node: Node) -> Candidates | None:
        match node:
            case Term():
                return self.phrase(node)
            case Field("path", value, prefix):  # the text of a tool call holds the paths of its input
                calls = self.all((Term(value, prefix), Field("kind", "call")))
                return calls and calls._replace(exact=False)
            case Field():
                names = self.scope(node)
                return None if names is None else Candidates(_scoped(names), True)
            case Not():
                return None
            case And(nodes):
                return self.all(nodes)
            case Or(nodes):
                parts = [self.of(part) for part in nodes]
                known = [part for part in parts if part]
                return _join(" OR ", known, True) if len(known) == len(parts) else None

    def phrase(self, term: Term) -> Candidates | None:
        """The tokens of a term in a row. That is the term itself if it is one token and nothing else."""
        found, folded = tokens(term.text), fold(term.text).strip()
        exact, star = found == [folded], term.prefix and is_word(folded[-1:] or " ")
        if star and (len(found[-1]) < PREFIX or not self.prefixes):
            found, exact, star = found[:-1], False, False
        return Candidates(f'text : "{" ".join(found)}"{"*" * star}', exact) if found else None

    def all(self, nodes: tuple[Node, ...]) -> Candidates | None:
        """All that the index knows of an And. What must be absent is left to the index only if the index knows it exactly."""
        parts = [part for part in map(self.of, nodes) if part]
        if not parts:
            return None
        known = sorted(parts, key=lambda part: -len(part.expression))[:TERMS] if len(parts) > TERMS else parts
        absent = [self.of(part.node) for part in nodes if isinstance(part, Not)]
        surely = [part for part in absent if part and part.exact][:TERMS]
        wanted = _join(" AND ", known, len(known) + len(surely) == len(nodes))
        if not surely:
            return wanted
        return Candidates(f"({wanted.expression}) NOT ({_join(' OR ', surely, True).expression})", wanted.exact)


def _scoped(names: Sequence[str]) -> str:
    return "scope : (" + (" OR ".join(f'"{name}"' for name in names) or '"none"') + ")"


def _join(operator: str, parts: list[Candidates], exact: bool) -> Candidates:
    expressions = dict.fromkeys(part.expression for part in parts)
    return Candidates(operator.join(f"({one})" for one in expressions), exact and all(part.exact for part in parts))
