"""Long text: shown from its beginning, the rest one click away."""

from __future__ import annotations

import re
from collections.abc import Sequence

from zerg.render import ansi
from zerg.render.html import NOTHING, Html, join, tag, text
from zerg.render.quantity import count, size

LINES = 40  # shown before "show all"
CHARACTERS = 6 * 1024
FULL = 64 * 1024  # characters
NUMBERED = re.compile(r"[ ]{0,8}(\d{1,7})[→\t](.*)")  # how Read prints a file


def output(value: str, whole: str, full: bool = False) -> Html:
    """What a tool printed. `whole` is where all of it is to be had; `full` shows much more of it."""
    shown, hidden = (value[:FULL], len(value) > FULL) if full else cut(value.strip("\n"))
    return join((tag("pre", ansi.html(shown), class_="output", tabindex=0), rest(value, hidden, whole)))


def rest(value: str, hidden: bool, whole: str) -> Html:
    """The way to what `cut` hid."""
    if not hidden:
        return NOTHING
    label = f"show all {count(value.count(chr(10)) + 1)} lines · {size(len(value.encode('utf-8', 'replace')))}"
    return tag("a", text(label), href=whole, class_="more", data_whole=True)


def cut(value: str) -> tuple[str, bool]:
    """The beginning of `value`, and whether anything is left out. A rest of a few lines is not worth a click."""
    lines = value.split("\n", LINES + 8)
    if len(lines) <= LINES + 8 and len(value) <= CHARACTERS * 5 // 4:
        return value, False
    return "\n".join(lines[:LINES])[:CHARACTERS], True


def numbered(value: str) -> tuple[list[int], str] | None:
    """Line numbers and bare text of a file as Read prints it; None if `value` does not look like one."""
    found = [NUMBERED.fullmatch(line) for line in value.split("\n")]
    while found and found[-1] is None:
        found.pop()
    matched = [match for match in found if match]
    if not matched or len(matched) != len(found):
        return None
    return [int(match[1]) for match in matched], "\n".join(match[2] for match in matched)


def listing(numbers: Sequence[int], markup: Html) -> Html:
    """Code with line numbers that cannot be selected; `markup` has as many lines as `numbers`."""
    rows = (tag("span", Html(f"{line}\n"), data_n=number) for number, line in zip(numbers, markup.split("\n"), strict=False))
    return tag("pre", join(rows), class_="code numbered", tabindex=0)
