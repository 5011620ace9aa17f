"""What a file is, by its path: session, subagent, or one of the files that lie beside them.

    projects/<folder>/<session>.jsonl                                       a session
    projects/<folder>/agent-<agent>.jsonl                                   a subagent (2.0.28 to 2.0.76)
    projects/<folder>/<session>/subagents/**/agent-<agent>.jsonl            a subagent (since 2.1)
    projects/<folder>/<session>/subagents/**/agent-<agent>.meta.json        what kind of subagent it is
    projects/<folder>/<session>/subagents/workflows/<run>/journal.jsonl     which agents a workflow started
    projects/<folder>/<session>/tool-results/<call>.txt (.json …)           a tool's output that was too long for the transcript

Exports name a session's file otherwise (``full.jsonl``): any other ``*.jsonl`` is a session, too.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from itertools import pairwise
from typing import NamedTuple

from zerg.events import named_session

UUID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_SEPARATOR = re.compile(r"[/\\]")


class Role(Enum):
    SESSION = auto()
    AGENT = auto()
    META = auto()
    JOURNAL = auto()
    OUTPUT = auto()


class Place(NamedTuple):
    """What the path of a file says."""

    role: Role
    session: str  # UUID; for all but a session, of the one that it belongs to; "" if only the records say that
    name: str = ""  # of an agent or a call
    named: bool = True  # False: the session's id is made of the path, because the file has no UUID as its name


def place(path: str) -> Place | None:
    """What the file at `path` is, / and \\ alike; None for one that is no transcript nor a sidecar."""
    *folders, name = _SEPARATOR.split(path)
    for above, folder in pairwise(folders):
        if folder in ("subagents", "tool-results") and UUID.fullmatch(above):
            return _sidecar(above.lower(), folder, name)
    stem, dot, suffix = name.rpartition(".")
    if (dot, suffix) != (".", "jsonl"):
        return None
    if stem.startswith("agent-"):
        return Place(Role.AGENT, "", stem.removeprefix("agent-"))
    if UUID.fullmatch(stem):
        return Place(Role.SESSION, stem.lower())
    return Place(Role.SESSION, named_session("claude", path), named=False)


def _sidecar(session: str, folder: str, name: str) -> Place | None:
    if folder == "tool-results":
        return Place(Role.OUTPUT, session, name.rpartition(".")[0] or name)
    if name == "journal.jsonl":
        return Place(Role.JOURNAL, session)
    if not name.startswith("agent-"):
        return None
    agent = name.removeprefix("agent-")
    if agent.endswith(".meta.json"):
        return Place(Role.META, session, agent.removesuffix(".meta.json"))
    return Place(Role.AGENT, session, agent.removesuffix(".jsonl")) if agent.endswith(".jsonl") else None
