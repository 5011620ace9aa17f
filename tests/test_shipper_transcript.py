"""Which files are transcripts, in which order they go, how they are cut, and how a tree of them is watched."""

from __future__ import annotations

import ast
import os
import socket
import sys
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import shipper
from shipper import machine, transcript
from shipper.slice import LIMIT, cut, pack
from shipper.transcript import Stamp, cleanup_days, is_transcript, newest_first, place, roots, session_of
from shipper.tree import FOLDERS, HOT, QUIET, Tree

SESSION = "0b7e9f6a-5d0c-4a52-9a39-6f3f6c2e8a01"


def soon() -> float:
    """A time at which every folder is due and new sessions are still hot."""
    return time.monotonic() + 60


def write(path: Path, text: str = "{}\n", age: float = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if age:
        os.utime(path, (time.time() - age,) * 2)
    return path


def test_roots_come_from_the_environment(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    assert roots({"CLAUDE_CONFIG_DIR": f"{one}{os.pathsep}{two}"}) == [one / "projects", two / "projects"]
    assert roots({"CLAUDE_CONFIG_DIR": f"{one}, {two},"}) == [one / "projects", two / "projects"]


def test_a_folder_whose_name_holds_a_comma_is_one_root(tmp_path: Path) -> None:
    odd = tmp_path / "a,b"
    odd.mkdir()
    assert roots({"CLAUDE_CONFIG_DIR": str(odd)}) == [odd / "projects"]


def test_without_a_setting_both_usual_folders_are_roots() -> None:
    assert roots({}) == [Path.home() / ".claude" / "projects", Path.home() / ".config" / "claude" / "projects"]


def test_two_names_of_one_folder_are_one_root(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert len(roots({"CLAUDE_CONFIG_DIR": f"{tmp_path / 'real'},{tmp_path / 'link'}"})) == 1


def test_a_configuration_folder_stands_for_its_projects(tmp_path: Path) -> None:
    (tmp_path / "projects").mkdir()
    assert place(tmp_path) == str(tmp_path / "projects")
    assert place(tmp_path / "projects") == str(tmp_path / "projects")
    assert place(tmp_path / "user" / ".claude") == str(tmp_path / "user" / ".claude" / "projects")


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("-code/s.jsonl", True),
        ("-code/agent-1234abcd.jsonl", True),
        ("-code/s/subagents/agent-1.jsonl", True),
        ("-code/s/subagents/agent-1.meta.json", True),
        ("-code/s/subagents/workflows/wf_1/journal.jsonl", True),
        ("/p/-code/s/tool-results/toolu_1.txt", True),
        ("/p/-code/s/tool-results/deep/mcp.json", True),
        ("/p/-code/s/tool-results/page.jpg", False),
        ("-code/sessions-index.json", False),
        ("-code/s.ccr-tip.json", False),
        ("-code/notes.txt", False),
    ],
)
def test_what_is_archived(path: str, wanted: bool) -> None:
    assert is_transcript(path) is wanted


@pytest.mark.parametrize(
    ("path", "session"),
    [
        ("/p/s.jsonl", "/p/s"),
        ("/p/s/subagents/agent-1.jsonl", "/p/s"),
        ("/p/s/subagents/workflows/wf_1/agent-2.jsonl", "/p/s"),
        ("/p/s/tool-results/t.txt", "/p/s"),
        ("/p/s/subagents", "/p/s"),
        ("/p/s", "/p/s"),
        ("/p/agent-1.jsonl", "/p/agent-1"),
    ],
)
def test_the_session_of_a_file(path: str, session: str) -> None:
    assert session_of(path) == session


def test_sessions_go_newest_first_and_each_ends_with_its_main_transcript() -> None:
    ages = {"/p/old.jsonl": 9, "/p/old/subagents/a.jsonl": 1, "/p/new.jsonl": 2, "/p/mid.jsonl": 4, "/p/new/subagents/b.jsonl": 8}
    files = {path: Stamp(1, -age * 10**9, 0) for path, age in ages.items()}
    assert newest_first(files, files) == [
        "/p/old/subagents/a.jsonl",
        "/p/old.jsonl",
        "/p/new/subagents/b.jsonl",
        "/p/new.jsonl",
        "/p/mid.jsonl",
    ]


def test_subagents_beside_their_session_go_before_it() -> None:
    ages = {"/p/main.jsonl": 0, "/p/agent-1.jsonl": 1200, "/p/agent-2.jsonl": 7200}
    files = {path: Stamp(1, -age * 10**9, 0) for path, age in ages.items()}
    assert newest_first(files, files) == ["/p/agent-1.jsonl", "/p/main.jsonl", "/p/agent-2.jsonl"]


@pytest.mark.parametrize(
    ("settings", "days"),
    [(None, 30), ("{}", 30), ('{"cleanupPeriodDays": 99}', 99), ('{"cleanupPeriodDays": "x"}', None), ("{", None), ("[]", None)],
)
def test_retention_is_read_from_the_settings(tmp_path: Path, settings: str | None, days: int | None) -> None:
    if settings is not None:
        write(tmp_path / "settings.json", settings)
    assert cleanup_days([str(tmp_path / "projects")]) == days


def test_a_slice_ends_at_a_line_end_where_it_can() -> None:
    assert cut(b"one\ntwo\nthr", ends=False) == b"one\ntwo\n"
    assert cut(b"one\ntwo\nthr", ends=True) == b"one\ntwo\nthr"
    assert cut(b"no line end", ends=False) == b"no line end"


@given(st.binary(max_size=LIMIT // 64), st.integers(0, 40))
def test_a_packed_slice_is_no_larger_and_unpacks_to_the_same(data: bytes, times: int) -> None:
    data *= times
    body = pack(data)
    assert len(body.data) <= len(data)
    assert (zlib.decompress(body.data) if body.encoding == "deflate" else body.data) == data


def test_a_scan_finds_transcripts_and_nothing_else(tmp_path: Path) -> None:
    projects = tmp_path / "projects"
    wanted = [
        write(projects / "-a b" / f"{SESSION}.jsonl"),
        write(projects / "-a b" / SESSION / "subagents" / "agent-1.jsonl"),
        write(projects / "-検索" / "x.jsonl"),
    ]
    write(tmp_path / "history.jsonl")
    write(projects / "-a b" / "sessions-index.json")
    write(projects / "-a b" / "memory" / "m.jsonl")
    os.mkfifo(projects / "-a b" / "pipe.jsonl")
    tree = Tree([tmp_path])
    tree.scan()
    assert sorted(tree.files) == sorted(map(str, wanted))


def test_symbolic_links_are_followed_once(tmp_path: Path) -> None:
    real = write(tmp_path / "elsewhere" / "s.jsonl")
    projects = tmp_path / "projects"
    projects.mkdir()
    (projects / "-linked").symlink_to(real.parent)
    (projects / "-loop").symlink_to(projects)
    (projects / "-dead").symlink_to(tmp_path / "nowhere")
    (projects / "t.jsonl").symlink_to(real)
    tree = Tree([projects])
    tree.scan()
    assert list(tree.files) == [str(real)]


def test_a_single_file_brings_the_folder_of_its_session(tmp_path: Path) -> None:
    main, other = write(tmp_path / "s.jsonl"), write(tmp_path / "other.jsonl")
    spilled = write(tmp_path / "s" / "tool-results" / "t.txt")
    tree = Tree([main])
    tree.scan()
    assert sorted(tree.files) == sorted([str(main), str(spilled)])
    assert str(other) not in tree.files


def test_a_look_sees_appends_new_files_new_folders_and_files_that_go(tmp_path: Path) -> None:
    main = write(tmp_path / "projects" / "-p" / "s.jsonl")
    tree = Tree([tmp_path])
    tree.scan()
    later = soon()
    assert tree.look(later) == set()
    with main.open("a") as file:
        file.write("{}\n")
    assert tree.look(later + 2) == {str(main)}
    agent = write(main.with_suffix("") / "subagents" / "agent-1.jsonl")
    elsewhere = write(tmp_path / "projects" / "-q" / "t.jsonl")
    assert tree.look(later + 4) == {str(agent), str(elsewhere)}
    second = write(agent.with_name("agent-2.jsonl"))
    assert tree.look(later + 6) == {str(second)}
    agent.unlink()
    assert tree.look(later + 8) == set()
    assert tree.gone
    assert str(agent) not in tree.files


def test_a_root_that_comes_later_is_seen(tmp_path: Path) -> None:
    tree = Tree([tmp_path / ".claude"])
    tree.scan()
    later = soon()
    assert tree.look(later) == set()
    new = write(tmp_path / ".claude" / "projects" / "-p" / "s.jsonl")
    assert tree.look(later + 2 * FOLDERS) == {str(new)}


def test_a_quiet_session_that_goes_on_is_seen_when_its_turn_comes(tmp_path: Path) -> None:
    old = [write(tmp_path / "-p" / f"{number}.jsonl", age=10 * HOT) for number in range(2 * QUIET)]
    tree = Tree([tmp_path])
    tree.scan()
    with old[17].open("a") as file:
        file.write("{}\n")
    os.utime(old[17], (time.time() - 5 * HOT,) * 2)
    seen = [tree.look(0) for _ in range(4)]
    assert sum(str(old[17]) in changed for changed in seen) == 1


def test_few_quiet_sessions_are_looked_at_every_time(tmp_path: Path) -> None:
    old = [write(tmp_path / "-p" / f"{number}.jsonl", age=10 * HOT) for number in range(QUIET // 2)]
    tree = Tree([tmp_path])
    tree.scan()
    for path in old[:20]:
        tree.look(0)
        with path.open("a") as file:
            file.write("{}\n")
        assert tree.look(0) == {str(path)}


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable for root")
def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    shut = tmp_path / "-p"
    shut.mkdir(mode=0)
    tree = Tree([tmp_path])
    tree.scan()
    shut.chmod(0o700)
    assert list(tree.errors) == [str(shut)]


def test_a_machine_keeps_its_id(tmp_path: Path) -> None:
    first = machine.identity(tmp_path / "home")
    assert machine.identity(tmp_path / "home") == first
    assert machine.identity(tmp_path / "another") != first
    assert sorted(path.name for path in (tmp_path / "home").iterdir()) == ["machine"]
    assert machine.label() == socket.gethostname()


MODULES = sorted(Path(shipper.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_the_shipper_stands_alone(path: Path) -> None:
    """Python 3.9 syntax, nothing but the standard library, annotations that an old interpreter need not evaluate."""
    tree = ast.parse(path.read_text(), feature_version=(3, 9))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} <= {*sys.stdlib_module_names, "shipper"}
    assert "__future__" in imported or path.name == "__init__.py"


def test_discovery_does_not_mistake_the_corpus(corpus: Path) -> None:
    tree = Tree([corpus / "claude"])
    tree.scan()
    found = {path for path in (corpus / "claude" / "projects").rglob("*") if path.is_file()}
    assert set(tree.files) == {str(path) for path in found if path.name.endswith((".jsonl", ".meta.json"))}
    assert transcript.PROVIDER == "claude"
