"""What goes wrong on real machines, and loses nothing: kills, full disks, databases that come back from a backup."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from database import check, derived, differences, facts
from server import MACHINE, PATIENCE, ROOT, Running, command, environment, serving, sha, zerg
from shelf import answer, lines, path_of, prompt, shelf, summary
from soak import chance, times

from shipper.server import Server, ShipperError
from shipper.ship import Shipper

SESSION = "fa017500-0000-4000-8000-%012d"
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux: a file system of its own, or /proc")


def folder_of(place: Path) -> Path:
    """Transcripts that have to do with each other, about 3 MB in files of very different sizes."""
    projects = place / "projects" / "-home-ada-engine"
    for number in range(24):
        count = 3 * 2 ** (number % 8 + 1)
        talk = [(prompt if each % 2 else answer)(number * 1000 + each, f"said {each} " + "x" * 400) for each in range(count)]
        title = [summary(f"title of {number - 1}", (number - 1) * 1000 + 2)] if number % 3 == 0 else []
        copied = [prompt((number - 1) * 1000 + each) for each in range(3)] if number % 5 == 4 else []
        file = projects / f"{SESSION % number}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(lines(*title, *copied, *talk))
        os.utime(file, (1_770_000_000 + number * 60,) * 2)
    return place


def held(claude: Path) -> dict[tuple[str, int], str]:
    """What the archive must hold of these files."""
    return {(str(path), 1): sha(path.read_bytes()) for path in (claude / "projects").rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def claude(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_of(tmp_path_factory.mktemp("claude"))


# Killed


def importing(home: Path, claude: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command("import"), cwd=ROOT, env=environment(home, claude), stderr=subprocess.DEVNULL)


def finished(home: Path, claude: Path) -> None:
    done = zerg(home, "import", claude=claude)
    assert done.returncode == 0, done.stderr


def test_an_import_that_is_killed_goes_on_as_if_nothing_had_been(claude: Path, tmp_path: Path) -> None:
    """At random moments, from before the first byte to after the last one; a third of them are killed twice."""
    dice = chance("kills")
    begun = time.monotonic()
    finished(tmp_path / "whole", claude)
    took = time.monotonic() - begun
    whole = derived(tmp_path / "whole" / "zerg.db")
    caught = 0
    for number in range(times(200)):
        home = tmp_path / str(number)
        for _ in range(dice.choice((1, 1, 2))):
            process = importing(home, claude)
            try:
                process.wait(dice.uniform(0, took))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                caught += 1
        finished(home, claude)
        assert facts(home / "zerg.db") == held(claude), number
        assert differences(whole, derived(home / "zerg.db")) == {}, number
        check(home / "zerg.db")
        shutil.rmtree(home)
    assert caught


def test_a_server_that_is_killed_while_it_tails_misses_nothing(tmp_path: Path) -> None:
    dice = chance("tails")
    claude = folder_of(tmp_path)
    for number in range(times(30)):
        with serving(tmp_path / "home", claude=claude) as server:
            for path in dice.sample(sorted((claude / "projects").rglob("*.jsonl")), 5):
                with path.open("ab") as file:
                    file.write(lines(prompt(dice.randrange(100_000, 2**31)), prompt(dice.randrange(100_000, 2**31))))
            time.sleep(dice.uniform(0, 1.2))
            server.kill()
        if number % 5 == 0:
            check(tmp_path / "home" / "zerg.db")
    with serving(tmp_path / "home", claude=claude) as server:
        server.settled()
    assert facts(tmp_path / "home" / "zerg.db") == held(claude)
    check(tmp_path / "home" / "zerg.db")


def test_a_rebuild_that_is_killed_is_finished_by_the_next_server(claude: Path, tmp_path: Path) -> None:
    dice = chance("rebuilds")
    finished(tmp_path / "home", claude)
    before = derived(tmp_path / "home" / "zerg.db")
    for _ in range(times(30)):
        process = subprocess.Popen(
            command("rebuild"), cwd=ROOT, env=environment(tmp_path / "home"), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        time.sleep(dice.uniform(0.1, 0.6))
        process.kill()
        process.wait()
        with serving(tmp_path / "home") as server:
            server.settled()
            server.stop()
        assert facts(tmp_path / "home" / "zerg.db") == held(claude)
        after = derived(tmp_path / "home" / "zerg.db")
        assert {row[0] for row in after["session"]} == {row[0] for row in before["session"]}
        assert {(row[0], *row[8:9]) for row in after["event"]} == {(row[0], *row[8:9]) for row in before["event"]}
        assert len(after["event"]) == len(before["event"])
        check(tmp_path / "home" / "zerg.db")


@pytest.mark.skipif(os.name != "posix", reason="Windows has no signals")
def test_a_server_that_is_told_to_stop_keeps_what_it_has_taken(tmp_path: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        home = tmp_path / str(int(number))
        with serving(home) as server:
            assert server.push(path_of(SESSION % 1), lines(prompt(1))).status == 200
            server.process.send_signal(number)
            assert server.process.wait(PATIENCE) == 0
        assert not Path(f"{home}/zerg.db-wal").exists()
        assert facts(home / "zerg.db") == {(path_of(SESSION % 1), 1): sha(lines(prompt(1)))}


# Back from a backup


def test_a_server_restored_from_an_older_copy_is_complete_again(claude: Path, tmp_path: Path) -> None:
    """Its shipper runs on all the while, and remembers what the server had before."""
    home, projects = tmp_path / "home", tmp_path / "claude" / "projects"
    shutil.copytree(claude / "projects", projects)
    files = sorted(projects.rglob("*.jsonl"))
    late = [(path, path.read_bytes()) for path in files[::2]]
    for path, data in late:
        path.write_bytes(data[: len(data) // 2])
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    stop = threading.Event()
    shipper = Shipper(Server(f"http://127.0.0.1:{port}"), MACHINE, "label", [projects])
    thread = threading.Thread(target=shipper.watch, args=(stop,))
    thread.start()
    try:
        with serving(home, "--port", port) as server:
            complete(server, projects)
            server.stop()
        shutil.copyfile(home / "zerg.db", tmp_path / "older.db")
        for path, data in late:
            path.write_bytes(data)
        files[1].write_bytes(lines(prompt(70_000)))  # rewritten
        with serving(home, "--port", port) as server:
            complete(server, projects)
            server.kill()
        for name in ("zerg.db-wal", "zerg.db-shm"):
            (home / name).unlink(missing_ok=True)
        shutil.copyfile(tmp_path / "older.db", home / "zerg.db")
        with serving(home, "--port", port) as server:
            with files[0].open("ab") as file:  # whoever has nothing to send asks every few minutes only
                file.write(lines(prompt(80_000)))
            complete(server, projects)
            server.stop()
    finally:
        stop.set()
        thread.join()
    found = facts(home / "zerg.db")
    for path in files:
        assert sha(path.read_bytes()) in [digest for (name, _), digest in found.items() if name == str(path)]
    check(home / "zerg.db")


def complete(server: Running, projects: Path) -> None:
    """Wait until the server has every file as it is now."""
    until = time.monotonic() + PATIENCE
    for path in sorted(projects.rglob("*.jsonl")):
        while True:
            known = server.get("/api/agents/sources", machine=MACHINE, path=str(path)).json["sources"]
            if [one["digest"] for one in known] == [sha(path.read_bytes())]:
                break
            assert time.monotonic() < until, path
            time.sleep(0.05)


# One home, many processes


def test_a_second_server_harms_nothing(tmp_path: Path) -> None:
    with serving(tmp_path / "home") as server:
        server.push_all(path_of(SESSION % 1), lines(prompt(1)))
        for arguments in (["serve", "--port", "0"], ["serve", "--port", "0", "--no-ship"]):
            done = zerg(tmp_path / "home", *arguments)
            assert (done.returncode, done.stdout) == (1, b"")
            assert str(server.process.pid) in done.stderr.decode() and server.url in done.stderr.decode()
            assert len(done.stderr.decode().splitlines()) == 1
        assert server.push(path_of(SESSION % 1), lines(prompt(1)) + lines(prompt(2))).status == 200
        assert zerg(tmp_path / "home", "status").returncode == 0  # its socket is still there
        server.kill()
    with serving(tmp_path / "home") as server:  # a dead one holds nothing
        assert server.export(SESSION % 1) == lines(prompt(1), prompt(2))


def test_commands_work_beside_a_server_that_imports(claude: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with serving(home, claude=claude) as server:
        server.settled()
        name = SESSION % 3
        file = claude / "projects" / "-home-ada-engine" / f"{name}.jsonl"
        assert zerg(home, "export", name).stdout == file.read_bytes()
        assert name.encode() in zerg(home, "search", "--json", f"session:{name}", "said").stdout
        assert zerg(home, "import", str(file)).returncode == 0
        assert zerg(home, "rebuild").returncode == 0
        server.settled()
        assert zerg(home, "export", name).stdout == file.read_bytes()


# No room, no leave


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """A file system of its own."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    mounted = subprocess.run(mount, capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@LINUX
def test_what_was_taken_while_the_disk_filled_up_is_had_again(tmp_path: Path) -> None:
    """A push may be answered before its commit: where that fails, the server's new `boot` says that nothing told before holds."""
    dice = chance("disk")
    data = {SESSION % number: lines(prompt(number, dice.randbytes(60_000).hex())) for number in range(60)}
    with small_disk(tmp_path / "disk", "3m") as disk:
        with serving(disk / "home") as server:
            boots, refused = {server.health()["boot"]}, 0
            for session, each in data.items():
                found = server.push(path_of(session), each)
                assert found.status == 200 or (found.status, found.code) == (503, "unavailable")
                refused += found.status != 200
                boots.add(server.health()["boot"])
            assert refused and len(boots) > 1
            for session in server.sessions():
                assert server.export(session["id"]) == data[session["id"]]
            subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
            for session, each in data.items():
                assert server.push(path_of(session), each).status == 200
            assert {session: server.export(session) for session in data} == data
            server.stop()
        check(disk / "home" / "zerg.db")


@pytest.mark.skipif(os.name != "posix" or (os.geteuid() == 0 and not shutil.which("setpriv")), reason="root may write everywhere")
def test_a_home_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    home = tmp_path / "home"
    finished(home, tmp_path)
    as_user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    for folder, file in ((0o500, 0o400), (0o555, 0o444), (0o700, 0o400)):
        for path in home.iterdir():
            path.chmod(file)
        home.chmod(folder)
        run = [*as_user, *command("serve", "--port", "0", "--no-ship")]
        done = subprocess.run(run, cwd=ROOT, env=environment(home), capture_output=True, check=False, timeout=PATIENCE)
        home.chmod(0o700)
        assert done.returncode in (1, 2)
        assert len(done.stderr.decode().splitlines()) == 1 and str(home) in done.stderr.decode(), done.stderr


def test_an_answer_that_is_lost_is_asked_for_again(tmp_path: Path) -> None:
    """The connection goes away behind each push: the server has the bytes, the shipper does not know."""
    data = lines(*(prompt(number, "x" * 2000) for number in range(500)))
    path = path_of(SESSION % 1)
    with serving(tmp_path / "home") as server:
        stored = 0
        while stored < len(data):
            piece = data[stored : stored + 200_000]
            for _ in range(2):
                found = server.push(path, piece, stored, size=len(data))
                server.connection.close()
                assert (found.status, found.json["offset"]) == (200, stored + len(piece))
            stored += len(piece)
        assert server.export(SESSION % 1) == data
        assert server.health()["events"] == 500


def test_a_server_that_never_comes_back_is_an_error_with_its_name(claude: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(ShipperError, match=address):
        Shipper(Server(address), MACHINE, "label", [claude / "projects"]).run_once(patience=0.1)


def test_a_damaged_database_is_named_and_not_touched(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with shelf(home / "zerg.db") as made:
        made.put(path_of(SESSION % 1), lines(*(prompt(number) for number in range(2000))))
    damaged = bytearray((home / "zerg.db").read_bytes())
    damaged[0:4096] = bytes(4096)
    (home / "zerg.db").write_bytes(damaged)
    done = zerg(home, "serve", "--port", "0", "--no-ship")
    assert done.returncode == 1
    assert str(home / "zerg.db") in done.stderr.decode() and len(done.stderr.decode().splitlines()) == 1
    assert (home / "zerg.db").read_bytes() == damaged
