"""Snippets: the piece of a text that shows best why it was found."""

from __future__ import annotations

import re
from typing import NamedTuple

from zerg.search.match import Hit, hits
from zerg.search.query import Query

WIDTH = 240  # characters
NEAR = 16_384  # characters of a text in which a hit is good enough
_LEAD = 60  # characters before the first hit
_SPACE = re.compile(r"\s+")


class Segment(NamedTuple):
    """A piece of a snippet; the caller escapes its text."""

    text: str
    hit: bool


def snippet(query: Query, text: str, width: int = WIDTH) -> list[Segment]:
    """About `width` characters of `text` with the most terms of the query in them, on one line; from the start if it has none."""
    found = _first(query, text)
    start, end = _window(found, text, width)
    segments, position = [Segment("…", False)] if text[:start].strip() else [], start
    for hit in found:
        if position <= hit.start < end:
            segments += _cut(text, position, hit.start, False) + _cut(text, hit.start, min(hit.end, end), True)
            position = min(hit.end, end)
    segments += _cut(text, position, end, False)
    return segments + [Segment("…", False)] * bool(text[end:].strip())


def _first(query: Query, text: str) -> list[Hit]:
    """The hits in the beginning of a long text, or those in all of it if there are none."""
    begin = text[:NEAR]
    found = [hit for hit in hits(query, begin, 200) if hit.end < NEAR]
    return found if found or begin == text else hits(query, text, 200)


def _window(found: list[Hit], text: str, width: int) -> tuple[int, int]:
    """Where the snippet starts and ends: not within a word if that costs little."""
    first = _best(found, width - _LEAD)
    if first is None or first.end <= width:
        start = len(text) - len(text.lstrip())
    else:
        start = _gap(text, first.start - _LEAD, first.start)
    end = max(start + width, min(first.end, start + 2 * width) if first else 0)
    return start, len(text) if end >= len(text) else _gap(text, end, end + 20)


def _best(found: list[Hit], width: int) -> Hit | None:
    """The hit from which on `width` characters hold the most terms, then the most hits; the first of equals."""
    best, score, last = None, (0, 0), 0
    within: dict[int, int] = {}
    for first in found:
        while last < len(found) and found[last].end <= max(first.start + width, first.end):
            within[found[last].term] = within.get(found[last].term, 0) + 1
            last += 1
        terms, count = sum(1 for n in within.values() if n), sum(within.values())
        if (terms, count) > score:
            best, score = first, (terms, count)
        within[first.term] = within.get(first.term, 1) - 1
    return best


def _gap(text: str, low: int, high: int) -> int:
    """The start of a word between two offsets, or the lower one."""
    gap = _SPACE.search(text, low, high)
    return gap.end() if gap else low


def _cut(text: str, start: int, end: int, hit: bool) -> list[Segment]:
    return [Segment(_SPACE.sub(" ", text[start:end]), hit)] if start < end else []
