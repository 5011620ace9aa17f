"""What an edit changed, line by line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from zerg.render.html import Html, join, tag, text

LIMIT = 400  # lines a side; beyond, everything old is shown as gone and everything new as come (difflib is quadratic)
CONTEXT = 3  # lines
SIGNS = {"+": "add", "-": "del", " ": "same", "@": "gap"}


class Line(NamedTuple):
    """One line of a diff."""

    sign: str  # "+", "-", " ", or "@" for a gap between hunks
    number: int  # in the new text; of a removed line in the old one; 0 unknown
    text: str


def between(old: str, new: str) -> list[Line]:
    """The difference of two texts, with a little context."""
    before, after = old.splitlines(), new.splitlines()
    if len(before) > LIMIT or len(after) > LIMIT:
        return [Line("-", 0, line) for line in before] + [Line("+", 0, line) for line in after]
    groups = SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(CONTEXT)
    return list(_gapped(_group(group, before, after) for group in groups))


def patched(hunks: Sequence[Mapping[str, Any]]) -> list[Line]:
    """The difference that the tool itself reported: hunks of `oldStart`, `newStart` and signed `lines`."""
    return list(_gapped(_hunk(hunk) for hunk in hunks if isinstance(hunk, Mapping)))


def parsed(unified: str) -> list[Line]:
    """The lines of a unified diff (`git diff`), file heads included."""
    return list(_unified(unified))


def tally(lines: Iterable[Line]) -> str:
    """+4 −1"""
    signs = [line.sign for line in lines]
    return f"+{signs.count('+')} −{signs.count('-')}"


def html(lines: Iterable[Line]) -> Html:
    """The lines as rows: a number that cannot be selected, the sign, the text."""
    return tag("pre", join(_row(line) for line in lines), class_="diff", tabindex=0)


def _row(line: Line) -> Html:
    number = str(line.number) if line.number and line.sign != "@" else None
    return tag("span", text(f"{line.sign if line.sign != '@' else ''}{line.text}\n"), class_=SIGNS[line.sign], data_n=number)


def _gapped(hunks: Iterable[list[Line]]) -> Iterator[Line]:
    for position, hunk in enumerate(hunks):
        if position:
            yield Line("@", 0, "⋯")
        yield from hunk


def _group(opcodes: Iterable[tuple[str, int, int, int, int]], before: list[str], after: list[str]) -> list[Line]:
    lines: list[Line] = []
    for kind, old_from, old_to, new_from, new_to in opcodes:
        if kind == "equal":
            lines += [Line(" ", 0, line) for line in after[new_from:new_to]]
            continue
        lines += [Line("-", 0, line) for line in before[old_from:old_to]]
        lines += [Line("+", 0, line) for line in after[new_from:new_to]]
    return lines


def _hunk(hunk: Mapping[str, Any]) -> list[Line]:
    old, new = _start(hunk.get("oldStart")), _start(hunk.get("newStart"))
    lines: list[Line] = []
    for line in hunk.get("lines") or ():
        sign = line[:1] if isinstance(line, str) and line[:1] in ("+", "-") else " "
        lines.append(Line(sign, old if sign == "-" else new, str(line)[1:]))
        old, new = old + (sign != "+"), new + (sign != "-")
    return lines


def _start(value: Any) -> int:
    return value if isinstance(value, int) and value >= 0 else 0


def _unified(unified: str) -> Iterator[Line]:
    old = new = 0
    for line in unified.splitlines():
        head = re.match(r"@@ -(\d{1,9})(?:,\d+)? \+(\d{1,9})", line)
        if head:
            old, new = int(head[1]), int(head[2])
        if head or not new or line.startswith(("diff ", "index ", "--- ", "+++ ")):
            yield Line("@", 0, line)
            continue
        sign = line[:1] if line[:1] in ("+", "-") else " "
        yield Line(sign, old if sign == "-" else new, line[1:])
        old, new = old + (sign != "+"), new + (sign != "-")
