"""Terminal output: colours become classes (`f1` foreground, `g4` background …), everything else that steers a terminal goes.

Colours beyond the 16 named ones are shown as the nearest of them: the style sheet knows 16 that read well in both themes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from zerg.archive import Entry
from zerg.render.html import Html, join, tag, text

CONTROL = re.compile(
    r"\x1b\[([0-9;:]*)m"  # SGR: the only one that shows
    r"|\x1b\[[0-?]*[ -/]*[@-~]"  # other CSI sequences
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC: titles, links
    r"|\x1b[@-Z\\^_=>()][0-9A-B]?|\x1b"
)
OVERWRITTEN = re.compile(r"[^\n]*\r(?!\n|$)")  # a progress bar: what was on the line before its last carriage return
STYLES = {1: "b", 2: "d", 3: "i", 4: "u", 9: "s"}
RESET = {22: "bd", 23: "i", 24: "u", 29: "s"}


def printed(entry: Entry) -> str:
    """What an entry says, with the escapes that steer a terminal."""
    found: str = entry.data.get("terminal", entry.text)
    return found


def plain(output: str) -> str:
    """`output` without anything that only a terminal understands."""
    return CONTROL.sub("", OVERWRITTEN.sub("", output)) if "\x1b" in output or "\r" in output else output


def html(output: str) -> Html:
    """`output` in its colours."""
    if "\x1b" not in output:
        return text(plain(output))
    return join(tag("span", text(part), class_=classes) if classes else text(part) for part, classes in _runs(output) if part)


def _runs(output: str) -> Iterator[tuple[str, str]]:
    """The pieces of text and the classes that each is shown in."""
    output = OVERWRITTEN.sub("", output)
    classes: set[str] = set()
    end = 0
    for found in CONTROL.finditer(output):
        yield output[end : found.start()], " ".join(sorted(classes))
        end = found.end()
        if found[1] is not None:
            _apply([int(code) for code in re.findall(r"\d{1,3}", found[1])] or [0], classes)
    yield output[end:], " ".join(sorted(classes))


def _apply(codes: list[int], classes: set[str]) -> None:
    while codes:
        code = codes.pop(0)
        if code == 0:
            classes.clear()
        elif code in STYLES:
            classes.add(STYLES[code])
        elif code in RESET:
            classes.difference_update(RESET[code])
        elif code in (38, 48):
            _paint(classes, "f" if code == 38 else "g", _extended(codes))
        else:
            _basic(code, classes)


def _basic(code: int, classes: set[str]) -> None:
    for start, layer, first in ((30, "f", 0), (40, "g", 0), (90, "f", 8), (100, "g", 8)):
        if start <= code < start + 8:
            _paint(classes, layer, first + code - start)
    if code in (39, 49):
        _paint(classes, "f" if code == 39 else "g", None)


def _paint(classes: set[str], layer: str, colour: int | None) -> None:
    classes.difference_update({f"{layer}{number}" for number in range(16)})
    if colour is not None:
        classes.add(f"{layer}{colour}")


def _extended(codes: list[int]) -> int | None:
    """The colour that `5;N` or `2;R;G;B` means, taken off `codes`."""
    mode = codes.pop(0) if codes else 0
    if mode == 5 and codes:
        number = codes.pop(0)
        return number if number < 16 else _nearest(*_cube(number))
    if mode == 2 and len(codes) >= 3:
        return _nearest(codes.pop(0), codes.pop(0), codes.pop(0))
    return None


def _cube(number: int) -> tuple[int, int, int]:
    if number >= 232:
        grey = 8 + 10 * (number - 232)
        return grey, grey, grey
    number -= 16
    return number // 36 * 51, number // 6 % 6 * 51, number % 6 * 51


def _nearest(red: int, green: int, blue: int) -> int:
    top = max(red, green, blue)
    if top < 64:
        return 8
    bits = (red * 2 > top) | (green * 2 > top) << 1 | (blue * 2 > top) << 2
    return bits + 8 if top > 191 and bits != 7 else bits
