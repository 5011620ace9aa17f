"""Nothing is lost: what a transcript held when zerg saw it can be had again, byte for byte, whatever happens to the file."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from database import Rows, check, derived, differences, facts
from server import MACHINE, Running, serving, sha, zerg
from shelf import answer, lines, path_of, prompt, shelf
from soak import FULL, chance, times

from shipper.server import Server
from shipper.ship import Shipper
from zerg.events import Kind
from zerg.providers import provider

SESSION = "0f1de117-0000-4000-8000-0000000000%02x"
BUDGET = 100_000_000  # bytes of memory

# The corpus


class Held(NamedTuple):
    """The files of the corpus in a folder of our own, and what each held; the server that imported them."""

    folder: Path
    files: dict[str, str]  # SHA-256 by path
    home: Path

    @property
    def database(self) -> Path:
        return self.home / "zerg.db"


@pytest.fixture(scope="module")
def held(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Held:
    """The corpus, imported by the shipper of a server."""
    folder = tmp_path_factory.mktemp("corpus")
    for name in ("projects", "odd"):
        shutil.copytree(corpus / "claude" / name, folder / "projects" / name, copy_function=shutil.copyfile)
    files = {str(path): sha(path.read_bytes()) for path in (folder / "projects").rglob("*") if path.is_file()}
    home = folder / "home"
    with serving(home, claude=folder) as server:
        assert server.settled()["sources"] == len(files)
    return Held(folder, files, home)


def exported(server: Running) -> dict[str, str]:
    """SHA-256 of what can be exported, by the path that it had."""
    found = {}
    for session in server.sessions():
        for source in server.get(f"/api/agents/sessions/{session['id']}").json["sources"]:
            if source["path"] not in found:
                found[source["path"]] = sha(server.export(session["id"], source=source["source"]))
    return found


def primary(server: Running, held: Held) -> None:
    """A session exports the longest of the files that bear its name."""
    longest: dict[str, tuple[int, str]] = {}
    for path in map(Path, held.files):
        if path.suffix == ".jsonl" and len(path.stem) == 36:
            data = path.read_bytes()
            longest[path.stem] = max(longest.get(path.stem, (0, sha(b""))), (len(data), sha(data)))
    assert len(longest) > 100
    for session, (_, digest) in longest.items():
        assert sha(server.export(session)) == digest, session


def test_every_file_of_the_corpus_comes_out_as_it_went_in(held: Held) -> None:
    with serving(held.home) as server:
        assert exported(server) == held.files
        primary(server, held)


def test_the_command_line_exports_the_same(held: Held) -> None:
    for path in sorted(map(Path, held.files))[::40]:
        if path.suffix == ".jsonl" and len(path.stem) == 36:
            assert sha(zerg(held.home, "export", path.stem).stdout) == held.files[str(path)], path


def test_the_database_is_whole(held: Held) -> None:
    check(held.database)


def test_every_record_counts_once(held: Held) -> None:
    """What the provider reads in a file as a whole is what the archive has of it."""
    claude = provider("claude")
    said: dict[str, set[str]] = {}
    for path in held.files:
        reader = claude.reader(path, {})
        assert reader
        for record in reader.frame(Path(path).read_bytes(), 0, True):
            parsed = reader.read(record)
            if any(event.kind != Kind.TITLE for event in parsed.events):  # titles move to the session that they are for
                said.setdefault(parsed.identity.session, set()).add(parsed.key or sha(record.data.strip()))
    counts: dict[str, set[int]] = {}
    for row in derived(held.database)["event"]:
        if row[5] != "title":
            counts.setdefault(row[0], set()).add(row[8])
    assert {session: len(keys) for session, keys in said.items()} == {session: len(keys) for session, keys in counts.items()}


def test_titles_stand_with_the_session_that_they_are_for(held: Held) -> None:
    found = derived(held.database)
    titles = {row[0]: row[16] for row in found["session"]}
    assert found["leaf"]
    moved = [row for row in found["event"] if row[5] == "title" and titles[row[0]]]
    assert len(moved) > 50


def test_importing_again_writes_nothing(held: Held) -> None:
    before = held.database.read_bytes()
    done = zerg(held.home, "import", str(held.folder))
    assert done.returncode == 0, done.stderr
    assert held.database.read_bytes() == before
    wal = held.database.with_name("zerg.db-wal")
    assert not wal.exists() or not wal.stat().st_size


def test_all_of_it_survives_the_files_and_a_rebuild(held: Held) -> None:
    before = derived(held.database)
    shutil.rmtree(held.folder / "projects")
    done = zerg(held.home, "import", str(held.folder))
    assert done.returncode == 0, done.stderr
    with serving(held.home) as server:
        assert exported(server) == held.files
        assert all(session["only_here"] for session in server.sessions())
    done = zerg(held.home, "rebuild")
    assert done.returncode == 0, done.stderr
    assert differences(before, derived(held.database)) == {}
    with serving(held.home) as server:
        assert exported(server) == held.files
        server.ask("POST", "/api/rebuild")
        server.settled()
        assert exported(server) == held.files
    assert differences(before, derived(held.database)) == {}
    check(held.database)


# Files that no corpus has

LINE = lines(prompt(1))[:-1]
SAID = LINE + b"\n" + lines(answer(2))
HAND_MADE = {
    "CRLF": SAID.replace(b"\n", b"\r\n"),
    "byte order mark": b"\xef\xbb\xbf" + SAID,
    "NUL": SAID + b"\0" * 5000 + SAID.replace(b"prompt", b"pro\0mpt"),
    "invalid UTF-8": SAID.replace(b"prompt", b"\xff\xc3pro\xc3\x28mpt") + b"\x80\x81\n" + SAID,
    "UTF-16": SAID.decode().encode("utf-16"),
    "lone surrogate": SAID.replace(b"prompt", b"\\ud83d pro \\udc00") + LINE.replace(b"prompt", b"\xed\xa0\x80"),
    "no line end at the end": SAID + LINE,
    "half a line at the end": SAID + LINE[:60],
    "two objects on a line": LINE + lines(answer(2)),
    "empty": b"",
    "blank": b"\n \n\r\n\n",
    "comments": b"// seen\n" + SAID + b"// end",
    "not JSON": b"<html>\n\0\xff\n[1, 2]\n\"text\"\nnull\n" + SAID,
    "nested deeply": b'{"type":' + b"[" * 100_000 + b"\n" + SAID,
    "a line of 700 kB": lines(prompt(1, "long " * 140_000)) + SAID,
    "old Mac line ends": SAID.replace(b"\n", b"\r"),
    "form feeds and separators": SAID.replace(b"\n", b"\x0b\n\x0c\n\xe2\x80\xa8\n"),
}
BESIDE = {
    "subagents/agent-a1.jsonl": SAID,
    "subagents/agent-a1.meta.json": b'{"agentType": "Explore", "description": "Look around"}',
    "subagents/agent-a2.meta.json": b"{ half",
    "subagents/agent-a3.jsonl": b"",
    "subagents/workflows/wf_1/journal.jsonl": b'{"type":"started","agentId":"a1"}\n',
    "tool-results/toolu_1.txt": b"\xff\0 spilled \r\n" * 5000,
    "tool-results/mcp-2.json": b'[{"type": "text"}]',
    "tool-results/empty.txt": b"",
}


def hand_made(folder: Path) -> dict[str, str]:
    """Write the files below a folder; SHA-256 by path."""
    place = folder / "projects" / "-home-ada-engine"
    files = {place / f"{SESSION % number}.jsonl": data for number, data in enumerate(HAND_MADE.values())}
    files |= {place / (SESSION % 2) / name: data for name, data in BESIDE.items()}
    files |= {place / "agent-b1.jsonl": SAID, place / "agent-b2.jsonl": b"", place / "full export.jsonl": SAID}
    if os.name == "posix":
        files[place / os.fsdecode(b"caf\xe9 \xe6\xa4\x9c ?&#%25+.jsonl")] = SAID
    for path, data in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return {str(path): sha(data) for path, data in files.items()}


def test_files_that_no_corpus_has_come_out_as_they_went_in(tmp_path: Path) -> None:
    files = hand_made(tmp_path)
    home = tmp_path / "home"
    with serving(home, claude=tmp_path) as server:
        assert server.settled()["sources"] == len(files)
        assert exported(server) == files
        for number, (name, data) in enumerate(HAND_MADE.items()):
            assert server.export(SESSION % number) == data, name
    before = derived(home / "zerg.db")
    assert zerg(home, "rebuild").returncode == 0
    assert differences(before, derived(home / "zerg.db")) == {}
    assert zerg(home, "export", SESSION % 9).stdout == b""
    with serving(home) as server:
        assert exported(server) == files
    check(home / "zerg.db")


def test_what_stands_beside_bad_bytes_is_read_all_the_same(tmp_path: Path) -> None:
    silent = {"empty", "blank", "UTF-16", "old Mac line ends"}
    with shelf(tmp_path / "zerg.db") as one:
        for number, data in enumerate(HAND_MADE.values()):
            one.put(path_of(SESSION % number), data)
    found = {row[0]: row for row in derived(tmp_path / "zerg.db")["session"]}
    for number, name in enumerate(HAND_MADE):
        assert name in silent or found[SESSION % number][17] >= 1, f"{name}: no prompt"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only /proc tells how much memory a process has had at most")
def test_a_line_of_50_mb_costs_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "projects" / "-p" / f"{SESSION % 1}.jsonl"
    path.parent.mkdir(parents=True)
    half = b'{"type":"user","message":{"content":"' + b"0123456789abcdef" * (25 * 65536)
    path.write_bytes(SAID + half + half)
    with serving(tmp_path / "home", claude=tmp_path) as server:
        server.settled()
        assert sha(server.export(path.stem)) == sha(path.read_bytes())
        with path.open("ab") as file:
            file.write(b'"}}\n' + lines(prompt(9)))
        until = server.source(str(path), (tmp_path / "home" / "machine").read_text().strip())
        while until["offset"] != path.stat().st_size:
            until = server.source(str(path), until["machine"])
        assert sha(server.export(path.stem)) == sha(path.read_bytes())
        kinds = [event["kind"] for event in server.items(f"/api/agents/sessions/{path.stem}/events", "events")]
        assert kinds == ["prompt", "answer", "oversize", "prompt"]
        assert server.get(f"/s/{path.stem}").status == 200
        assert server.peak() < BUDGET


# Files that change


def told(file: Path) -> Rows:
    """The events, wherever they are archived: those of one source can be compared with those of another."""
    return sorted((row[0], *row[2:4], *row[5:]) for row in derived(file)["event"])


def shipped(server: Running, projects: Path) -> None:
    """One pass of a shipper of its own."""
    report = Shipper(Server(server.url), MACHINE, "label", [projects]).run_once()
    assert report.behind == ()


def test_a_file_that_grows_is_as_if_it_had_come_whole(corpus: Path, tmp_path: Path) -> None:
    (folder,) = (corpus / "claude" / "growth").iterdir()
    path = tmp_path / "projects" / "-p" / f"{folder.name}.jsonl"
    path.parent.mkdir(parents=True)
    with serving(tmp_path / "home") as server:
        for copy in sorted(folder.iterdir()):
            shutil.copyfile(copy, path)
            shipped(server, tmp_path / "projects")
            assert server.export(folder.name) == path.read_bytes()
        assert server.source(str(path))["generation"] == 1
    with shelf(tmp_path / "whole.db") as whole:
        whole.put(str(path), path.read_bytes())
    assert told(tmp_path / "home" / "zerg.db") == told(tmp_path / "whole.db")
    check(tmp_path / "home" / "zerg.db")


def test_a_file_that_is_rewritten_keeps_every_state(corpus: Path, tmp_path: Path) -> None:
    (folder,) = (corpus / "claude" / "rewritten").iterdir()
    copies = sorted(folder.iterdir())
    path = tmp_path / "projects" / "-p" / f"{folder.name}.jsonl"
    path.parent.mkdir(parents=True)
    with serving(tmp_path / "home") as server:
        for copy in copies:
            shutil.copyfile(copy, path)
            shipped(server, tmp_path / "projects")
            assert server.export(folder.name) == copy.read_bytes()
        for number, copy in enumerate(copies, 1):
            assert server.export(folder.name, generation=number) == copy.read_bytes()
        assert zerg(tmp_path / "home", "export", folder.name, "--generation", "2").stdout == copies[1].read_bytes()
    with shelf(tmp_path / "last.db") as last:
        last.put(str(path), copies[-1].read_bytes())
    assert told(tmp_path / "home" / "zerg.db") == told(tmp_path / "last.db")
    check(tmp_path / "home" / "zerg.db")
    assert zerg(tmp_path / "home", "rebuild").returncode == 0
    assert told(tmp_path / "home" / "zerg.db") == told(tmp_path / "last.db")


def test_truncated_rewritten_and_rewritten_at_the_same_size(tmp_path: Path) -> None:
    path = tmp_path / "projects" / "-p" / f"{SESSION % 1}.jsonl"
    path.parent.mkdir(parents=True)
    first = lines(*(prompt(number) for number in range(40)))
    other = lines(*(prompt(number, f"change {number}"[:9]) for number in range(40, 70)))
    same = first.replace(b"prompt 20", b"prOmpt 20")
    story = [first, same, first[:4000], other, other + first, same, b"", first, other[:300], same]
    with serving(tmp_path / "home") as server:
        shipper = Shipper(Server(server.url), MACHINE, "label", [tmp_path / "projects"])
        for step, data in enumerate(story):
            path.write_bytes(data)
            os.utime(path, (1_770_000_000 + step,) * 2)
            assert shipper.run_once().behind == ()
            assert server.export(path.stem) == data, step
            shown = [event["text"] for event in server.items(f"/api/agents/sessions/{path.stem}/events", "events")]
            assert shown == [json.loads(each)["message"]["content"] for each in data.splitlines() if each.endswith(b"}")], step
    check(tmp_path / "home" / "zerg.db")


def test_a_line_that_goes_on_after_the_end_of_the_file(tmp_path: Path) -> None:
    """It ends anywhere, most often near the end of a line: nothing comes twice, nothing is missed."""
    dice = chance("on the same line")
    data = LINE + lines(answer(2), prompt(3)) + b"\n\xc3\xa4 {}\n" + lines(prompt(4)) + LINE[:50]
    path = path_of(SESSION % 1)
    with shelf(tmp_path / "grown.db") as grown, shelf(tmp_path / "whole.db") as whole:
        near = {place + near for place, byte in enumerate(data) if byte in b"\n" for near in (-1, 0, 1, 2)}
        for end in sorted(near | {dice.randrange(1, len(data)) for _ in range(times(2000))} | {len(data)}):
            grown.put(path, data[:end])
        whole.put(path, data)
    assert told(tmp_path / "grown.db") == told(tmp_path / "whole.db")
    assert facts(tmp_path / "grown.db") == facts(tmp_path / "whole.db") == {(path, 1): sha(data)}
    check(tmp_path / "grown.db")


def test_corpus_files_cut_anywhere_and_grown(corpus: Path, tmp_path: Path) -> None:
    dice = chance("cuts")
    files = sorted((corpus / "claude" / "projects").rglob("*.jsonl"))
    files = [path for path in files if FULL or path.stat().st_size < 1_000_000]
    with shelf(tmp_path / "grown.db") as grown, shelf(tmp_path / "whole.db") as whole:
        for path in dice.sample(files, min(len(files), times(200))):
            data = path.read_bytes()
            for end in sorted(dice.randrange(len(data) + 1) for _ in range(5)):
                grown.put(str(path), data[:end])
            grown.put(str(path), data)
            whole.put(str(path), data)
    assert told(tmp_path / "grown.db") == told(tmp_path / "whole.db")
    assert facts(tmp_path / "grown.db") == facts(tmp_path / "whole.db")
    for name in ("usage", "leaf"):
        one, other = derived(tmp_path / "grown.db"), derived(tmp_path / "whole.db")
        assert differences({name: one[name]}, {name: other[name]}) == {}
    assert [row[16:25] for row in one["session"]] == [row[16:25] for row in other["session"]]
    check(tmp_path / "grown.db")
