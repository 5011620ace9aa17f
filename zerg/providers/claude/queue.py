"""Which prompts are repeats: text typed while the agent was busy is in a transcript up to three times.

It is written when it is queued (`enqueue`), which is the only copy if the agent took it in the middle of its turn (`remove`).
Otherwise it follows as a user record when the turn is over (`dequeue`), or when the person took it back and sent it
again (`popAll`); newer versions write an attachment (`queued_command`) where it was taken. So a prompt is shown where and
when it was typed, and what repeats it is skipped. Only `enqueue` and `popAll` say which text they are about; the queue is
first in, first out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, MutableMapping
from typing import Any

from zerg.providers.claude.value import string

_LIMIT = 32  # texts that are remembered
_WAITING, _SENT, _TAKEN = "waiting", "sent", "taken"


def note(state: MutableMapping[str, Any], value: Mapping[str, Any]) -> None:
    """Take a queue-operation record into account."""
    queue: list[list[str]] = state.setdefault("queue", [])
    match value.get("operation"):
        case "enqueue":
            queue.append([digest(string(value.get("content"))), _WAITING])
            del queue[:-_LIMIT]
        case "dequeue":
            _move(queue, "", _SENT)
        case "remove":
            _move(queue, "", _TAKEN)
        case "popAll":
            _move(queue, digest(string(value.get("content"))), _SENT)


def repeats(state: MutableMapping[str, Any], text: str, taken: bool) -> bool:
    """Whether a prompt was in the queue, which is said once; `taken`: also if the agent took it from there."""
    queue: list[list[str]] = state.get("queue", [])
    wanted = digest(text) if queue else ""
    for item in queue:
        if item[0] == wanted and (taken or item[1] != _TAKEN):
            queue.remove(item)
            return True
    return False


def digest(text: str) -> str:
    """A short name of a text, to remember it by."""
    return hashlib.blake2b(text.strip().encode(), digest_size=8).hexdigest()


def _move(queue: list[list[str]], wanted: str, to: str) -> None:
    """Mark the first text that waits, or the first that is `wanted`."""
    for item in queue:
        if item[1] == _WAITING and wanted in ("", item[0]):
            item[1] = to
            return
