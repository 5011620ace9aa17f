"""Made-up sessions in the real format, for people who want to see zerg before they have transcripts of their own."""

from __future__ import annotations

from pathlib import Path

from zerg.demo.story import STORIES


def transcripts(folder: Path, now: float) -> None:
    """Write the sessions below `folder`, as below ~/.claude/projects, as if it were `now` (seconds since 1970)."""
    for story in STORIES:
        story(folder, now)
