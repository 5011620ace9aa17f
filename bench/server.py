"""A `zerg serve` in a process of its own, with a home of its own, and questions to it."""

from __future__ import annotations

import http.client
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from zerg.config import SETTINGS

PATIENCE = 60.0  # seconds until the server must answer


class Answer(NamedTuple):
    """What came back, and how long that took."""

    status: int
    body: bytes
    seconds: float


class Server:
    """Runs from `with` to its end. `claude`: the folder it archives; None: it only shows what `home` holds."""

    def __init__(self, home: Path, claude: Path | None) -> None:
        self.home = home
        self.claude = claude

    def __enter__(self) -> Self:
        ours = {"ZERG_HOME": str(self.home)} | ({"CLAUDE_CONFIG_DIR": str(self.claude)} if self.claude else {})
        foreign = {name for row in SETTINGS for name in row.environment}
        environment = {name: value for name, value in os.environ.items() if name not in foreign} | ours
        command = [sys.executable, "-m", "zerg", "serve", "--port", "0", *([] if self.claude else ["--no-ship"])]
        self.started = time.perf_counter()
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        self.address = self._address()
        self.ready = time.perf_counter() - self.started  # seconds until it said that it answers
        self.connection = self.connect()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.connection.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()

    def _address(self) -> str:
        assert self.process.stdout
        readable, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        line = self.process.stdout.readline() if readable else ""
        if not (found := re.search(r"http://\S+", line)):
            self.process.kill()
            raise RuntimeError(f"zerg serve did not say where it answers, but {line!r}")
        return urlsplit(found[0]).netloc

    def connect(self) -> http.client.HTTPConnection:
        """A connection for a thread of its own."""
        return http.client.HTTPConnection(self.address, timeout=PATIENCE)

    def get(self, path: str, connection: http.client.HTTPConnection | None = None) -> Answer:
        over = connection or self.connection
        before = time.perf_counter()
        over.request("GET", path)
        response = over.getresponse()
        body = response.read()
        return Answer(response.status, body, time.perf_counter() - before)

    def json(self, path: str) -> Any:
        answer = self.get(path)
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {answer.body[:300]!r}")
        return json.loads(answer.body)

    def idle(self) -> bool:
        """Everything that the Shipper found is in."""
        state = self.json("/api/health")["import"]
        return bool(state["state"] == "idle" and state["done_bytes"] >= (state["total_bytes"] or 0))

    def processor(self) -> float:
        """Seconds that it has computed, in all its threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> tuple[float, float]:
        """Resident megabytes: the most that it ever was, and now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        peak, now = (re.search(rf"{name}:\s+(\d+) kB", status) for name in ("VmHWM", "VmRSS"))
        return (int(peak[1]) / 1000 if peak else 0.0), (int(now[1]) / 1000 if now else 0.0)
