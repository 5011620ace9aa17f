"""Whatever happens on the way, the server ends up with every byte: passes and watching against a server that misbehaves."""

from __future__ import annotations

import os
import random
import shutil
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from shipper_server import StandIn, sha

from shipper import ship
from shipper.__main__ import main
from shipper.server import Refused, Server, Unreachable
from shipper.ship import Progress, Shipper, Status
from shipper.slice import LIMIT
from shipper.upload import Upload

MACHINE = "machine-1"
SESSION = "0b7e9f6a-5d0c-4a52-9a39-6f3f6c2e8a01"


@pytest.fixture
def server() -> Iterator[StandIn]:
    stand = StandIn()
    yield stand
    stand.close()


@pytest.fixture
def projects(tmp_path: Path) -> Path:
    folder = tmp_path / "claude" / "projects"
    folder.mkdir(parents=True)
    return folder


def lines(count: int, seed: int = 0, width: int = 200) -> bytes:
    """So many lines that do not compress to nothing."""
    chance = random.Random(seed)
    texts = (chance.randbytes(chance.randrange(width)).hex().encode() for _ in range(count))
    return b"".join(b'{"n":%d,"text":"%s"}\n' % pair for pair in enumerate(texts))


def write(path: Path, data: bytes, age: float = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (time.time() - age,) * 2)
    return path


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def shipper(server: StandIn, folder: Path, on_progress: Callable[[Progress], None] | None = None) -> Shipper:
    return Shipper(Server(server.address), MACHINE, "label", [folder], on_progress)


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for something that another thread does."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("it did not happen")
        time.sleep(0.01)


@contextmanager
def watching(ship: Shipper) -> Iterator[threading.Thread]:
    stop = threading.Event()
    thread = threading.Thread(target=ship.watch, args=(stop,))
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()


# --- one pass ---------------------------------------------------------------------------------------------------------


def test_everything_arrives_byte_for_byte(server: StandIn, projects: Path) -> None:
    contents = {
        "empty.jsonl": b"",
        "one.jsonl": b"{}\n",
        "unfinished.jsonl": b'{}\n{"half":',
        "windows.jsonl": b"\xef\xbb\xbf{}\r\n{}\r\n",
        "binary.jsonl": bytes(range(256)) * 3,
        "long.jsonl": lines(6000),
        "longline.jsonl": b"x" * (3 * LIMIT + 17) + b"\n{}\n",
        "exact.jsonl": b"y" * (LIMIT - 1) + b"\n",
    }
    paths = {write(projects / "-p" / name, data): data for name, data in contents.items()}
    report = shipper(server, projects).run_once()
    assert {path: server.data(path) for path in paths} == paths
    assert report[:4] == (len(paths), sum(map(len, paths.values())), sum(map(len, paths.values())), 0)
    assert report.behind == ()


def test_slices_end_at_line_ends(server: StandIn, projects: Path) -> None:
    data = lines(6000)
    path = write(projects / "-p" / "s.jsonl", data)
    shipper(server, projects).run_once()
    offsets = [int(query["offset"]) for query in server.pushes()]
    assert len(offsets) > 3
    assert all(data[offset - 1 : offset] == b"\n" for offset in offsets[1:])
    assert {query["size"] for query in server.pushes()} == {str(len(data))}
    assert float(server.pushes()[0]["mtime"]) == pytest.approx(path.stat().st_mtime)


def test_a_second_pass_sends_nothing_and_says_nothing(server: StandIn, projects: Path) -> None:
    write(projects / "-p" / "s.jsonl", lines(3000))
    first = shipper(server, projects)
    first.run_once()
    pushes, scans = len(server.pushes()), len(server.scans)
    assert first.run_once().stored_bytes == 0
    assert shipper(server, projects).run_once().stored_bytes == 0
    assert len(server.pushes()) == pushes
    assert len(server.scans) == scans + 2  # of the new shipper only, which cannot know what was told before


@pytest.mark.parametrize("name", ["with space & + ?#%.jsonl", "検索-ü.jsonl", os.fsdecode(b"caf\xe9-\xff.jsonl")])
def test_any_name_arrives_as_it_is(server: StandIn, projects: Path, name: str) -> None:
    path = write(projects / "-p" / name, b"{}\n")
    one = shipper(server, projects)
    one.run_once()
    assert server.paths() == [str(path)]
    assert shipper(server, projects).run_once().stored_bytes == 0
    path.unlink()
    assert one.run_once().missing == 1
    assert server.scans[-1]["missing"] == [str(path)]


def test_newest_sessions_go_first_and_sidecars_before_their_transcript(server: StandIn, projects: Path) -> None:
    old = write(projects / "-p" / "old.jsonl", b"{}\n", age=500)
    new = write(projects / "-p" / f"{SESSION}.jsonl", b"{}\n", age=5)
    agent = write(new.with_suffix("") / "subagents" / "agent-1.jsonl", b"{}\n", age=900)
    meta = write(agent.with_name("agent-1.meta.json"), b"{}", age=900)
    spilled = write(new.with_suffix("") / "tool-results" / "t.txt", b"text", age=900)
    shipper(server, projects).run_once()
    assert server.paths() == [str(path) for path in (agent, meta, spilled, new, old)]


def test_a_pass_is_announced_and_reported(server: StandIn, projects: Path) -> None:
    write(projects.parent / "settings.json", b'{"cleanupPeriodDays": 99}')
    gone = write(projects / "-p" / "gone.jsonl", b"{}\n")
    shipper(server, projects).run_once()
    gone.unlink()
    write(projects / "-p" / "s.jsonl", b"{}\n{}\n")
    shipper(server, projects).run_once()
    same = {"machine": MACHINE, "label": "label", "roots": [str(projects)], "files": 1, "bytes": 6, "missing": [str(gone)]}
    assert server.scans[-2:] == [{**same, "cleanup_days": 99, "complete": complete} for complete in (False, True)]


def test_progress_counts_what_is_there_and_what_is_sent(server: StandIn, projects: Path) -> None:
    first = write(projects / "-p" / "s.jsonl", lines(3000))
    shipper(server, projects).run_once()
    second = write(projects / "-p" / "t.jsonl", lines(2000))
    seen: list[Progress] = []
    shipper(server, projects, seen.append).run_once()
    total = first.stat().st_size + second.stat().st_size
    assert [step.done_bytes for step in seen] == sorted(step.done_bytes for step in seen)
    assert seen[-1][:3] == (2, total, total)


def test_a_listing_in_pages_without_digests_is_enough(server: StandIn, projects: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shipper.server.PAGE", 3)
    server.digests = False
    for number in range(10):
        write(projects / "-p" / f"{number}.jsonl", lines(5, number))
    shipper(server, projects).run_once()
    assert shipper(server, projects).run_once().stored_bytes == 0


def test_a_unix_socket_serves_as_well(tmp_path: Path, projects: Path) -> None:
    path = write(projects / "-p" / "s.jsonl", lines(3000))
    stand = StandIn(tmp_path / "s.sock")
    try:
        shipper(stand, projects).run_once()
        assert stand.data(path) == path.read_bytes()
    finally:
        stand.close()


def test_a_single_session_asks_for_its_files_and_reports_nothing(server: StandIn, projects: Path) -> None:
    path, other = write(projects / "-p" / "s.jsonl", lines(2000)), write(projects / "-p" / "t.jsonl", lines(10))
    shipper(server, projects).run_once()
    scans, requests = len(server.scans), len(server.requests)
    append(path, b"{}\n")
    append(other, b"{}\n")
    report = shipper(server, path).run_once()
    assert (report.files, report.stored_bytes, report.missing) == (1, 3, 0)
    assert server.data(path) == path.read_bytes()
    assert len(server.scans) == scans
    assert {query.get("path", query.get("limit")) for _, query in server.requests[requests:]} == {"1", str(path)}


# --- files that change ------------------------------------------------------------------------------------------------


def test_growth_is_sent_from_where_the_server_stands(server: StandIn, projects: Path) -> None:
    path = write(projects / "-p" / "s.jsonl", b'{"a":1}\n{"b"')
    one = shipper(server, projects)
    one.run_once()
    append(path, b":2}\n")
    assert one.run_once().stored_bytes == 4
    append(path, b"{}\n")
    assert shipper(server, projects).run_once().stored_bytes == 3
    assert server.data(path) == path.read_bytes()


@pytest.mark.parametrize("fresh", [False, True], ids=["same shipper", "another shipper"])
@pytest.mark.parametrize("after", [b"", b"{}\n", lines(50, 7), lines(5000, 8)], ids=["emptied", "short", "other", "longer"])
def test_a_rewritten_file_is_a_new_generation(server: StandIn, projects: Path, fresh: bool, after: bytes) -> None:
    before = lines(1000)
    path = write(projects / "-p" / "s.jsonl", before)
    one = shipper(server, projects)
    one.run_once()
    path.write_bytes(after)
    (shipper(server, projects) if fresh else one).run_once()
    source = server.sources[MACHINE, str(path)]
    assert source.generations == [before, after]
    assert source.data == after


def test_a_file_cut_off_keeps_what_it_was(server: StandIn, projects: Path) -> None:
    data = lines(3000)
    path = write(projects / "-p" / "s.jsonl", data)
    one = shipper(server, projects)
    one.run_once()
    os.truncate(path, 1000)
    one.run_once()
    assert server.sources[MACHINE, str(path)].generations == [data, data[:1000]]


@pytest.mark.parametrize("digests", [True, False])
@pytest.mark.parametrize("how", ["in place", "another inode"])
def test_a_change_in_the_middle_that_keeps_the_size_is_found(server: StandIn, projects: Path, how: str, digests: bool) -> None:
    server.digests = digests
    data = lines(1000)
    path = write(projects / "-p" / "s.jsonl", data, age=100)
    one = shipper(server, projects)
    one.run_once()
    changed = data[:50_000] + b"#" + data[50_001:]
    if how == "in place":
        path.write_bytes(changed)
    else:
        os.replace(write(path.with_name("new"), changed, age=100), path)
    one.run_once()
    assert server.sources[MACHINE, str(path)].generations == [data, changed]


def test_a_touched_or_copied_file_is_compared_and_not_sent(server: StandIn, projects: Path) -> None:
    path = write(projects / "-p" / "s.jsonl", lines(3000), age=100)
    one = shipper(server, projects)
    one.run_once()
    pushes = len(server.pushes())
    os.utime(path)
    one.run_once()
    shutil.copyfile(path, path.with_name("copy"))
    os.replace(path.with_name("copy"), path)
    one.run_once()
    assert len(server.pushes()) == pushes


def test_a_file_that_goes_back_to_what_it_was_goes_back_to_its_generation(server: StandIn, projects: Path) -> None:
    first, second = lines(900, 1), lines(4000, 2)
    path = write(projects / "-p" / "s.jsonl", first)
    one = shipper(server, projects)
    one.run_once()
    path.write_bytes(second)
    one.run_once()
    path.write_bytes(first + b"{}\n")
    one.run_once()
    source = server.sources[MACHINE, str(path)]
    assert source.generations == [first + b"{}\n", second]
    assert source.current == 1


def test_appended_while_it_is_read(server: StandIn, projects: Path) -> None:
    path = write(projects / "-p" / "s.jsonl", lines(4000))

    def grow(query: dict[str, str]) -> None:
        append(path, b'{"more":1}\n')

    server.instead = grow
    one = shipper(server, projects)
    one.run_once()
    assert path.read_bytes().startswith(server.data(path))
    server.instead = lambda query: None
    one.run_once()
    assert server.data(path) == path.read_bytes()
    assert server.sources[MACHINE, str(path)].current == 1


def test_cut_off_while_it_is_read(server: StandIn, projects: Path) -> None:
    path = write(projects / "-p" / "s.jsonl", lines(4000))

    def shorten(query: dict[str, str]) -> None:
        if int(query["offset"]) > 0:
            os.truncate(path, 1000)

    server.instead = shorten
    one = shipper(server, projects)
    one.run_once()
    one.run_once()
    assert server.data(path) == path.read_bytes()


def test_deleted_while_it_waits(server: StandIn, projects: Path) -> None:
    first, second = write(projects / "-p" / "a.jsonl", lines(10)), write(projects / "-p" / "b.jsonl", lines(10), age=9)

    def delete(query: dict[str, str]) -> None:
        second.unlink(missing_ok=True)

    third = write(projects / "-p" / "c.jsonl", lines(9000), age=5)
    server.instead = delete
    report = shipper(server, projects).run_once()
    assert report.behind == ()
    assert server.paths() == [str(first), str(third)]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable for root")
def test_unreadable_files_are_told_and_others_go(server: StandIn, projects: Path) -> None:
    shut, other = write(projects / "-p" / "a.jsonl", b"{}\n"), write(projects / "-p" / "b.jsonl", b"{}\n")
    shut.chmod(0)
    report = shipper(server, projects).run_once()
    assert server.paths() == [str(other)]
    assert [(behind.path, behind.reason) for behind in report.behind] == [(str(shut), "cannot be read: Permission denied")]


def test_hashing_a_large_file_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.jsonl"
    with path.open("wb") as file:
        file.truncate(64 * 1024 * 1024)
    upload = Upload(str(path))
    known = upload.known()._replace(offset=64 * 1024 * 1024, digest="0" * 64)
    tracemalloc.start()
    try:
        assert not upload.matches(known, whole=True)
        assert tracemalloc.get_traced_memory()[1] < 4 * 1024 * 1024
    finally:
        tracemalloc.stop()
        upload.close()


# --- servers that misbehave -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["cut before", "cut after", "503", "502", "500", "429"])
def test_a_fault_delays_and_loses_nothing(server: StandIn, projects: Path, fault: str) -> None:
    paths = [write(projects / "-p" / f"{number}.jsonl", lines(2500, number)) for number in range(4)]
    server.faults.extend([fault, "", fault, fault, "", "", fault])
    report = shipper(server, projects).run_once()
    assert all(server.data(path) == path.read_bytes() for path in paths)
    assert [source.current for source in server.sources.values()] == [1] * 4
    assert report.behind == ()


def test_many_faults_in_any_order(server: StandIn, projects: Path) -> None:
    chance = random.Random(5)
    paths = [write(projects / "-p" / f"{number}.jsonl", lines(chance.randrange(4000), number)) for number in range(8)]
    server.faults.extend(chance.choice(["cut before", "cut after", "503", "500", "", "", "", ""]) for _ in range(20))
    shipper(server, projects).run_once()
    assert all(server.data(path) == path.read_bytes() for path in paths)


def test_a_server_that_lost_bytes_gets_them_again(server: StandIn, projects: Path) -> None:
    path = write(projects / "-p" / "s.jsonl", lines(6000))
    one = shipper(server, projects)
    one.run_once()
    source = server.sources[MACHINE, str(path)]
    source.generations[0] = source.generations[0][:300_000]  # as if restored from an older copy, unnoticed
    append(path, b"{}\n")
    one.run_once()
    assert server.data(path) == path.read_bytes()
    assert source.current == 1


def test_a_server_that_holds_other_bytes_gets_a_new_generation(server: StandIn, projects: Path) -> None:
    data = lines(1000)
    path = write(projects / "-p" / "s.jsonl", data)
    one = shipper(server, projects)
    one.run_once()
    other = lines(4000, 9)
    server.sources[MACHINE, str(path)].generations[0] = bytearray(other)
    append(path, b"{}\n")
    one.run_once()
    assert server.sources[MACHINE, str(path)].generations == [other, data + b"{}\n"]


def test_another_run_of_the_server_is_asked_anew(server: StandIn, projects: Path) -> None:
    path = write(projects / "-p" / "s.jsonl", lines(2000))
    one = shipper(server, projects)
    one.run_once()
    server.sources.clear()
    one.run_once()
    assert server.sources == {}  # the same run: what it told is believed
    server.boot = "second"
    one.run_once()
    assert server.data(path) == path.read_bytes()


def test_two_shippers_on_the_same_files(server: StandIn, projects: Path) -> None:
    paths = [write(projects / "-p" / f"{number}.jsonl", lines(4000, number)) for number in range(4)]
    threads = [threading.Thread(target=shipper(server, projects).run_once) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(server.data(path) == path.read_bytes() for path in paths)
    assert [source.current for source in server.sources.values()] == [1] * 4


@pytest.mark.parametrize("seed", range(6))
def test_any_story_ends_with_the_files_as_they_are(server: StandIn, projects: Path, seed: int) -> None:
    chance = random.Random(seed)
    paths = [projects / "-p" / f"{number}.jsonl" for number in range(4)]
    ships = [shipper(server, projects) for _ in range(2)]
    for path in paths:
        write(path, lines(chance.randrange(3000), seed))
    deeds: list[Callable[[Path], object]] = [
        lambda path: append(path, lines(chance.randrange(2000), seed + 1)),
        lambda path: append(path, b'{"half":'),
        lambda path: os.truncate(path, chance.randrange(path.stat().st_size + 1)),
        lambda path: path.write_bytes(lines(chance.randrange(3000), chance.randrange(99))),
        lambda path: os.replace(write(path.with_name("new"), path.read_bytes() + b"{}\n"), path),
        lambda path: setattr(server, "boot", str(chance.random())),
        lambda path: server.sources.pop((MACHINE, str(path)), None),
        lambda path: server.faults.extend(chance.choice(["cut before", "cut after", "503", "500", ""]) for _ in range(4)),
    ]
    for _ in range(15):
        for _ in range(chance.randrange(4)):
            chance.choice(deeds)(chance.choice(paths))
        assert chance.choice(ships).run_once().behind == ()
    server.boot = "last"
    server.faults.clear()
    ships[0].run_once()
    assert {path: sha(server.data(path)) for path in paths} == {path: sha(path.read_bytes()) for path in paths}


@pytest.mark.parametrize(("status", "code"), [(400, "unknown_provider"), (410, "forgotten"), (413, "too_large")])
def test_a_file_that_is_not_taken_is_set_aside_until_it_changes(server: StandIn, projects: Path, status: int, code: str) -> None:
    bad, good = write(projects / "-p" / "bad.jsonl", lines(3000)), write(projects / "-p" / "good.jsonl", lines(3000), age=60)
    refusal = status, {"error": {"code": code, "message": f"because {code}"}}
    server.instead = lambda query: refusal if query["path"] == str(bad) else None
    one = shipper(server, projects)
    report = one.run_once()
    assert server.paths() == [str(good)]
    assert [(behind.path, behind.reason) for behind in report.behind] == [(str(bad), f"because {code}")]
    assert one.status().behind == report.behind
    pushes = len(server.pushes())
    one.run_once()
    assert len(server.pushes()) == pushes
    server.instead = lambda query: None
    append(bad, b"{}\n")
    assert one.run_once().behind == ()
    assert server.data(bad) == bad.read_bytes()


def test_a_server_that_is_not_there_is_told_after_a_while(server: StandIn, projects: Path) -> None:
    one = Shipper(Server("http://127.0.0.1:9"), MACHINE, "label", [projects])
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9"):
        one.run_once(patience=0.5)
    assert "127.0.0.1:9" in one.status().error


def test_a_server_that_fails_over_one_file_for_ever_gets_the_others(server: StandIn, projects: Path) -> None:
    bad, good = write(projects / "-p" / "bad.jsonl", lines(10)), write(projects / "-p" / "good.jsonl", lines(10), age=60)
    server.instead = lambda query: (500, {"error": {"code": "error", "message": "a bug"}}) if query["path"] == str(bad) else None
    report = shipper(server, projects).run_once(patience=1)
    assert server.paths() == [str(good)]
    assert [(behind.path, behind.reason) for behind in report.behind] == [(str(bad), "a bug")]


def test_a_token_is_sent_and_its_lack_is_told(server: StandIn, projects: Path) -> None:
    path = write(projects / "-p" / "s.jsonl", b"{}\n")
    server.token = "secret"
    with pytest.raises(Refused, match="403"):
        shipper(server, projects).run_once()
    Shipper(Server(server.address, "secret"), MACHINE, "label", [projects]).run_once()
    assert server.data(path) == b"{}\n"


def test_a_page_that_is_no_zerg_server_is_refused(tmp_path: Path) -> None:
    stand = StandIn()
    try:
        with closing(Server(stand.address + "/elsewhere")) as elsewhere, pytest.raises(Refused, match="404"):
            elsewhere.sources(MACHINE)
    finally:
        stand.close()


def test_another_server_that_speaks_json_is_refused(server: StandIn, projects: Path) -> None:
    write(projects / "-p" / "s.jsonl", b"{}\n")
    server.instead = lambda query: (200, {"hello": "world"})
    with pytest.raises(Refused, match="protocol"):
        shipper(server, projects).run_once()


def test_what_changed_while_the_server_was_away_is_found(server: StandIn, projects: Path) -> None:
    data = lines(1000)
    path = write(projects / "-p" / "s.jsonl", data, age=100)
    one = shipper(server, projects)
    one.run_once()
    server.boot = "second"
    changed = data[:50_000] + b"#" + data[50_001:]
    path.write_bytes(changed)
    one.run_once()
    assert server.sources[MACHINE, str(path)].generations == [data, changed]


@pytest.mark.parametrize("address", ["", "localhost:8080", "ftp://host/", "/run/zerg.sock"])
def test_an_address_that_means_nothing_is_told_at_once(address: str) -> None:
    with pytest.raises(ValueError, match="neither"):
        Server(address)


# --- watching ---------------------------------------------------------------------------------------------------------


def test_watching_sends_what_is_appended_and_what_is_new(server: StandIn, projects: Path) -> None:
    path = write(projects / "-p" / "s.jsonl", lines(10))
    with watching(shipper(server, projects)):
        until(lambda: bool(server.scans) and server.scans[-1]["complete"])
        append(path, b"{}\n")
        until(lambda: server.data(path) == path.read_bytes())
        new = write(projects / "-q" / "t.jsonl", b"{}\n")
        until(lambda: str(new) in server.paths())
    assert server.data(new) == b"{}\n"


def test_watching_survives_a_server_that_comes_and_goes(server: StandIn, projects: Path) -> None:
    path = write(projects / "-p" / "s.jsonl", lines(10))
    one = shipper(server, projects)
    port = int(server.address.rsplit(":", 1)[1])
    with watching(one):
        until(lambda: bool(server.scans) and server.scans[-1]["complete"])
        server.close()
        append(path, b"{}\n")
        until(lambda: one.status().error != "")
        again = StandIn(port=port)
        again.boot = "second"
        until(lambda: again.sources != {} and again.data(path) == path.read_bytes())
        again.close()


def test_what_is_written_during_a_long_pass_does_not_wait_for_its_end(
    server: StandIn, projects: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ship, "TICK", 0.0)
    live = write(projects / "-p" / "live.jsonl", lines(10))
    for number in range(20):
        write(projects / "-p" / f"{number}.jsonl", lines(10, number), age=1000 + number)

    def speak(query: dict[str, str]) -> None:
        if query["path"].endswith("/9.jsonl"):
            append(live, b"{}\n")
            server.instead = lambda query: None

    server.instead = speak
    shipper(server, projects).run_once()
    order = [Path(query["path"]).name for query in server.pushes()]
    assert order.count("live.jsonl") == 2
    assert len(order) - order[::-1].index("live.jsonl") <= order.index("9.jsonl") + 4
    assert server.data(live) == live.read_bytes()


def test_a_pass_that_is_stopped_is_not_reported_as_whole(server: StandIn, projects: Path) -> None:
    for number in range(20):
        write(projects / "-p" / f"{number}.jsonl", lines(10, number))
    stop = threading.Event()

    def halt(query: dict[str, str]) -> None:
        stop.set()

    server.instead = halt
    shipper(server, projects).watch(stop)
    assert 1 <= len(server.pushes()) < 20
    assert [scan["complete"] for scan in server.scans] == [False]


def test_a_file_that_failed_and_went_is_no_longer_behind(server: StandIn, projects: Path) -> None:
    bad = write(projects / "-p" / "bad.jsonl", lines(10))
    server.instead = lambda query: (500, {"error": {"code": "error", "message": "a bug"}})
    one = shipper(server, projects)
    assert one.run_once(patience=0).behind != ()
    bad.unlink()
    assert one.run_once().behind == ()


def test_files_that_go_are_reported_while_watching(server: StandIn, projects: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ship, "SETTLE", 0.0)
    path = write(projects / "-p" / "s.jsonl", lines(10))
    with watching(shipper(server, projects)):
        until(lambda: bool(server.scans) and server.scans[-1]["complete"])
        path.unlink()
        until(lambda: server.scans[-1]["missing"] == [str(path)])


def test_stopping_interrupts_a_request_that_is_never_answered(projects: Path, tmp_path: Path) -> None:
    write(projects / "-p" / "s.jsonl", lines(10))
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        one = Shipper(Server(f"http://127.0.0.1:{deaf.getsockname()[1]}"), MACHINE, "label", [projects])
        with watching(one):
            deaf.accept()[0].close()
            connection, _ = deaf.accept()
        connection.close()
    assert one.status().files == 0


def test_status_can_be_read_at_any_time(server: StandIn, projects: Path) -> None:
    for number in range(30):
        write(projects / "-p" / f"{number}.jsonl", lines(200, number))
    one = shipper(server, projects)
    seen: list[Status] = []

    def done() -> bool:
        seen.append(one.status())
        return bool(server.scans) and server.scans[-1]["complete"] is True

    with watching(one):
        until(done)
    assert one.status()[1:3] == ("", 30)
    assert one.status().behind == ()
    assert max(len(status.behind) for status in seen) <= 30


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_ships_and_says_what_it_did(server: StandIn, projects: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(projects / "-p" / "s.jsonl", lines(1000))
    assert main(["--url", server.address, "--once", str(projects.parent)]) == 0
    assert server.data(path) == path.read_bytes()
    assert capsys.readouterr().out.startswith("1 files, 0.")


def test_the_command_says_what_it_could_not_do(server: StandIn, projects: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(projects / "-p" / "s.jsonl", b"{}\n")
    server.instead = lambda query: (410, {"error": {"code": "forgotten", "message": "it was removed"}})
    assert main(["--url", server.address, str(path)]) == 1
    assert f"{path}: it was removed" in capsys.readouterr().err


def test_the_whole_corpus_arrives(server: StandIn, corpus: Path) -> None:
    shipper(server, corpus / "claude").run_once()
    stored = {path: sha(source.data) for (_, path), source in server.sources.items()}
    wanted = [path for path in (corpus / "claude" / "projects").rglob("*") if path.is_file()]
    assert stored == {str(path): sha(path.read_bytes()) for path in wanted}
