"""Nothing is lost: what a transcript held when zerg saw it can be had again, byte for byte, whatever happens to the file."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from database import check, derived, differences
from server import Running, serving, sha, zerg

from zerg.events import Kind
from zerg.providers import provider

SESSION = "0f1de117-0000-4000-8000-00000000000%x"
LINE = b'{"type":"user","uuid":"%s","timestamp":"2026-01-02T03:04:05.000Z","message":{"role":"user","content":"%s"}}'


def line(number: int, text: str = "") -> bytes:
    """A prompt, without its line end."""
    return LINE % (b"%08x-0000-4000-8000-000000000000" % number, (text or f"prompt {number}").encode())


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
