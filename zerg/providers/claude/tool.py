"""Tool calls and their results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from zerg.events import Event, Kind
from zerg.providers.claude.picture import Path, reference
from zerg.providers.claude.tag import inner, printed, without_reminders
from zerg.providers.claude.value import mapping, pick, sequence, string, strings

# What people look for first, in this order; the other strings of the input follow as they come.
_FIRST = ("file_path", "notebook_path", "path", "command", "pattern", "glob", "query", "url", "description", "prompt")
# Of `toolUseResult`, which repeats the result for programs: what rendering uses. Whole files (originalFile) are not.
_REPORT = (
    *("structuredPatch", "filePath", "userModified", "replaceAll"),
    *("stdout", "stderr", "interrupted", "isImage", "returnCodeInterpretation", "backgroundTaskId", "exitCode"),
    *("mode", "numFiles", "numLines", "numMatches", "filenames", "truncated", "appliedLimit"),
    *("status", "agentId", "agentType", "isAsync", "outputFile", "worktreePath", "worktreeBranch"),
    *("totalDurationMs", "totalTokens", "totalToolUseCount", "durationMs", "durationSeconds"),
    *("oldTodos", "newTodos", "questions", "answers", "plan", "task", "tasks", "taskId", "success", "statusChange"),
    *("url", "code", "codeText", "bytes", "query", "commandName", "message"),
)
_FILE = ("filePath", "numLines", "startLine", "totalLines")
_REFUSED = "The user doesn't want to proceed with this tool use"
_PERSISTED = "<persisted-output>"


def call(slot: int, block: Mapping[str, Any]) -> Event:
    """The event of a tool_use block."""
    given = block.get("input")
    data = {"input": given}
    return Event(slot, Kind.TOOL_CALL, _readable(given), tool=string(block.get("name")), call=string(block.get("id")), data=data)


def result(slot: int, block: Mapping[str, Any], report: Any, path: Path) -> Event:
    """The event of a tool_result block that stands at `path` of its record; `report` is the record's `toolUseResult`."""
    content = block.get("content")
    text = without_reminders("\n".join(_seen(content)))
    images = list(_images(content, (*path, "content")))
    data = {"result": _reported(report)} | ({"images": images} if images else {})
    failed = block.get("is_error") is True
    if failed and text.startswith("<tool_use_error>"):
        text = inner(text, "tool_use_error")
    found = Event(
        slot, Kind.TOOL_RESULT, text, call=string(block.get("tool_use_id")),
        error=failed, image=bool(images), label=_label(text, failed), data=data,
    )  # fmt: skip
    return printed(found)


def _readable(given: Any) -> str:
    """All strings of a tool's input, files and commands first."""
    if not isinstance(given, dict):
        return "\n".join(strings(given))
    first = [value for key in _FIRST if (value := string(given.get(key)))]
    rest = (text for key, value in given.items() if key not in _FIRST or not isinstance(value, str) for text in strings(value))
    return "\n".join([*first, *rest])


def _seen(content: Any) -> Iterator[str]:
    """What the model saw, part by part."""
    if isinstance(content, str):
        yield content
        return
    for block in sequence(content):
        kind = mapping(block).get("type")
        if kind == "text":
            yield string(block.get("text"))
        elif kind in ("image", "document"):
            yield f"[{kind}]"
        else:
            yield from strings({key: value for key, value in mapping(block).items() if key != "type"})


def _images(content: Any, path: Path) -> Iterator[dict[str, Any]]:
    for index, block in enumerate(sequence(content)):
        if mapping(block).get("type") == "image":
            yield reference(block, (*path, index))


def _reported(report: Any) -> dict[str, Any]:
    if not isinstance(report, dict):
        return {}
    found = pick(report, _REPORT)
    if report.get("isImage"):
        found.pop("stdout", None)  # base64
    if isinstance(file := report.get("file"), dict):
        found["file"] = pick(file, _FILE)
    return found


def _label(text: str, failed: bool) -> str:
    if failed:
        return "refused" if text.startswith(_REFUSED) else ""
    return "persisted" if text.startswith(_PERSISTED) else ""


def agents(blocks: Sequence[Any]) -> Iterator[tuple[str, str, str]]:
    """Prompt, description and type of each subagent that a message starts."""
    for block in map(mapping, blocks):
        if block.get("type") == "tool_use" and block.get("name") in ("Task", "Agent"):
            given = mapping(block.get("input"))
            yield string(given.get("prompt")), string(given.get("description")), string(given.get("subagent_type"))
