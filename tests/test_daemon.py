"""The process as it lives: stopped, killed and full, beside others of its kind, with slow clients and many."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest
from database import check, derived, differences, facts
from server import PATIENCE, ROOT, command, environment, serving, sha, zerg
from soak import FULL, chance, times

from zerg.daemon.lock import Lock
from zerg.demo import transcripts
from zerg.paths import Home

NOW = 1_790_000_000  # seconds since 1970
SAMPLES = ROOT / "tests" / "samples" / "claude" / "projects"
LONG = "b01d0000-0000-4000-8000-%012x"
LINE = (
    '{"type":"user","uuid":"%08x-0000-4000-8000-%012x","timestamp":"2026-02-03T04:%02d:%02d.%03dZ",'
    '"message":{"role":"user","content":"%s"}}\n'
)
SHARE = 20  # of the corpus's files, by size, one in so many is taken


def long(folder: Path, number: int, lines: int) -> Path:
    """A long session of our own, of about 350 bytes a line."""
    dice = chance(f"long {number}")
    file = folder / "-home-ada-long" / f"{LONG % number}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as out:
        for each in range(lines):
            text = " ".join(f"word{dice.randrange(3000)}" for _ in range(dice.randrange(60)))
            out.write(LINE % (number, each, each // 60000, each // 1000 % 60, each % 1000, text))
    os.utime(file, (NOW - number * 1000, NOW - number * 1000))
    return file


def files(claude: Path) -> dict[str, str]:
    """SHA-256 by path."""
    return {str(path): sha(path.read_bytes()) for path in (claude / "projects").rglob("*") if path.is_file()}


def archived(home: Path) -> dict[str, str]:
    """SHA-256 by path, of what the archive holds."""
    return {path: digest for (path, _), digest in facts(home / "zerg.db").items()}


def one_line(done: subprocess.CompletedProcess[bytes]) -> str:
    """What a command that failed said."""
    lines = done.stderr.decode().splitlines()
    assert done.returncode == 1 and len(lines) == 1 and lines[0].startswith("zerg: "), (done.returncode, lines)
    return lines[0]


def eventually(what: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < until
        time.sleep(0.02)


@contextmanager
def running(home: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command that goes on while the test does something; killed at the end, if it is still there."""
    with subprocess.Popen(
        command(*arguments), cwd=ROOT, env=environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.kill()


class Peace(NamedTuple):
    """Transcripts, the home of an import of them that nothing disturbed, and how long it took once the database was there."""

    claude: Path
    home: Path
    seconds: float


def in_peace(claude: Path, home: Path) -> Peace:
    with running(home, "import", str(claude)) as process:
        eventually((home / "zerg.db").exists)
        begun = time.monotonic()
        assert process.wait(PATIENCE) == 0
        return Peace(claude, home, time.monotonic() - begun)


@pytest.fixture(scope="module")
def peace(tmp_path_factory: pytest.TempPathFactory) -> Peace:
    """With transcripts of all sorts that we made up."""
    folder = tmp_path_factory.mktemp("made")
    transcripts(folder / "projects", NOW)
    shutil.copytree(SAMPLES, folder / "projects", dirs_exist_ok=True)
    for number, lines in enumerate((5000, 10, 2000)):
        long(folder / "projects", number, lines)
    return in_peace(folder, folder / "home")


@pytest.fixture(scope="module")
def real(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Peace:
    """With a few files of the corpus, of all lengths, and all the odd ones."""
    folder = tmp_path_factory.mktemp("real")
    by_size = sorted(
        (path for path in (corpus / "claude" / "projects").rglob("*") if path.is_file()), key=lambda path: path.stat().st_size
    )
    for path in [*by_size[SHARE // 2 :: SHARE], *(corpus / "claude" / "odd").rglob("*.jsonl")]:
        target = folder / "projects" / path.relative_to(corpus / "claude")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return in_peace(folder, folder / "home")


def same(one: Path, other: Path) -> None:
    """Both homes have archived the same and derived the same from it, and the database of the second one is sound."""
    assert facts(other / "zerg.db") == facts(one / "zerg.db")
    assert differences(derived(one / "zerg.db"), derived(other / "zerg.db")) == {}
    check(other / "zerg.db")


# Killed, and told to stop


def test_an_import_of_real_transcripts_that_is_killed_goes_on_as_if_nothing_had_been(real: Peace, tmp_path: Path) -> None:
    dice = chance("kill")
    for number in range(times(100)):
        home = tmp_path / str(number)
        with running(home, "import", str(real.claude)):
            eventually((home / "zerg.db").exists)
            time.sleep(dice.uniform(0, real.seconds))
        done = zerg(home, "import", str(real.claude))
        assert done.returncode == 0, done.stderr.decode()
        same(real.home, home)
        shutil.rmtree(home)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_import_that_is_told_to_stop_stops_and_goes_on_later(number: int, peace: Peace, tmp_path: Path) -> None:
    with running(tmp_path, "import", str(peace.claude)) as process:
        eventually((tmp_path / "zerg.db").exists)
        time.sleep(peace.seconds / 3)
        process.send_signal(number)
        _, errors = process.communicate(timeout=10)
    assert process.returncode and b"Traceback" not in errors, errors.decode()
    assert zerg(tmp_path, "import", str(peace.claude)).returncode == 0
    same(peace.home, tmp_path)


def test_a_server_that_is_told_to_stop_amid_its_import_stops_and_goes_on_later(peace: Peace, tmp_path: Path) -> None:
    with serving(tmp_path, claude=peace.claude) as server:
        server.process.terminate()
        assert server.process.wait(10) == 0
    with serving(tmp_path, claude=peace.claude) as server:
        server.settled()
        server.stop()
    same(peace.home, tmp_path)


# Beside others of its kind


def test_a_server_beside_an_import_says_who_holds_the_home(peace: Peace, tmp_path: Path) -> None:
    with running(tmp_path, "import", str(peace.claude)) as process:
        eventually((tmp_path / "zerg.db").exists)
        process.send_signal(signal.SIGSTOP)
        said = one_line(zerg(tmp_path, "serve", "--port", "0"))
        process.send_signal(signal.SIGCONT)
        assert str(process.pid) in said
        assert process.wait(PATIENCE) == 0
    same(peace.home, tmp_path)


@pytest.mark.parametrize("arguments", [["serve", "--port", "0"], ["import", str(SAMPLES)], ["rebuild"]])
def test_what_writes_wants_the_home_for_itself(arguments: list[str], tmp_path: Path) -> None:
    with Lock(Home(tmp_path)):
        said = one_line(zerg(tmp_path, *arguments))
    assert str(tmp_path) in said and f"process {os.getpid()} holds it" in said
    assert not (tmp_path / "zerg.db").exists()


def test_two_imports_at_once_harm_nothing(peace: Peace, tmp_path: Path) -> None:
    """The second one goes through the first one's server, or says that the home is in use: it depends on the moment."""
    other, home = tmp_path / "other", tmp_path / "home"
    long(other / "projects", 20, 20)
    with running(home, "import", str(peace.claude)) as first, running(home, "import", str(other)) as second:
        for process in (first, second):
            _, errors = process.communicate(timeout=PATIENCE)
            assert process.returncode == 0 or (process.returncode == 1 and b"in use: process" in errors), errors.decode()
    for claude in (peace.claude, other):
        assert zerg(home, "import", str(claude)).returncode == 0
    assert archived(home) == files(peace.claude) | files(other)
    check(home / "zerg.db")


READING = [["search", "--json", "word1"], ["export", LONG % 0], ["config", "show"]]


def test_what_reads_answers_the_same_beside_a_server_and_without_one(peace: Peace) -> None:
    def answers() -> list[bytes]:
        done = [zerg(peace.home, *arguments) for arguments in READING]
        assert [each.returncode for each in done] == [0] * len(done), done
        return [re.sub(rb'"took_ms": [\d.]+', b"", each.stdout) for each in done]

    alone = answers()
    assert all(alone)
    with serving(peace.home):
        assert answers() == alone
        assert json.loads(zerg(peace.home, "status", "--json").stdout)["status"] == "ok"
    assert json.loads(zerg(peace.home, "status", "--json").stdout)["status"] == "stopped"


# Sockets and connections


def test_a_socket_that_a_killed_server_left_is_replaced(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        server.kill()
    assert Home(tmp_path).socket.exists()
    assert zerg(tmp_path, "status").returncode == 1
    with serving(tmp_path):
        assert zerg(tmp_path, "status").returncode == 0


def test_a_socket_at_which_somebody_answers_is_never_replaced(tmp_path: Path) -> None:
    path = Home(tmp_path).socket
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as somebody:
        somebody.bind(str(path))
        somebody.listen()
        try:
            assert str(path) in one_line(zerg(tmp_path, "serve", "--port", "0", "--no-ship"))
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(path))
        finally:
            path.unlink()


def test_slow_clients_and_three_hundred_connections_stop_nobody(peace: Peace, tmp_path: Path) -> None:
    shutil.copyfile(peace.home / "zerg.db", tmp_path / "zerg.db")
    with serving(tmp_path) as server, ExitStack() as stack:
        host, port = server.url.removeprefix("http://").split(":")
        half = f"GET /api/agents/sessions/{LONG % 0}/export HTTP/1.1\r\nHost: {host}:{port}\r\n".encode()
        for number in range(300):
            client = stack.enter_context(socket.create_connection((host, int(port)), PATIENCE))
            client.sendall(half + b"\r\n" if number < 5 else half)  # some read nothing of a long answer, most never end asking
        assert server.health()["status"] == "ok"
        assert server.get(f"/s/{LONG % 0}").status == 200
        assert sha(server.export(LONG % 0)) == sha(next(peace.claude.rglob(f"{LONG % 0}.jsonl")).read_bytes())


# No room, and no right to write


@contextmanager
def room(folder: Path, megabytes: int) -> Iterator[Callable[[str], None]]:
    """A file system of this size at `folder`, and what mounts it again with other options."""

    def mount(options: str) -> bool:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, check=False)
        return done.returncode == 0

    def again(options: str) -> None:
        assert mount(f"remount,{options}")

    folder.mkdir()
    if os.name != "posix" or os.geteuid() != 0 or not mount(f"size={megabytes}m,mode=700"):
        pytest.skip("only root can mount a file system that is small or read-only, and not in every container")
    try:
        yield again
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_stops_the_archive_and_not_the_server(peace: Peace, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with room(home, 1) as again, serving(home, claude=peace.claude) as server:
        more = count()
        eventually(lambda: server.push(f"/full/{next(more)}.jsonl", os.urandom(200_000)).status == 503)
        assert server.health()["import"]["state"] == "running"
        assert server.get("/").status == 200
        again("size=100m")
        eventually(lambda: archived(home).items() >= files(peace.claude).items())
        server.stop()
        check(home / "zerg.db")


@pytest.mark.skipif(not FULL, reason="it tries for half a minute: `python build.py soak` has the time")
def test_an_import_onto_a_full_disk_says_so(peace: Peace, tmp_path: Path) -> None:
    with room(tmp_path / "home", 1):
        done = zerg(tmp_path / "home", "import", str(peace.claude))
        assert done.returncode == 1 and b"full" in done.stderr and b"Traceback" not in done.stderr, done.stderr.decode()


def test_a_home_on_a_read_only_file_system_is_one_line(peace: Peace, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with room(home, 100) as again:
        shutil.copytree(peace.home, home, dirs_exist_ok=True)
        before = (home / "zerg.db").read_bytes()
        again("ro")
        for arguments in (["serve", "--port", "0"], ["import", str(peace.claude)], ["rebuild"]):
            said = one_line(zerg(home, *arguments))
            assert str(home) in said and "ead-only" in said, said
        assert (home / "zerg.db").read_bytes() == before
