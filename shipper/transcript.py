"""Which files are transcripts, where they lie, and in which order they go to the server."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

PROVIDER = "claude"  # as the server calls the agent whose files these are
KEEP_DAYS = 30  # Claude Code deletes its transcripts after so many days unless told otherwise
SPILLED = frozenset((".txt", ".json", ".md", ".log", ".csv", ".html", ".xml", ".yaml", ".diff", ".patch"))
SKIPPED_FOLDERS = frozenset(("memory",))  # notes of the agent to itself, rewritten at will
INSIDE_SESSION = ("subagents", "tool-results")  # folders that lie in the folder of a session
AGENT_LEAD = 3600  # seconds; see `newest_first`


class Stamp(NamedTuple):
    """What tells one state of a file from another without reading it."""

    size: int  # bytes
    mtime: int  # nanoseconds since 1970
    inode: int

    @classmethod
    def of(cls, found: os.stat_result) -> Stamp:
        return cls(found.st_size, found.st_mtime_ns, found.st_ino)


def roots(environ: Mapping[str, str] = os.environ) -> list[Path]:
    """The folders that hold the transcripts of this user's agents, existing or not yet."""
    named = environ.get("CLAUDE_CONFIG_DIR", "").strip()
    if named:
        folders = [named] if os.path.isdir(named) else re.split(f"[,{re.escape(os.pathsep)}]", named)
    else:
        folders = ["~/.claude", "~/.config/claude"]
    homes = [os.path.expanduser(folder.strip()) for folder in folders if folder.strip()]
    return [Path(folder) for folder in dict.fromkeys(os.path.realpath(os.path.join(folder, "projects")) for folder in homes)]


def place(path: str | os.PathLike[str]) -> str:
    """The resolved place of the transcripts that a user means by `path`: it, or `projects` in an agent's configuration folder."""
    resolved = os.path.realpath(path)
    projects = os.path.join(resolved, "projects")
    configuration = os.path.isdir(projects) or os.path.basename(resolved) == ".claude"
    return os.path.realpath(projects) if configuration else resolved


def is_transcript(path: str) -> bool:
    """Whether the file at `path` is archived: a transcript, what is known of a subagent, or the spilled output of a tool."""
    name = os.path.basename(path)
    if name.endswith(".jsonl") or (name.startswith("agent-") and name.endswith(".meta.json")):
        return True
    return f"{os.sep}tool-results{os.sep}" in path and os.path.splitext(name)[1].lower() in SPILLED


def session_of(path: str) -> str:
    """What the files of one session have in common: the path of its main transcript without `.jsonl`, which is its folder too."""
    for name in INSIDE_SESSION:
        session, inside, _ = (path + os.sep).partition(os.sep + name + os.sep)
        if inside:
            return session
    return path[: -len(".jsonl")] if path.endswith(".jsonl") else path


def newest_first(files: Mapping[str, Stamp], wanted: Iterable[str]) -> list[str]:
    """`wanted`, paths of `files`, by sessions, the one that changed last first.

    Within a session its sidecars and subagents go before the main transcript, so that the server knows already that a subagent
    has a file of its own. Old subagents lie beside their session, which is written on after they ended: they count as an hour
    younger than they are, and thus mostly go before it.
    """
    sessions: dict[str, list[str]] = {}
    for path in wanted:
        sessions.setdefault(session_of(path), []).append(path)

    def age(session: str) -> tuple[int, str]:
        lead = AGENT_LEAD * 10**9 if os.path.basename(session).startswith("agent-") else 0
        return -max(files[path].mtime for path in sessions[session]) - lead, session

    return [path for session in sorted(sessions, key=age) for path in sorted(sessions[session], key=_main_last)]


def _main_last(path: str) -> tuple[bool, str]:
    return path == session_of(path) + ".jsonl", path


def cleanup_days(folders: Iterable[str]) -> int | None:
    """After how many days the agent deletes what lies in `folders`; None if its settings cannot be read."""
    found = [_cleanup_days(folder) for folder in folders if os.path.basename(folder) == "projects"]
    known = [days for days in found if days is not None]
    return min(known) if known else None


def _cleanup_days(projects: str) -> int | None:
    try:
        settings = json.loads(Path(projects).with_name("settings.json").read_bytes())
    except FileNotFoundError:
        return KEEP_DAYS
    except (OSError, ValueError):
        return None
    days = settings.get("cleanupPeriodDays", KEEP_DAYS) if isinstance(settings, dict) else None
    return days if isinstance(days, int) and not isinstance(days, bool) else None
