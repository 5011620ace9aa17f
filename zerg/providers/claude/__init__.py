"""Claude Code: transcripts under ``~/.claude/projects``, versions 1.0 to 2.1.

`place` tells files by their paths; `transcript` reads sessions and subagents, with `message` for what both sides say (`tool`,
`tag`, `picture`), `notice` for all other records, `fact` and `usage` for what they say of their session, `queue` and
`sidechain` for what a record alone does not tell; `sidecar` reads the files beside them; `value` guards against JSON of any
shape.

Labels of events. prompt: "" typed, "queued" typed while the agent was busy, "task" what a subagent was told. command:
slash, bash, stdout, stderr, queued. compaction: boundary, summary, microcompact. error: retry, or the API's own word.
tool_result: refused, persisted. title: custom, ai, summary, agent. notice: meta, caveat, skill, context, task, recap, pr,
hook_… and the like.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zerg.providers import Provider, Reader, State
from zerg.providers.claude.picture import image
from zerg.providers.claude.place import Role, place
from zerg.providers.claude.sidecar import Journal, Meta, Output
from zerg.providers.claude.transcript import Transcript

__all__ = ["PROVIDER", "image"]


class Claude:
    """The provider `claude`."""

    name = "claude"
    title = "Claude Code"
    version = 1

    def reader(self, path: str, state: State) -> Reader | None:
        found = place(path)
        if found is None:
            return None
        match found.role:
            case Role.OUTPUT:
                return Output(found, state)
            case Role.META:
                return Meta(found, state)
            case Role.JOURNAL:
                return Journal(found, state)
            case _:
                return Transcript(found, path, state)

    def image(self, value: Any, path: Sequence[str | int]) -> tuple[str, bytes]:
        return image(value, path)


PROVIDER: Provider = Claude()
