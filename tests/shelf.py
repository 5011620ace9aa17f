"""An archive in this process, and records to put on it: the parts that a server is made of, without the server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from server import MACHINE, SLICE

from zerg import archive
from zerg.ingest import Answer, Ingest, Push
from zerg.store import open_store, source
from zerg.store.source import Source

NOW = 1_780_000_000_000  # ms UTC
FOLDER = "/home/ada/.claude/projects/-home-ada-engine"


class Shelf:
    """A store with the way in, as one server has them; `put` does what a shipper does."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.store = open_store(str(file))
        self.ingest = Ingest(self.store)

    def push(self, path: str, data: bytes, offset: int = 0, **more: Any) -> Answer:
        """Push one slice, which reaches the end of the file unless `size` says otherwise."""
        about: dict[str, Any] = {"provider": "claude", "machine": MACHINE, "generation": 1, "mtime": NOW} | more
        about.setdefault("size", offset + len(data))
        return self.ingest.push(Push(path=path, offset=offset, data=data, **about), NOW)

    def put(self, path: str, data: bytes, **more: Any) -> None:
        """Bring the archive to what the file at `path` holds now."""
        known = self.current(path, more.get("machine", MACHINE))
        goes_on = known is not None and self.bytes(known) == data[: known.offset]
        if known:
            more |= {"generation": known.generation}
        if known and not goes_on:
            more |= {"replaces": known.generation}
        start = known.offset if known and goes_on else 0
        for offset in range(start, len(data), SLICE) or (start,):
            answer = self.push(path, data[offset : offset + SLICE], offset, **{"size": len(data)} | more)
            more = {name: value for name, value in more.items() if name != "replaces"} | {"generation": answer.generation}

    def current(self, path: str, machine: str = MACHINE) -> Source | None:
        return next((one for one in source.generations(self.store, machine, "claude", path) if one.current), None)

    def bytes(self, found: Source) -> bytes:
        return archive.read(self.store, found.id, 0, found.offset)

    def close(self) -> None:
        self.store.close()


@contextmanager
def shelf(file: Path) -> Iterator[Shelf]:
    made = Shelf(file)
    try:
        yield made
    finally:
        made.close()


def path_of(session: str, agent: str = "") -> str:
    """Where Claude Code keeps a session, or a subagent of it."""
    return f"{FOLDER}/{session}/subagents/agent-{agent}.jsonl" if agent else f"{FOLDER}/{session}.jsonl"


def record(number: int, **more: Any) -> dict[str, Any]:
    """What all records have; `number` makes its UUID, and its time in seconds after 2026-02-05T10:00:00Z."""
    minutes, seconds = divmod(number, 60)
    at = f"2026-02-05T{10 + minutes // 60:02}:{minutes % 60:02}:{seconds:02}.000Z"
    envelope = {"cwd": "/home/ada/engine", "gitBranch": "main", "version": "2.1.204", "isSidechain": False}
    return envelope | {"uuid": f"{number:08x}-5e55-4000-8000-0000000000aa", "timestamp": at} | more


def prompt(number: int, text: str = "", **more: Any) -> dict[str, Any]:
    return record(number, type="user", message={"role": "user", "content": text or f"prompt {number}"}, **more)


def answer(number: int, text: str = "", *, message: str = "", output: int = 100, **more: Any) -> dict[str, Any]:
    usage = {"input_tokens": 10, "output_tokens": output, "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 50}
    content = [{"type": "text", "text": text or f"answer {number}"}]
    body = {"id": message or f"msg_{number}", "model": "claude-sonnet-4-5", "content": content, "usage": usage}
    return record(number, type="assistant", message={"role": "assistant", "stop_reason": "end_turn"} | body, **more)


def summary(text: str, leaf: int) -> dict[str, Any]:
    """A title for the session that holds record number `leaf`."""
    return {"type": "summary", "summary": text, "leafUuid": record(leaf)["uuid"]}


def lines(*records: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(each, separators=(",", ":")).encode() + b"\n" for each in records)
