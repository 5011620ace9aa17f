"""A server as people run it, in a process and a home of its own, and what tests ask of it."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

ROOT = Path(__file__).resolve().parent.parent
SLICE = 256 * 1024  # bytes: what a push may hold
PATIENCE = 120  # seconds until a test gives up waiting; nothing is measured by it
MACHINE = "4c5f6e0a-0000-4000-8000-00000000000a"


class Reply(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """What kind of error it is."""
        found: str = self.json["error"]["code"]
        return found


class Running:
    """A server that answers at `url`. Everything it is asked goes over one connection."""

    def __init__(self, process: subprocess.Popen[str], home: Path, url: str) -> None:
        self.process = process
        self.home = home
        self.url = url
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)

    def ask(self, method: str, target: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Reply:
        self.connection.request(method, target, body, headers or {})
        with self.connection.getresponse() as found:
            return Reply(found.status, found.headers, found.read())

    def get(self, target: str, **query: Any) -> Reply:
        return self.ask("GET", target + ("?" + urlencode(query) if query else ""))

    def items(self, target: str, name: str, **query: Any) -> list[Any]:
        """All of a list, page by page."""
        found: list[Any] = []
        cursor = ""
        while True:
            page = self.get(target, **query, **({"cursor": cursor} if cursor else {})).json
            found += page[name]
            if not (cursor := page["next"] or ""):
                return found

    def push(self, path: str, data: bytes, offset: int = 0, *, deflate: bool = False, **more: Any) -> Reply:
        """Push a slice; it reaches the end of the file unless `size` says otherwise."""
        query = {
            "provider": "claude",
            "machine": MACHINE,
            "generation": 1,
            "size": offset + len(data),
            "mtime": 1_770_000_000.5,
        } | more
        target = "/api/agents/ingest?" + urlencode({"path": path, "offset": offset, **query})
        body = zlib.compress(data) if deflate else data
        return self.ask("POST", target, body, {"Content-Encoding": "deflate"} if deflate else None)

    def push_all(self, path: str, data: bytes, **more: Any) -> Reply:
        """Push a whole file, in slices."""
        starts = range(0, len(data), SLICE) or (0,)
        for start in starts:
            found = self.push(path, data[start : start + SLICE], start, size=len(data), deflate=True, **more)
            assert found.status == 200, found
        return found

    def source(self, path: str, machine: str = MACHINE) -> Any:
        (found,) = self.get("/api/agents/sources", machine=machine, path=path).json["sources"]
        return found

    def health(self) -> Any:
        return self.get("/api/health").json

    def settled(self) -> Any:
        """The health, once everything is imported and derived."""
        until = time.monotonic() + PATIENCE
        while True:
            found = self.health()
            if found["import"]["state"] == "idle" and not found["deriving"]:
                return found
            assert time.monotonic() < until, found
            time.sleep(0.05)

    def sessions(self) -> list[Any]:
        """All sessions, subagents behind their parents."""
        found = self.items("/api/agents/sessions", "sessions")
        for session in found:
            if session["subagents"]:
                found += self.items("/api/agents/sessions", "sessions", parent=session["id"])
        return found

    def export(self, session: str, **which: int) -> bytes:
        found = self.get(f"/api/agents/sessions/{session}/export", **which)
        assert found.status == 200, found.body
        return found.body

    def peak(self) -> int:
        """The most memory that it has had, in bytes. Linux tells."""
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text())
        assert found
        return int(found[1]) * 1024

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)


def environment(home: Path, claude: Path | None = None) -> dict[str, str]:
    """Of a process that knows this home and these transcripts, and nothing of the person who runs the test."""
    known = {
        name: value for name, value in os.environ.items() if not name.startswith(("ZERG_", "CLAUDE_", "ANTHROPIC_", "DATABASE_"))
    }
    return known | {"ZERG_HOME": str(home), "HOME": str(home), "CLAUDE_CONFIG_DIR": str(claude or home / "nothing")}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "zerg", *arguments]


def zerg(home: Path, *arguments: str, claude: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    """One run of the command line."""
    return subprocess.run(
        command(*arguments), cwd=ROOT, env=environment(home, claude), capture_output=True, check=False, timeout=PATIENCE
    )  # fmt: skip


@contextmanager
def serving(home: Path, *flags: str, claude: Path | None = None) -> Iterator[Running]:
    """A server on `home`: it ships what lies in `claude`, if that is given."""
    flags = (*flags, *(() if claude else ("--no-ship",)))
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(
            command("serve", "--port", "0", *flags),
            cwd=ROOT,
            env=environment(home, claude),
            text=True,
            stdout=subprocess.PIPE,
            stderr=log,
        ) as process,
    ):
        try:
            assert process.stdout
            line = process.stdout.readline()
            found = re.search(r"http://[^\s/]+", line)
            log.seek(0)
            assert found, line + log.read()
            running = Running(process, home, found[0])
            with closing(running.connection):
                yield running
        finally:
            process.terminate()


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
