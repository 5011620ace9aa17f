"""Names of things as people read them."""

from __future__ import annotations

import re
import shlex

from zerg.store.session import Session

DATED = re.compile(r"[-@]20\d{6}$")


def model(name: str) -> str:
    """opus-4-5 for claude-opus-4-5-20251101"""
    return DATED.sub("", name).removeprefix("claude-")


def title(session: Session) -> str:
    """What a session is called, or what it is where it has no name."""
    return " ".join(session.title.split()) or {"warmup": "Warm-up", "empty": "Empty session"}.get(
        session.noise, "Untitled session"
    )


def resume(session: Session) -> str:
    """The command that goes on with a session; "" for a subagent, which cannot be resumed."""
    if session.parent_id or session.provider != "claude":
        return ""
    return f"cd {shlex.quote(session.cwd)} && claude --resume {session.id}" if session.cwd else f"claude --resume {session.id}"
