"""The demo: its transcripts are what Claude Code would have written, and show what there is to see."""

from __future__ import annotations

from collections import Counter
from datetime import UTC
from pathlib import Path

import pytest

from zerg import timeline
from zerg.demo import transcripts
from zerg.events import Event, Kind, Parsed, Verdict
from zerg.ingest import Ingest, Push
from zerg.providers import provider
from zerg.store import Store, open_store
from zerg.store.session import Filter

NOW = 1_790_000_000.0  # seconds since 1970


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("claude") / "projects"
    transcripts(folder, NOW)
    return folder


def files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())


def parsed(file: Path) -> list[Parsed]:
    reader = provider("claude").reader(str(file), {})
    assert reader, file
    return [reader.read(record) for record in reader.frame(file.read_bytes(), 0, True)]


def events(folder: Path) -> list[Event]:
    return [event for file in files(folder) for found in parsed(file) for event in found.events]


def test_every_record_is_understood(projects: Path) -> None:
    verdicts = Counter(found.verdict for file in files(projects) for found in parsed(file))
    assert set(verdicts) <= {Verdict.EVENT, Verdict.SKIPPED}


def test_there_is_something_of_every_kind(projects: Path) -> None:
    kinds = {event.kind for event in events(projects)}
    assert kinds == set(Kind) - {Kind.NOTICE, Kind.UNKNOWN, Kind.BROKEN, Kind.OVERSIZE}


def test_every_call_has_its_result_and_an_image_is_there(projects: Path) -> None:
    found = events(projects)
    calls = [event.call for event in found if event.kind == Kind.TOOL_CALL]
    assert sorted(calls) == sorted(event.call for event in found if event.kind == Kind.TOOL_RESULT)
    assert len(set(calls)) == len(calls)
    assert any(event.image for event in found)


def test_nothing_lies_in_the_future_and_files_are_as_old_as_their_last_line(projects: Path) -> None:
    for file in files(projects):
        times = [found.at for found in parsed(file) if found.at]
        assert all(at <= NOW * 1000 for at in times)
        if times:
            assert abs(file.stat().st_mtime * 1000 - max(times)) < 1000


def test_it_is_the_same_each_time(projects: Path, tmp_path: Path) -> None:
    transcripts(tmp_path, NOW)
    assert [file.read_bytes() for file in files(tmp_path)] == [file.read_bytes() for file in files(projects)]


@pytest.fixture
def store(projects: Path, tmp_path: Path) -> Store:
    made = open_store(str(tmp_path / "zerg.db"))
    ingest = Ingest(made)
    for file in reversed(files(projects)):
        data, found = file.read_bytes(), file.stat()
        ingest.push(Push("claude", "m", str(file), 1, 0, len(data), int(found.st_mtime * 1000), data), int(NOW * 1000))
    return made


def test_the_archive_shows_titles_subagents_and_prices(store: Store) -> None:
    found = [each for day in timeline.days(store, Filter(), UTC).days for each in day.sessions]
    assert [each.title for each in found][:6] == [
        "Double charge: idempotency key made anew at each retry",
        "Split pricing out of orders/core.py",
        "Which of our endpoints have no test?",
        "日本語の全文検索を直す",
        "Is `note_fts` rebuilt when I change the tokenizer?",
        "Bars that read in dark mode",
    ]
    assert not [each.title for each in found if each.noise or each.unpriced or not each.cost_microdollars]
    (agent,) = timeline.subagents(store, found[1].id)
    assert (agent.agent_type, agent.title) == ("Explore", "Map the callers of pricing")
