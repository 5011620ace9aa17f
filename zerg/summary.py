"""What is known of a session: a fold over its events that goes on where it stopped.

One summary is kept for each part of a session (what one source says of it), so that an appended line costs one line. A
session with several parts shows their sum.
"""

from __future__ import annotations

import json
import ntpath
import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from zerg.events import Event, Kind, Parsed, Usage, Verdict

STEPS = 240  # letters of a strip at the most; beyond, two of them become one
STEP = {
    Kind.PROMPT: "p",
    Kind.ANSWER: "a",
    Kind.THINKING: "h",
    Kind.TOOL_CALL: "t",
    Kind.ERROR: "e",
    Kind.COMPACTION: "c",
}
WEIGHT = "htaecp"  # of two letters that become one, the later in this row stays
CALLS = 256  # tool calls without a result that are remembered
FIRST_FACTS = ("cwd", "title_prompt")


@dataclass(slots=True)
class Summary:
    """Counts, times and names of one part of a session. Times are ms UTC."""

    prompts: int = 0
    answers: int = 0
    tool_calls: int = 0
    errors: int = 0
    events: int = 0
    broken: int = 0
    unknown: int = 0
    started_at: int | None = None
    ended_at: int | None = None
    facts: dict[str, str] = field(default_factory=dict)
    models: list[str] = field(default_factory=list)
    raw: dict[str, int] = field(default_factory=dict)
    strip: str = ""
    per: int = 1  # steps that a letter of the strip stands for
    fill: int = 0  # steps in its last letter
    last_at: int | None = None  # sort time of the last event
    calls: dict[str, str] = field(default_factory=dict)  # tool by call id, of calls whose result has not come
    early: list[str] = field(default_factory=list)  # call ids of results that came before their call

    @classmethod
    def load(cls, text: str) -> Summary:
        return cls(**json.loads(text))

    def dump(self) -> str:
        return json.dumps({name: getattr(self, name) for name in self.__slots__}, separators=(",", ":"))

    def add_record(self, parsed: Parsed) -> None:
        """Take in what a record says besides its events."""
        self.broken += parsed.verdict == Verdict.BROKEN
        self.unknown += parsed.verdict == Verdict.UNKNOWN
        if parsed.at is not None:
            self.started_at = parsed.at if self.started_at is None else min(self.started_at, parsed.at)
            self.ended_at = parsed.at if self.ended_at is None else max(self.ended_at, parsed.at)
        for name, value in parsed.facts.items():
            if value and not (name in FIRST_FACTS and name in self.facts):
                self.facts[name] = value
        if parsed.model and parsed.model not in self.models:
            self.models.append(parsed.model)
        if parsed.usage:
            self.add_usage(parsed.usage)

    def add_usage(self, usage: Usage) -> None:
        for name in ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h"):
            self.raw[name] = self.raw.get(name, 0) + getattr(usage, name)
        self.raw["records"] = self.raw.get("records", 0) + 1

    def add_event(self, event: Event) -> None:
        """Take in one event of a record that is new to the session."""
        self.events += 1
        kind = event.kind
        if kind == Kind.PROMPT:
            self.prompts += 1
        elif kind == Kind.ANSWER:
            self.answers += 1
        elif kind == Kind.TOOL_CALL:
            self.tool_calls += 1
        failed = event.error or kind == Kind.ERROR
        self.errors += failed
        step = "e" if failed else STEP.get(kind, "")
        if step:
            self.add_step(step)

    def add_step(self, step: str) -> None:
        if self.strip and self.fill < self.per:
            self.strip = self.strip[:-1] + heavier(self.strip[-1], step)
            self.fill += 1
            return
        if len(self.strip) == STEPS:
            self.strip, self.per = halved(self.strip), self.per * 2
        self.strip += step
        self.fill = 1

    def tool_of(self, event: Event) -> str:
        """The tool of a call, or of the call that a result answers; '' where that has not been seen."""
        if event.kind == Kind.TOOL_CALL:
            self.calls[event.call] = event.tool
            if len(self.calls) > CALLS:
                del self.calls[next(iter(self.calls))]
        elif event.kind == Kind.TOOL_RESULT:
            if event.call in self.calls:
                return self.calls.pop(event.call)
            self.early = [*self.early[-CALLS:], event.call]
        return event.tool


def heavier(one: str, other: str) -> str:
    return max(one, other, key=WEIGHT.index)


def halved(strip: str) -> str:
    return "".join(heavier(one, other) for one, other in zip(strip[::2], strip[1::2] + strip[-1], strict=False))


def merged(parts: Iterable[Summary]) -> Summary:
    """The sum of the parts of one session, own ones first."""
    total = Summary()
    for part in parts:
        for name in ("prompts", "answers", "tool_calls", "errors", "events", "broken", "unknown"):
            setattr(total, name, getattr(total, name) + getattr(part, name))
        total.started_at = min((at for at in (total.started_at, part.started_at) if at is not None), default=None)
        total.ended_at = max((at for at in (total.ended_at, part.ended_at) if at is not None), default=None)
        total.facts = {**part.facts, **total.facts}
        total.models += [model for model in part.models if model not in total.models]
        total.raw = {name: total.raw.get(name, 0) + part.raw.get(name, 0) for name in {**total.raw, **part.raw}}
        total.strip += part.strip
        while len(total.strip) > STEPS:
            total.strip = halved(total.strip)
    return total


def shown(total: Summary, title_summary: str, mtime: int) -> dict[str, Any]:
    """The columns of a session: see store.session.SUMMARY."""
    facts = total.facts
    cwd = facts.get("cwd", "")
    names = ("title_custom", "title_ai")
    later = ("title_agent", "title_prompt")
    title = next((facts[name] for name in names if facts.get(name)), "") or title_summary
    return {
        "at": mtime if total.started_at is None else total.started_at,
        "started_at": total.started_at,
        "ended_at": total.ended_at,
        "project": project_of(cwd),
        "cwd": cwd,
        "branch": facts.get("branch", ""),
        "version": facts.get("version", ""),
        "entrypoint": facts.get("entrypoint", ""),
        "agent_type": facts.get("agent_type", ""),
        "pr": facts.get("pr", ""),
        "title": title or next((facts[name] for name in later if facts.get(name)), ""),
        **{
            name: getattr(total, name)
            for name in ("prompts", "answers", "tool_calls", "errors", "events", "broken", "unknown", "strip")
        },
        "models": json.dumps(total.models),
        "noise": noise(total),
        "raw": json.dumps(total.raw),
    }


def project_of(cwd: str) -> str:
    """The last part of a working directory of either kind of system; a worktree of Claude Code's belongs to its repository."""
    cwd = re.split(r"[/\\]\.claude[/\\]worktrees[/\\]", cwd)[0]
    windows = "\\" in cwd or cwd[1:2] == ":"
    path = (ntpath if windows else posixpath).normpath(cwd) if cwd else ""
    return (ntpath if windows else posixpath).basename(path) or path


def noise(total: Summary) -> str:
    """Why lists fold a session: nobody would look for it. '' for the others."""
    if total.prompts <= 1 and total.facts.get("title_prompt", "").strip().casefold() == "warmup":
        return "warmup"
    if not total.prompts and not total.answers and not total.tool_calls:
        return "empty"
    if total.prompts <= 1 and total.facts.get("entrypoint", "").startswith("sdk"):
        return "automated"
    return ""
