"""The shipper and the server that it is made for: real processes, which are killed while bytes are on their way."""

from __future__ import annotations

import hashlib
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from shipper.server import Server
from shipper.ship import Shipper

ROOT = Path(__file__).resolve().parent.parent
MACHINE = "0d4ff0a8-5a53-4c3c-9c92-6a9d8a0c7c11"


class Zerg:
    """`zerg serve` as a process, on the same port each time it is started."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [sys.executable, "-u", "-m", "zerg", "serve", "--port", str(self.port), "--no-ship"]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert str(self.port) in self._process.stdout.readline()

    def kill(self) -> None:
        if self._process is not None:
            with self._process:
                self._process.kill()
            self._process = None

    def digest(self, path: Path) -> str | None:
        with closing(Server(self.address)) as server:
            known = server.source(MACHINE, str(path))
        return known.digest if known else None


@pytest.fixture
def zerg() -> Iterator[Zerg]:
    one = Zerg()
    try:
        one.start()
        yield one
    finally:
        one.kill()


@pytest.fixture
def projects(tmp_path: Path) -> Path:
    folder = tmp_path / "claude" / "projects"
    folder.mkdir(parents=True)
    return folder


def records(count: int, seed: int) -> bytes:
    """Lines of a transcript: prompts of random length."""
    chance = random.Random(seed)
    line = '{"type":"user","uuid":"%032x","timestamp":"2026-01-02T03:04:05.000Z","message":{"role":"user","content":"%s"}}\n'
    return "".join(line % (chance.getrandbits(128), chance.randbytes(chance.randrange(400)).hex()) for _ in range(count)).encode()


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_happens_to_a_file_happens_to_its_archive(zerg: Zerg, projects: Path) -> None:
    first, second = records(900, 1), records(900, 2)
    changed = second[:900] + b"#" * 100
    story = [b"", first[:100], first[:300_000], first, second, second[:1000], changed, first, first + second, b""]
    path = projects / "-p" / os.fsdecode("検 索 & ü-".encode() + b"\xff.jsonl")
    one = Shipper(Server(zerg.address), MACHINE, "label", [projects])
    for data in story:
        write(path, data)
        assert one.run_once().behind == ()
        assert zerg.digest(path) == sha(path)
    assert one.run_once().stored_bytes == 0
    assert Shipper(Server(zerg.address), MACHINE, "label", [projects]).run_once().stored_bytes == 0


def test_a_server_that_is_killed_while_several_ship_ends_with_every_byte(zerg: Zerg, projects: Path) -> None:
    paths = [write(projects / "-p" / f"{number}.jsonl", records(2500, number)) for number in range(10)]
    stop = threading.Event()
    ships = [Shipper(Server(zerg.address), MACHINE, "label", [projects]) for _ in range(2)]
    threads = [threading.Thread(target=ship.watch, args=(stop,)) for ship in ships]
    chance = random.Random(3)
    for thread in threads:
        thread.start()
    try:
        for number in range(5):
            time.sleep(chance.uniform(0.05, 0.4))
            zerg.kill()
            with paths[number].open("ab") as file:
                file.write(records(30, 100 + number))
            zerg.start()
        until = time.monotonic() + 60
        while [zerg.digest(path) for path in paths] != [sha(path) for path in paths]:
            assert time.monotonic() < until, [ship.status() for ship in ships]
            time.sleep(0.1)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    with closing(Server(zerg.address)) as server:
        assert {known.generation for known in server.sources(MACHINE)[1].values()} == {1}
