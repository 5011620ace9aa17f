"""Results of a search as a terminal shows them: coloured where there are colours, plain in a pipe."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import NamedTuple

from zerg.search.engine import Group, Hit, Results

# Transcripts are hostile: no escape sequence of theirs reaches the terminal, no sign turns its direction around.
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Ink(NamedTuple):
    """What is put before and after a piece of text: nothing where there are no colours."""

    strong: str = ""
    faint: str = ""
    mark: str = ""
    off: str = ""


PLAIN = Ink()
COLOURS = Ink("\x1b[1m", "\x1b[2m", "\x1b[1;33m", "\x1b[0m")


def lines(found: Results, ink: Ink, zone: tzinfo | None = None) -> Iterator[str]:
    """A paragraph for each session; hints and the count at the end."""
    for group in found.groups:
        yield from _session(group, ink, zone)
        yield ""
    yield from (f"{ink.faint}{hint}{ink.off}" for hint in found.hints)
    more = "" if found.total_is_exact else "more than "
    yield f"{ink.faint}{more}{found.total} hits in {found.took_ms:.0f} ms{ink.off}"


def _session(group: Group, ink: Ink, zone: tzinfo | None) -> Iterator[str]:
    session = group.session
    yield f"{ink.strong}{clean(session.title or session.id)}{ink.off}"
    day = f"{moment(session.started_at, zone):%Y-%m-%d}" if session.started_at is not None else ""
    about = "  ".join(part for part in (day, clean(session.project), session.id) if part)
    yield f"{ink.faint}{about}{ink.off}"
    yield from (f"  {_hit(hit, ink, zone)}" for hit in group.hits if hit.snippet)
    rest = group.hit_count - sum(1 for hit in group.hits if hit.snippet)
    if rest > 0:
        yield f"  {ink.faint}… and {rest} more{ink.off}"


def _hit(hit: Hit, ink: Ink, zone: tzinfo | None) -> str:
    text = "".join(f"{ink.mark}{clean(part.text)}{ink.off}" if part.hit else clean(part.text) for part in hit.snippet)
    return f"{ink.faint}{moment(hit.at, zone):%H:%M} {hit.kind.value.replace('_', ' '):11}{ink.off} {text}"


def moment(at: int, zone: tzinfo | None) -> datetime:
    """A time (ms UTC) in a zone; None: that of this machine."""
    return datetime.fromtimestamp(at / 1000, zone)


def clean(text: str) -> str:
    return CONTROL.sub(" ", text)
