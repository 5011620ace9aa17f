"""What user and assistant records say: their content, block by block.

The slot of an event is the index of its block, so that a block which a later version reads otherwise moves no other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from zerg.events import Event, Kind
from zerg.providers.claude import tag, tool
from zerg.providers.claude.picture import Path, reference
from zerg.providers.claude.value import mapping, sequence, string, strings

CONTENT: Path = ("message", "content")
SYNTHETIC = "<synthetic>"  # the model of answers that Claude Code made itself


def blocks(value: Mapping[str, Any]) -> Sequence[Any]:
    """The content blocks of a record; a plain string counts as one block of text."""
    content = mapping(value.get("message")).get("content")
    return [{"type": "text", "text": content}] if isinstance(content, str) else sequence(content)


def answer(value: Mapping[str, Any], path: Path = CONTENT) -> tuple[Event, ...]:
    """The events of an assistant record whose content stands at `path`."""
    found = (_answer(slot, mapping(block), value, path) for slot, block in enumerate(blocks(value)))
    return tuple(event for event in found if event)


def _answer(slot: int, block: Mapping[str, Any], value: Mapping[str, Any], path: Path) -> Event | None:
    match block.get("type"):
        case "text":
            return _said(slot, string(block.get("text")), value)
        case "thinking":
            text = string(block.get("thinking"))
            return Event(slot, Kind.THINKING, text) if text.strip() else None
        case "redacted_thinking":
            return None
        case "tool_use" | "server_tool_use" | "mcp_tool_use":
            return tool.call(slot, block)
        case str(kind) if kind.endswith("_tool_result"):
            return tool.result(slot, block, None, (*path, slot))
        case _:
            return _unknown(slot, block)


def _said(slot: int, text: str, value: Mapping[str, Any]) -> Event | None:
    if value.get("isApiErrorMessage") is True:
        return Event(slot, Kind.ERROR, text, error=True, label=string(value.get("error")))
    if not text.strip():
        return None
    if mapping(value.get("message")).get("model") == SYNTHETIC:
        return Event(slot, Kind.NOTICE, text, label="synthetic")
    return Event(slot, Kind.ANSWER, text)


def heard(value: Mapping[str, Any], path: Path = CONTENT) -> tuple[Event, ...]:
    """The events of a user record whose content stands at `path`: at most one prompt, results, and what nobody typed."""
    found: list[Event] = []
    typed: list[tuple[int, str]] = []
    images: list[dict[str, Any]] = []
    for slot, block in enumerate(map(mapping, blocks(value))):
        match block.get("type"):
            case "text":
                typed.append((slot, tag.without_reminders(string(block.get("text")))))
            case "tool_result":
                found.append(tool.result(slot, block, value.get("toolUseResult"), (*path, slot)))
            case "image":
                images.append(reference(block, (*path, slot)))
            case "document":
                typed.append((slot, "[document]"))
            case _:
                found.append(_unknown(slot, block))
    found += _typed(value, [(slot, text) for slot, text in typed if text.strip()], images)
    return tuple(event for event in sorted(found, key=lambda event: event.slot) if event.text or event.kind is Kind.TOOL_RESULT)


def _typed(value: Mapping[str, Any], texts: list[tuple[int, str]], images: list[dict[str, Any]]) -> Iterator[Event]:
    """The events of the texts and images of a user record. Beside a result they are what a person said to refuse a tool."""
    if value.get("isCompactSummary") is True:
        yield from _joined(Kind.COMPACTION, texts, images, "summary")
        return
    prompt: list[tuple[int, str]] = []
    for slot, text in texts:
        if event := tag.event(slot, text):
            yield event
        else:
            prompt.append((slot, text))
    if value.get("isMeta") is True:
        yield from _joined(Kind.NOTICE, prompt, images, _meta(value, prompt))
    else:
        yield from _joined(Kind.PROMPT, prompt, images, "task" if value.get("isSidechain") is True else "")


def _joined(kind: Kind, texts: list[tuple[int, str]], images: list[dict[str, Any]], label: str) -> Iterator[Event]:
    if texts or images:
        slot = texts[0][0] if texts else int(images[0]["path"][-1])
        text = "\n".join(text for _, text in texts) or "[image]"
        yield Event(slot, kind, text, image=bool(images), label=label, data={"images": images} if images else {})


def _meta(value: Mapping[str, Any], texts: list[tuple[int, str]]) -> str:
    skill = "sourceToolUseID" in value or any(text.startswith("Base directory for this skill") for _, text in texts)
    return "skill" if skill else "meta"


def _unknown(slot: int, block: Mapping[str, Any]) -> Event:
    return Event(slot, Kind.UNKNOWN, "\n".join(strings(block)), label=string(block.get("type")))
