"""The query language: one for the search box, the URL, the command line and the API.

`parse` takes any string. What is not understood is searched as text, and a hint says so; nothing is a syntax error.
`SYNTAX` and `FIELDS` are the whole language: the parser, the help of the command line and the page's panel read them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import NamedTuple

from zerg.errors import BadRequest
from zerg.events import Kind

LIMIT = 4096  # characters of a query; each word costs a look into the index
DEPTH = 16  # of nested parentheses; deeper ones are text (FTS5 refuses expressions deeper than 256)


@dataclass(frozen=True, slots=True)
class Term:
    """A word or a phrase, as typed; white space in it stands for any white space."""

    text: str
    prefix: bool = False  # its last word may go on


@dataclass(frozen=True, slots=True)
class Field:
    """A condition on something other than the text."""

    name: str
    value: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Not:
    node: Node


@dataclass(frozen=True, slots=True)
class And:
    nodes: tuple[Node, ...]  # two or more, none of them And


@dataclass(frozen=True, slots=True)
class Or:
    nodes: tuple[Node, ...]  # two or more, none of them Or


Node = Term | Field | Not | And | Or


class Query(NamedTuple):
    """A parsed query."""

    node: Node | None  # None asks for everything
    hints: tuple[str, ...] = ()  # what was not understood, for people

    def __str__(self) -> str:
        return unparse(self.node) if self.node else ""


class Help(NamedTuple):
    """A row of the language's description."""

    form: str
    meaning: str
    example: str


SYNTAX = (
    Help("word word", "events that contain both; upper and lower case, accents and marks make no difference", "naive retry"),
    Help('"some words"', "these words in a row, punctuation included", '"exit code 1"'),
    Help("prefix*", "words that begin so", "config*"),
    Help("-word", "events that do not contain it; also before quotes, fields and parentheses", "timeout -test"),
    Help("a OR b", "either; binds less than words side by side", "timeout OR deadline"),
    Help("( )", "grouping", "(timeout OR deadline) retry"),
)

ALIASES = {
    "tool": (Kind.TOOL_CALL, Kind.TOOL_RESULT, Kind.OUTPUT),
    "call": (Kind.TOOL_CALL,),
    "result": (Kind.TOOL_RESULT, Kind.OUTPUT),
}
CHOICES = {
    "kind": frozenset(kind.value for kind in Kind) | ALIASES.keys(),
    "is": frozenset({"error", "live", "subagent"}),
    "has": frozenset({"image"}),
}
DATES = ("after", "before")
FIELDS = {
    "project": Help("project:", "in a project whose folder contains it", "project:zerg"),
    "provider": Help("provider:", "of this agent", "provider:claude"),
    "tool": Help("tool:", "calls of this tool and their results", "tool:bash"),
    "path": Help("path:", "tool calls on a file whose path contains it", "path:src/db.py"),
    "branch": Help("branch:", "on this git branch", "branch:main"),
    "model": Help("model:", "in sessions with this model", "model:opus"),
    "machine": Help("machine:", "from this machine", "machine:laptop"),
    "kind": Help("kind:", "prompt, answer, thinking, tool (or call, result), command, compaction, title, …", "kind:prompt"),
    "is": Help("is:", "error, live (being written now) or subagent", "is:error"),
    "has": Help("has:", "image", "has:image"),
    "after": Help("after:", "from the start of this day, month or year, or of so many h, d, w, m, y ago", "after:2w"),
    "before": Help("before:", "before the start of it", "before:2026-02"),
    "session": Help("session:", "in the session whose id begins so", "session:1f0c9a2e"),
}


def checked(text: str) -> str:
    """`text`, if it is not too long to be asked."""
    if len(text) > LIMIT:
        raise BadRequest(f"the query has {len(text):,} characters; at most {LIMIT:,} can be asked")
    return text


def parse(text: str, now: datetime | None = None) -> Query:
    """What `text` asks for. Never raises."""
    scan = _settled(text, now or datetime.now().astimezone())
    node = _Reader(_operators(scan.items)).either()
    return Query(node, tuple(dict.fromkeys(scan.hints)))


def unparse(node: Node) -> str:
    """A query that means `node`; parsing it gives `node` again."""
    match node:
        case Term(text, prefix):
            return _spelt(text, prefix)
        case Field(name, value, prefix):
            return f"{name}:{_spelt(value, prefix)}"
        case Not(inner):
            return "-" + (f"({unparse(inner)})" if isinstance(inner, And | Or) else unparse(inner))
        case And(nodes):
            return " ".join(f"({unparse(part)})" if isinstance(part, Or) else unparse(part) for part in nodes)
        case Or(nodes):
            return " OR ".join(map(unparse, nodes))


def moment(value: str, now: datetime) -> int | None:
    """The time that a date of the language means, in ms since 1970, seen from `now` (which brings the time zone)."""
    try:
        found = _date(value.lower(), now)
        return None if found is None else int(found.timestamp() * 1000)
    except (ValueError, OverflowError):  # the 31st of February, 9999 years ago: not a date
        return None


def _spelt(text: str, prefix: bool) -> str:
    plain = re.fullmatch(r"\w(?:[\w.,/_+-]*\w)?", text) and text not in ("OR", "AND", "NOT")
    return (text if plain else '"' + text.replace('"', '""') + '"') + "*" * prefix


def _date(value: str, now: datetime) -> datetime | None:
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if value in ("today", "yesterday"):
        return today - timedelta(days=value == "yesterday")
    if ago := re.fullmatch(r"(\d{1,5})([hdwmy])", value, re.ASCII):
        hours = {"h": 1, "d": 24, "w": 7 * 24, "m": 30 * 24, "y": 365 * 24}[ago[2]]
        return now - timedelta(hours=int(ago[1]) * hours)
    if day := re.fullmatch(r"(\d{4})(?:-(\d\d?)(?:-(\d\d?))?)?", value, re.ASCII):
        return today.replace(year=int(day[1]), month=int(day[2] or 1), day=int(day[3] or 1))
    return None


# From here on: reading. A scan cuts the text into items: nodes and the marks "(", ")", "-" and "OR".
_Item = Node | str
_NAME = re.compile(r"(\w+):(?=\S)")
_PHRASE = re.compile(r'"((?:[^"]|"")+)("|$)')
_WORD = re.compile(r"\S+")


def _settled(text: str, now: datetime) -> _Scan:
    """The scan of `text` in which every "(" that opens a group is closed; all others are text."""
    literal: set[int] = set()
    for _ in range(4):
        scan = _Scan(text, now, literal).run()
        if not scan.open:
            return scan
        literal.update(scan.open)
    return _Scan(text, now, set(range(len(text)))).run()


@dataclass(slots=True)
class _Scan:
    text: str
    now: datetime
    literal: set[int]  # positions of "(" that are text
    position: int = 0
    items: list[_Item] = field(default_factory=list)
    open: list[int] = field(default_factory=list)  # positions of "(" that wait for theirs
    hints: list[str] = field(default_factory=list)

    def run(self) -> _Scan:
        while self.position < len(self.text):
            if self.text[self.position].isspace():
                self.position += 1
            else:
                self.mark() or self.condition() or self.phrase() or self.word()
        return self

    def mark(self) -> bool:
        """Take a "(" or a "-" that stands before something."""
        here, following = self.text[self.position], self.text[self.position + 1 : self.position + 2]
        if here == "(" and self.position not in self.literal and following != ")" and len(self.open) < DEPTH:
            self.open.append(self.position)
        elif here != "-" or not (following.isalnum() or following in tuple('_"(')) or self.items[-1:] == ["-"]:
            return False
        self.items.append(here)
        self.position += 1
        return True

    def condition(self) -> bool:
        """Take a known field with a value that it can have."""
        named = _NAME.match(self.text, self.position)
        if named is None:
            return False
        name, start = named[1].lower(), self.position
        if name not in FIELDS:
            self.doubt(name, named.end())
            return False
        self.position = named.end()
        value = self.quoted() or self.bare()
        if value.text and self.valid(name, value):
            exact = name in CHOICES or name in DATES
            self.items.append(Field(name, value.text.lower() if exact else value.text, value.prefix))
            return True
        self.position = start
        return False

    def phrase(self) -> bool:
        term = self.quoted()
        if term is not None:
            self.items.append(term)
        return term is not None

    def word(self) -> bool:
        term = self.bare()
        if term.text in ("AND", "NOT"):
            meant = "words side by side are joined by AND anyway" if term.text == "AND" else "a “-” before a word excludes it"
            self.hints.append(f"“{term.text}” was searched as a word: {meant}")
        if term.text:
            if self.items[-1:] == ["-"] and len(term.text) <= 3:
                self.hints.append(f'“-{term.text}” means without “{term.text}”; to find it, quote it: "-{term.text}"')
            self.items.append("OR" if term.text == "OR" else term)
        self.close()
        return True

    def quoted(self) -> Term | None:
        """Take a phrase."""
        found = _PHRASE.match(self.text, self.position)
        if found is None or not found[1].strip():
            return None
        if not found[2]:
            self.hints.append("the quotes are not closed: all that follows them was searched as one phrase")
        self.position = found.end()
        return Term(" ".join(found[1].replace('""', '"').split()), self.star(found[1][-1]))

    def bare(self) -> Term:
        """Take a word, without the ")" at its end that close groups: they are left."""
        found = _WORD.match(self.text, self.position)
        text = found[0] if found else ""
        closing = min(len(text) - len(text.rstrip(")")), text.count(")") - text.count("("), len(self.open))
        text = text[: len(text) - max(closing, 0)]
        self.position += len(text)
        if len(text) > 1 and text[-1] == "*" and text[-2].isalnum():
            return Term(text[:-1], True)
        return Term(text)

    def star(self, before: str) -> bool:
        """Take a "*" after a phrase that ends in a word."""
        taken = before.isalnum() and self.text.startswith("*", self.position)
        self.position += taken
        return taken

    def close(self) -> None:
        while self.open and self.text.startswith(")", self.position):
            self.open.pop()
            self.items.append(")")
            self.position += 1

    def valid(self, name: str, value: Term) -> bool:
        """Whether a field can have this value; if not, a hint says what it can have."""
        if name in DATES and moment(value.text, self.now) is None:
            self.hints.append(f"“{value.text}” is no date: like 2026-02-05, 2026-02, 2w or yesterday; searched as text")
            return False
        if name in CHOICES and value.text.lower() not in CHOICES[name]:
            self.hints.append(f"“{name}:” knows {', '.join(sorted(CHOICES[name]))}; “{name}:{value.text}” was searched as text")
            return False
        return True

    def doubt(self, name: str, end: int) -> None:
        """Say that what looks like a field is none. URLs, drive letters, C++ names and lines of files do not look like one."""
        if len(name) > 1 and name.isalpha() and self.text[end] not in ":/\\" and not self.text[end].isdigit():
            near = "".join(f"; did you mean “{known}:”?" for known in get_close_matches(name, FIELDS, 1))
            self.hints.append(f"“{name}:” is no field and was searched as text{near}")


def _operators(items: list[_Item]) -> Iterator[_Item]:
    """`items`, where an OR that has nothing to its left or right is a word."""
    before: _Item = "("
    for index, item in enumerate(items):
        after = items[index + 1] if index + 1 < len(items) else ")"
        if item == "OR" and (before in ("(", "-", "OR") or after in (")", "OR")):
            item = Term("OR")
        yield item
        before = item


class _Reader:
    """Makes a tree of items."""

    def __init__(self, items: Iterator[_Item]) -> None:
        self.items = items
        self.item = next(items, None)

    def either(self) -> Node | None:
        nodes = [self.all()]
        while self.item == "OR":
            self.advance()
            nodes.append(self.all())
        return _joined(Or, nodes)

    def all(self) -> Node | None:
        nodes: list[Node | None] = []
        while self.item not in (None, ")", "OR"):
            nodes.append(self.one())
        return _joined(And, nodes)

    def one(self) -> Node | None:
        item = self.advance()
        if item == "-":
            inner = self.one()
            return inner.node if isinstance(inner, Not) else inner and Not(inner)
        if item == "(":
            group = self.either()
            self.advance()
            return group
        assert not isinstance(item, str)
        return item

    def advance(self) -> _Item | None:
        item, self.item = self.item, next(self.items, None)
        return item


def _joined(kind: Callable[[tuple[Node, ...]], And | Or], nodes: list[Node | None]) -> Node | None:
    """`nodes` under one And or Or; what is empty is left out, what is nested is lifted, one alone stays itself."""
    flat: list[Node] = []
    for node in nodes:
        if isinstance(node, And | Or) and type(node) is kind:
            flat.extend(node.nodes)
        elif node is not None:
            flat.append(node)
    return kind(tuple(flat)) if len(flat) > 1 else flat[0] if flat else None
