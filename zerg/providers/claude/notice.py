"""Records that are neither side of the conversation: what the system, hooks and attachments say, titles, links, the queue."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from zerg.events import Event, Kind
from zerg.providers.claude import tag
from zerg.providers.claude.value import mapping, sequence, string, strings

# Known, and nothing in them to show or search that is not elsewhere: states, backups, repeats of what stands in other records.
SKIPPED = frozenset(
    (
        *("file-history-snapshot", "file-history-delta", "last-prompt", "mode", "permission-mode", "agent-name", "agent-setting"),
        *("worktree-state", "relocated", "frame-link", "bridge-session", "atis-latch", "continued-in"),
    )
)
_SILENT_SYSTEM = ("turn_duration", "session_start")
# Attachments that list what the agent can do, or repeat the list of tasks: for the model, and the same in every session.
_SILENT_ATTACHMENT = (
    *("skill_listing", "deferred_tools_delta", "agent_listing_delta", "mcp_instructions_delta", "command_permissions"),
    *("todo_reminder", "task_reminder", "date_change"),
)
_HOOK_TEXT = ("stdout", "stderr", "content", "blockingError", "error")  # of a hook's attachment: what it said
_ERROR_TEXT = ("status", "type", "code", "message")  # of an API error: never its headers, they hold cookies
_COMMAND = re.compile(r"/[a-z][\w:-]*(?:\s|$)")  # as typed: `/model opus`, but not `/usr/bin is missing`

Events = tuple[Event, ...]


def system(value: Mapping[str, Any]) -> Events:
    """The events of a system record."""
    subtype = string(value.get("subtype"))
    if subtype in _SILENT_SYSTEM:
        return ()
    if subtype in _SYSTEM:
        return _SYSTEM[subtype](value)
    said = _unless_empty(Kind.NOTICE, string(value.get("content")), subtype or string(value.get("level")))
    return said if said or not subtype else unknown(value)


def _boundary(value: Mapping[str, Any]) -> Events:
    data = mapping(value.get("compactMetadata") or value.get("microcompactMetadata"))
    label = "boundary" if value.get("subtype") == "compact_boundary" else "microcompact"
    return (Event(0, Kind.COMPACTION, string(value.get("content")), label=label, data=data),)


def _retry(value: Mapping[str, Any]) -> Events:
    error = value.get("error") or value.get("cause")
    text = " ".join(dict.fromkeys(_reasons(error))) or "API error"
    attempt, most = value.get("retryAttempt"), value.get("maxRetries")
    tries = f" (attempt {attempt} of {most})" if isinstance(attempt, int) and isinstance(most, int) else ""
    data = {"retryInMs": value.get("retryInMs"), "attempt": attempt, "of": most}
    return (Event(0, Kind.ERROR, text + tries, error=True, label="retry", data=data),)


def _reasons(error: Any) -> Iterator[str]:
    if isinstance(error, str):
        yield error
    for key in _ERROR_TEXT:
        found = mapping(error).get(key)
        if isinstance(found, str) and found != "error":
            yield found
        elif isinstance(found, int) and 0 < found < 1000:
            yield str(found)
    for key in ("error", "cause"):
        if key in mapping(error):
            yield from _reasons(error[key])


def _command(value: Mapping[str, Any]) -> Events:
    text = string(value.get("content"))
    event = tag.event(0, text) or Event(0, Kind.COMMAND, text)
    return (event,) if event.text else ()


def _recap(value: Mapping[str, Any]) -> Events:
    return _unless_empty(Kind.NOTICE, value.get("content"), "recap")


def _stop_hook(value: Mapping[str, Any]) -> Events:
    """Says something only where a hook failed or stopped the turn."""
    said = [value.get("hookErrors"), value.get("stopReason") if value.get("preventedContinuation") is True else None]
    return _unless_empty(Kind.NOTICE, said, "stop_hook")


_SYSTEM: Mapping[str, Callable[[Mapping[str, Any]], Events]] = {
    "compact_boundary": _boundary,
    "microcompact_boundary": _boundary,
    "api_error": _retry,
    "local_command": _command,
    "away_summary": _recap,
    "stop_hook_summary": _stop_hook,
}


def attachment(value: Mapping[str, Any]) -> Events:
    """The events of an attachment record."""
    found = mapping(value.get("attachment"))
    kind = string(found.get("type"))
    if kind in _SILENT_ATTACHMENT:
        return ()
    if kind == "queued_command":
        return _queued(found.get("prompt"), string(found.get("commandMode")))
    if kind.startswith("hook_"):
        return _unless_empty(Kind.NOTICE, [found.get(key) for key in _HOOK_TEXT], kind)
    return _unless_empty(Kind.NOTICE, {key: item for key, item in found.items() if key != "type"}, kind)


def queue(value: Mapping[str, Any]) -> Events:
    """The events of a queue-operation record: what was typed while the agent was busy (`dequeue` and others only move it)."""
    return _queued(value.get("content"), "") if value.get("operation") == "enqueue" else ()


def _queued(content: Any, mode: str) -> Events:
    texts = [string(mapping(block).get("text")) for block in sequence(content)] or [string(content)]
    text = tag.without_reminders("\n".join(texts))
    if not text.strip():
        return ()
    if event := tag.event(0, text):
        return (event._replace(label="queued" if event.kind is Kind.COMMAND else event.label),)
    if _COMMAND.match(text) or mode == "bash":
        return (Event(0, Kind.COMMAND, text, label="queued"),)
    return (Event(0, Kind.NOTICE if mode == "task-notification" else Kind.PROMPT, text, label="queued"),)


def title(value: Mapping[str, Any]) -> Events:
    """The event of a record that gives a title, to its own session or (summary) to another."""
    _, key, label = TITLES[string(value.get("type"))]
    return _unless_empty(Kind.TITLE, string(value.get(key)), label)


# By record type: the fact that it states, the key of its text, the label of its event.
TITLES: Mapping[str, tuple[str, str, str]] = {
    "custom-title": ("title_custom", "customTitle", "custom"),
    "ai-title": ("title_ai", "aiTitle", "ai"),
    "summary": ("", "summary", "summary"),
}


def link(value: Mapping[str, Any]) -> Events:
    """The event of a pr-link record."""
    return _unless_empty(Kind.NOTICE, string(value.get("prUrl")), "pr")


def result(value: Mapping[str, Any]) -> Events:
    """What an agent of a workflow handed back, as its journal has it."""
    return _unless_empty(Kind.NOTICE, value.get("result"), "workflow_result")


def unknown(value: Mapping[str, Any]) -> Events:
    """The event of a record of a type that this version does not know: all it says but for the envelope."""
    said = {key: item for key, item in value.items() if key not in _ENVELOPE}
    label = string(value.get("subtype")) or string(value.get("type"))
    return (Event(0, Kind.UNKNOWN, "\n".join(strings(said)), label=label),)


_ENVELOPE = frozenset(
    (
        *("uuid", "parentUuid", "sessionId", "timestamp", "cwd", "version", "gitBranch", "userType", "type", "subtype", "slug"),
        *("agentId", "entrypoint", "promptId", "requestId", "isSidechain", "isMeta", "level"),
    )
)


def _unless_empty(kind: Kind, said: Any, label: str) -> Events:
    text = tag.plain("\n".join(dict.fromkeys(strings(said))))
    return (Event(0, kind, text, label=label),) if text.strip() else ()
