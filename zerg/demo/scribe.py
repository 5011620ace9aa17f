"""Writes a transcript as Claude Code 2.1 does: one line for each block of a message, chained by their UUIDs."""

from __future__ import annotations

import base64
import difflib
import json
import os
import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from zerg.events import named_session

VERSION = "2.1.204"
Json = Mapping[str, Any]


class Scribe:
    """One transcript. Every method adds what its name says, `pause` seconds after what came before."""

    def __init__(self, name: str, start: float, *, cwd: str, branch: str = "main", model: str = "claude-sonnet-4-5") -> None:
        self.session = named_session("demo", name)
        self.agent = ""  # id of the subagent whose transcript this is
        self.clock = start  # seconds since 1970
        self.cwd, self.branch, self.model = cwd, branch, model
        self.records: list[Json] = []
        self.context = 12_000  # tokens that the model reads from its cache
        self.parent: str | None = None
        self.message = 0

    def prompt(self, text: str, *, image: bytes = b"", pause: float = 60) -> None:
        content: Any = text
        if image:
            source = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(image).decode()}
            content = [{"type": "text", "text": text}, {"type": "image", "source": source}]
        self._user(content, pause, promptId=self._id("prompt"))

    def think(self, text: str, *, pause: float = 4) -> None:
        self._assistant({"type": "thinking", "thinking": text, "signature": "ZGVtbw=="}, pause, len(text) // 4, ends=False)

    def say(self, text: str, *, pause: float = 6) -> None:
        self._assistant({"type": "text", "text": text}, pause, len(text) // 4)

    def call(self, tool: str, input: Json, *, pause: float = 5) -> str:
        """A tool call without its result; its id."""
        call = f"toolu_01{self._id('call').replace('-', '')[:22]}"
        self._assistant({"type": "tool_use", "id": call, "name": tool, "input": input}, pause, len(json.dumps(input)) // 4)
        return call

    def result(self, call: str, output: Any, *, more: Any = None, error: bool = False, pause: float = 2) -> None:
        block = {"tool_use_id": call, "type": "tool_result", "content": output} | ({"is_error": True} if error else {})
        self._user([block], pause, toolUseResult=more if more is not None else output, sourceToolAssistantUUID=self.parent)

    def bash(self, command: str, output: str, *, what: str, error: int = 0, pause: float = 3) -> None:
        call = self.call("Bash", {"command": command, "description": what})
        if error:
            failed = f"Exit code {error}\n{output}"
            self.result(call, failed, more=f"Error: {failed}", error=True, pause=pause)
        else:
            self.result(call, output, more={"stdout": output, "stderr": "", "interrupted": False, "isImage": False}, pause=pause)

    def read(self, path: str, text: str, *, first: int = 1) -> None:
        lines = text.splitlines()
        call = self.call("Read", {"file_path": path})
        last = first + len(lines) - 1
        file = {"filePath": path, "content": text, "numLines": len(lines), "startLine": first, "totalLines": last}
        shown = "\n".join(f"{number:6}→{line}" for number, line in enumerate(lines, first))
        self.result(call, shown, more={"type": "text", "file": file}, pause=1)

    def grep(self, pattern: str, files: Sequence[str]) -> None:
        call = self.call("Grep", {"pattern": pattern, "output_mode": "files_with_matches"})
        more = {"mode": "files_with_matches", "filenames": list(files), "numFiles": len(files)}
        self.result(call, "\n".join([f"Found {len(files)} files", *files]), more=more, pause=1)

    def edit(self, path: str, old: str, new: str, *, line: int = 1) -> None:
        call = self.call("Edit", {"file_path": path, "old_string": old, "new_string": new, "replace_all": False})
        more = {"filePath": path, "oldString": old, "newString": new, "structuredPatch": patch(old, new, line)}
        self.result(call, f"The file {path} has been updated successfully.", more=more, pause=1)

    def write(self, path: str, content: str) -> None:
        call = self.call("Write", {"file_path": path, "content": content})
        more = {"type": "create", "filePath": path, "content": content, "structuredPatch": []}
        self.result(call, f"File created successfully at: {path}", more=more, pause=1)

    def todo(self, done: int, *tasks: str) -> None:
        """The checklist, its first `done` tasks completed and the next one in progress."""
        status = ["completed"] * done + ["in_progress"] + ["pending"] * len(tasks)
        todos = [{"content": task, "status": state, "activeForm": task} for task, state in zip(tasks, status, strict=False)]
        call = self.call("TodoWrite", {"todos": todos})
        self.result(call, "Todos have been modified successfully.", more={"oldTodos": [], "newTodos": todos}, pause=1)

    def slash(self, command: str, output: str, *, arguments: str = "") -> None:
        name = command.removeprefix("/")
        tags = f"<command-name>{command}</command-name>\n<command-message>{name}</command-message>"
        self._user(f"{tags}\n<command-args>{arguments}</command-args>", 30)
        self._user(f"<local-command-stdout>{output}</local-command-stdout>", 1)

    def interrupt(self) -> None:
        self._user([{"type": "text", "text": "[Request interrupted by user]"}], 3)

    def retry(self, attempt: int, *, pause: float = 2) -> None:
        error = {"status": 529, "error": {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}}
        more = {"retryInMs": 1000 * 2**attempt, "retryAttempt": attempt, "maxRetries": 10}
        self._system("api_error", pause, level="error", error=error, **more)

    def compact(self, summary: str) -> None:
        self.parent = None
        metadata = {"trigger": "auto", "preTokens": 156_204}
        self._system("compact_boundary", 20, content="Conversation compacted", compactMetadata=metadata)
        text = f"This session is being continued from a previous conversation that ran out of context. {summary}"
        self._user(text, 1, isCompactSummary=True, isVisibleInTranscriptOnly=True)
        self.context = 21_000

    def title(self, text: str) -> None:
        self.records.append({"type": "ai-title", "aiTitle": text, "sessionId": self.session})

    def subagent(self, agent: str) -> Scribe:
        """The transcript of a subagent that starts now."""
        made = Scribe("", self.clock, cwd=self.cwd, branch=self.branch, model="claude-haiku-4-5")
        made.session, made.agent = self.session, agent
        return made

    def save(self, folder: Path) -> Path:
        """Write the transcript where Claude Code would, below `folder`."""
        place = folder / re.sub("[^A-Za-z0-9]", "-", self.cwd)
        file = place / self.session / "subagents" / f"agent-{self.agent}.jsonl" if self.agent else place / f"{self.session}.jsonl"
        lines = "".join(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n" for record in self.records)
        save(file, lines, self.clock)
        return file

    def _user(self, content: Any, pause: float, **more: Any) -> None:
        self._add("user", pause, message={"role": "user", "content": content}, **more)

    def _assistant(self, block: Json, pause: float, tokens: int, *, ends: bool = True) -> None:
        """One block; `ends`: it is the last one of its message."""
        usage = {
            "input_tokens": 4,
            "cache_creation_input_tokens": 900 + tokens,
            "cache_read_input_tokens": self.context,
            "cache_creation": {"ephemeral_5m_input_tokens": 900 + tokens, "ephemeral_1h_input_tokens": 0},
            "output_tokens": max(tokens, 8),
            "service_tier": "standard",
        }
        known = self._id("message", self.message).replace("-", "")[:22]
        message = {"id": f"msg_01{known}", "type": "message", "role": "assistant", "model": self.model}
        stop = "tool_use" if block["type"] == "tool_use" else "end_turn" if ends else None
        ending = {"content": [block], "stop_reason": stop, "stop_sequence": None, "usage": usage}
        self._add("assistant", pause, message=message | ending, requestId=f"req_01{known}")
        if ends:
            self.message += 1
            self.context += 900 + tokens

    def _system(self, subtype: str, pause: float, **more: Any) -> None:
        self._add("system", pause, subtype=subtype, isMeta=False, **more)

    def _add(self, type: str, pause: float, **more: Any) -> None:
        self.clock += pause
        own = self._id("record")
        envelope = {
            "parentUuid": self.parent, "isSidechain": bool(self.agent), "userType": "external", "cwd": self.cwd,
            "sessionId": self.session, "version": VERSION, "gitBranch": self.branch, "entrypoint": "cli",
        }  # fmt: skip
        agent = {"agentId": self.agent} if self.agent else {}
        self.records.append(envelope | agent | {"type": type} | more | {"uuid": own, "timestamp": stamp(self.clock)})
        self.parent = own

    def _id(self, kind: str, number: int | None = None) -> str:
        return str(uuid.uuid5(uuid.UUID(self.session), f"{self.agent} {kind} {len(self.records) if number is None else number}"))


def stamp(clock: float) -> str:
    """Seconds since 1970 as Claude Code writes them."""
    return datetime.fromtimestamp(clock, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def patch(old: str, new: str, line: int) -> list[Json]:
    """The hunks between two texts, the first of which starts at `line` of its file."""
    before, after = old.splitlines(), new.splitlines()
    lines = list(difflib.unified_diff(before, after, n=len(before), lineterm=""))[3:]
    return [{"oldStart": line, "oldLines": len(before), "newStart": line, "newLines": len(after), "lines": lines}]


def save(file: Path, text: str, clock: float) -> None:
    """Write `file`, as if it had been written at `clock`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8", newline="")
    os.utime(file, (clock, clock))
