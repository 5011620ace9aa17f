"""What all tests share: a home of their own for each, and the corpus of real transcripts where there is one."""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path

import pytest

from zerg.config import SETTINGS
from zerg.paths import Home

ROOT = Path(__file__).resolve().parent.parent
CORPUS = Path(os.environ.get("ZERG_CORPUS") or ROOT.parent / "shared" / "corpus").resolve()


def pytest_report_header() -> list[str]:
    found = CORPUS if CORPUS.is_dir() else "missing"
    return [f"python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}, corpus {found}"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The home in force: empty and the test's own; nothing in the environment reaches the settings."""
    for name in {name for row in SETTINGS for name in row.environment}:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ZERG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "user"))  # no test reads or writes the home of the person who runs it
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "user"))
    return Home(tmp_path / "home")


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real transcripts: claude/, codex/, gemini/."""
    if not CORPUS.is_dir():
        pytest.skip(f"no corpus of real transcripts at {CORPUS} (ZERG_CORPUS names its place)")
    return CORPUS
