"""The command line: what it prints, and its exit codes. Most of it in processes of their own, as people run it."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from zerg import __version__, cli, console
from zerg.demo import transcripts
from zerg.paths import Home
from zerg.progress import Progress
from zerg.search.query import FIELDS

ROOT = Path(__file__).resolve().parent.parent


def zerg(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "zerg", *arguments], cwd=ROOT, capture_output=True, check=False, timeout=60)


def one_line(text: bytes) -> str:
    lines = text.decode().splitlines()
    assert len(lines) == 1 and lines[0].startswith("zerg: "), lines
    return lines[0]


def test_version_says_what_runs() -> None:
    done = zerg("--version")
    assert done.returncode == 0
    versions = rf"zerg {re.escape(__version__)} \(Python 3\.\d+\.\d+\S*, SQLite 3\.\d+\.\d+, .+\)\n"
    assert re.fullmatch(versions, done.stdout.decode())


def test_version_and_help_import_nothing_that_costs() -> None:
    code = "import sys; from zerg.cli import main\ntry: main(['--version'])\nexcept SystemExit: pass\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"bottle", "waitress", "pydantic", "anthropic", "markdown_it", "pygments", "zerg.store"} & set(done.stdout.split())


@pytest.mark.parametrize("arguments", [[], ["sreve"], ["serve", "--prot", "1"], ["export"], ["config", "hide"]])
def test_wrong_usage_is_2(arguments: list[str]) -> None:
    done = zerg(*arguments)
    assert done.returncode == 2 and b"usage: zerg" in done.stderr and b"Traceback" not in done.stderr


def test_config_show(home: Home) -> None:
    home.make().config.write_text("[server]\nport = 9\n")
    done = zerg("config", "show")
    assert done.returncode == 0
    assert f"port = 9  # {home.config}" in done.stdout.decode().splitlines()


@pytest.mark.parametrize("command", [["serve"], ["config", "show"], ["export", "x"], ["status"]])
def test_a_misspelt_setting_is_2_and_one_line(home: Home, command: list[str]) -> None:
    home.make().config.write_text("[server]\nprot = 9\n")
    done = zerg(*command)
    assert done.returncode == 2
    assert one_line(done.stderr) == f"zerg: {home.config}:2: key of [server] 'prot' is not known; did you mean port?"


@pytest.fixture
def archived(home: Home, tmp_path: Path) -> Path:
    """A transcript that the home's archive holds."""
    transcripts(tmp_path / "projects", time.time())
    file = max((tmp_path / "projects").glob("*/*.jsonl"), key=lambda file: file.stat().st_size)
    done = zerg("import", str(file))
    assert (done.returncode, done.stdout) == (0, b""), done.stderr
    assert re.fullmatch(rb"read 0\.0 MB in \d+\.\d s\n", done.stderr)
    return file


def test_export_gives_the_exact_bytes(archived: Path, tmp_path: Path) -> None:
    assert zerg("export", archived.stem).stdout == archived.read_bytes()
    done = zerg("export", archived.stem, "-o", str(tmp_path / "out"))
    assert (done.returncode, done.stdout, (tmp_path / "out").read_bytes()) == (0, b"", archived.read_bytes())


def test_export_of_nothing_is_1_and_leaves_no_file(archived: Path, tmp_path: Path) -> None:
    done = zerg("export", "nobody", "-o", str(tmp_path / "out"))
    assert done.returncode == 1 and "nobody" in one_line(done.stderr)
    assert not list(tmp_path.glob("*out*"))


def test_a_missing_archive_is_1_and_one_line(home: Home) -> None:
    done = zerg("export", "nobody")
    assert done.returncode == 1 and str(home.database) in one_line(done.stderr)


def test_a_reader_that_goes_away_is_no_error(archived: Path) -> None:
    process = subprocess.Popen([sys.executable, "-m", "zerg", "export", archived.stem], cwd=ROOT, stdout=-1, stderr=-1)
    assert process.stdout and process.stderr
    process.stdout.close()  # before it has written anything
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() in (0, cli.CUT)  # 0: all of it fitted into the pipe before we closed it


def test_rebuild_keeps_what_is_archived(archived: Path) -> None:
    done = zerg("rebuild")
    assert (done.returncode, done.stdout) == (0, b"")
    assert re.fullmatch(rb"derived \d+\.\d MB in \d+\.\d s\n", done.stderr)
    assert zerg("export", archived.stem).stdout == archived.read_bytes()


def test_search_finds_what_a_tool_printed(archived: Path) -> None:
    done = zerg("search", "AssertionError", "2 == 1")
    assert done.returncode == 0 and b"\x1b" not in done.stdout
    shown = done.stdout.decode()
    assert archived.stem in shown and "assert 2 == 1" in shown and "1 hits in" in shown.replace("more than ", "")


def test_search_answers_json_as_the_api_does(archived: Path) -> None:
    found = json.loads(zerg("search", "--json", "kind:thinking smells").stdout)
    (group,) = found["results"]
    (hit,) = group["hits"]
    assert (group["session"]["id"], group["hit_count"], hit["kind"]) == (archived.stem, 1, "thinking")
    assert [hit["snippet"][start:end] for start, end in hit["marks"]] == ["smells"]


def test_search_for_what_is_not_there_is_no_error(archived: Path) -> None:
    done = zerg("search", '"never said')
    assert done.returncode == 0 and b"0 hits" in done.stdout


def test_search_help_has_the_whole_language() -> None:
    shown = zerg("search", "--help").stdout.decode()
    assert not [name for name in FIELDS if f"  {name}:" not in shown]


def test_no_escape_sequence_of_a_transcript_reaches_the_terminal() -> None:
    assert console.clean("\x1b]0;title\x07 \x9b31m \u202egnp.exe") == " ]0;title   31m  gnp.exe"


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_status_without_a_server_is_1(home: Home, flags: list[str]) -> None:
    done = zerg("status", *flags)
    assert done.returncode == 1
    assert (json.loads(done.stdout)["status"] if flags else done.stdout.split()[1].decode()) == "stopped"
    assert not home.path.exists()


def test_import_of_a_path_that_is_not_there_is_1(tmp_path: Path) -> None:
    done = zerg("import", str(tmp_path / "nowhere"))
    assert done.returncode == 1 and "nowhere" in one_line(done.stderr)


def test_import_without_a_server_archives_and_exits(home: Home, tmp_path: Path) -> None:
    transcripts(tmp_path / "claude" / "projects", time.time())
    done = zerg("import", str(tmp_path / "claude"))
    assert done.returncode == 0, done.stderr
    for file in (tmp_path / "claude" / "projects").glob("*/*.jsonl"):
        assert zerg("export", file.stem).stdout == file.read_bytes()


@contextmanager
def serving(*flags: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A server as a person starts it: its URL and its process."""
    command = [sys.executable, "-m", "zerg", "serve", *flags]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout and process.stderr
    try:
        line = process.stdout.readline()
        found = re.search(r"http://[^\s/]+", line)
        assert found, line + process.stderr.read()
        yield found[0], process
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()
        process.stderr.close()


def test_serve_tells_its_url_in_one_line_and_status_agrees(home: Home) -> None:
    with serving("--port", "0", "--no-ship") as (url, process):
        assert json.load(urlopen(f"{url}/api/health"))["status"] == "ok"
        done = zerg("status", "--json")
        assert (done.returncode, json.loads(done.stdout)["status"]) == (0, "ok")
        assert zerg("status").stdout.startswith(b"status")
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=10)
        assert (rest, errors) == ("", "")
        assert process.returncode in (0, cli.INTERRUPTED)


def test_a_second_server_says_who_holds_the_home(home: Home) -> None:
    with serving("--port", "0", "--no-ship") as (url, process):
        done = zerg("serve", "--port", "0", "--no-ship")
        assert done.returncode == 1
        assert str(process.pid) in one_line(done.stderr)
        assert json.load(urlopen(f"{url}/api/health"))["status"] == "ok"


def test_a_port_that_is_taken_is_one_line(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = zerg("serve", "--port", port, "--no-ship")
    assert done.returncode == 1
    assert port in one_line(done.stderr) and "--port" in one_line(done.stderr)


def test_import_goes_through_the_running_server(home: Home, tmp_path: Path) -> None:
    transcripts(tmp_path / "claude" / "projects", time.time())
    with serving("--port", "0", "--no-ship") as (url, _):
        done = zerg("import", str(tmp_path / "claude"))
        assert done.returncode == 0, done.stderr
        files = list((tmp_path / "claude").glob("projects/*/*.jsonl"))
        assert json.load(urlopen(f"{url}/api/agents/sessions"))["total"] == len(files)


def test_the_demo_has_a_home_of_its_own_and_leaves_nothing(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "t"))
    (tmp_path / "t").mkdir()
    with serving("--demo") as (url, _):
        assert "Bars that read in dark mode" in urlopen(url).read().decode()
        assert list((tmp_path / "t").glob("zerg-demo-*"))
        assert zerg("status").returncode == 1  # of the real home
    assert not list((tmp_path / "t").glob("zerg-demo-*"))
    assert not home.path.exists()


def test_the_demo_refuses_a_real_database(tmp_path: Path) -> None:
    done = zerg("serve", "--demo", "--database", str(tmp_path / "real.db"))
    assert done.returncode == 2 and "--database" in one_line(done.stderr)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_a_bar_on_a_terminal_and_a_line_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    screen, pipe = Terminal(), io.StringIO()
    for stream in (screen, pipe):
        with Progress("read", stream) as progress:
            progress.drawn = 0  # long ago
            progress(25_000_000, 100_000_000)
            assert progress.bar().endswith(" 25%  25.0 of 100.0 MB ")
    assert "\r" + "█" * 8 + "░" * 22 + "  25%" in screen.getvalue()
    assert screen.getvalue().endswith(pipe.getvalue()) and pipe.getvalue().startswith("read 25.0 MB in ")


def test_progress_of_nothing_is_whole() -> None:
    assert "100%" in Progress("read", io.StringIO()).bar()


def test_a_bug_is_one_line_unless_one_asks_for_more(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    command = "import sys; from zerg import cli; cli.installation = None; sys.exit(cli.main(['--version']))"
    for asked, words in (("", b"zerg: unexpected TypeError"), ("1", b"Traceback")):
        run = [sys.executable, "-c", command]
        done = subprocess.run(run, cwd=ROOT, env=os.environ | {"ZERG_DEBUG": asked}, capture_output=True, check=False)
        assert done.returncode == 1 and done.stderr.startswith(words)
