"""The bench counts right: its homes are what they say, its numbers and tables too."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import home, page
from bench.figure import Figure, median, quantile, table
from zerg.events import Kind
from zerg.providers import provider


def test_a_generated_home_has_as_many_events_as_it_says_and_is_kept(tmp_path: Path) -> None:
    made = home.generated(tmp_path, 2000)
    events = []
    for file in made.rglob("*.jsonl"):
        reader = provider("claude").reader(str(file), {})
        assert reader
        events += [event for record in reader.frame(file.read_bytes(), 0, True) for event in reader.read(record).events]
    assert (len(events), {event.kind for event in events}) == (2000, {Kind.PROMPT, Kind.ANSWER})
    times = [file.stat().st_mtime_ns for file in made.rglob("*.jsonl")]
    assert home.generated(tmp_path, 2000) == made and [file.stat().st_mtime_ns for file in made.rglob("*.jsonl")] == times


def test_queries_are_many_and_of_every_sort() -> None:
    queries = page.generated_queries(1)
    assert len(queries) == page.QUERIES and queries == page.generated_queries(1) != page.generated_queries(2)
    assert not [sign for sign in ('"', "*", " -", " OR ", "project:", "kind:") if not any(sign in query for query in queries)]


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.95, 95), (1.0, 100), (0.0, 1)])
def test_quantiles(share: float, value: int) -> None:
    assert quantile(range(1, 101), share) == value


def test_the_median_is_taken_figure_by_figure() -> None:
    runs = [{"a": Figure(value, "s", most=2)} for value in (5, 1, 3)]
    assert median(runs) == {"a": Figure(3, "s", most=2)}


def test_a_missed_bound_stands_out() -> None:
    one = {"fast": Figure(3, "ms", most=2), "much": Figure(500, "MB/s", least=40)}
    shown = table("of", {"one": one, "two": {"fast": Figure(1, "ms")}})
    assert shown.splitlines()[2:] == ["| fast | ≤ 2 | **3 ms** ! | 1 ms |", "| much | ≥ 40 | 500 MB/s |  |"]
