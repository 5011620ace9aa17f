"""The search over an archive: against a brute-force scan of real transcripts, and what its answers say."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from zerg.archive import Entry, Reading
from zerg.errors import BadRequest
from zerg.ingest import Ingest, Push
from zerg.search.engine import LIMIT, Results, search
from zerg.search.match import Subject, judge
from zerg.search.query import parse
from zerg.search.scope import Scope, known
from zerg.store import Store, index, open_store

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
QUERIES = 300
SAMPLE = 12_000_000  # bytes of transcripts, chosen anew at every run
SLICE = 256 * 1024


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(str(tmp_path / "zerg.db"))
    yield opened
    opened.close()


def push(store: Store, path: str, data: bytes) -> None:
    """Archive a whole file."""
    ingest, at = Ingest(store), int(NOW.timestamp() * 1000)
    for offset in range(0, len(data), SLICE):
        piece = data[offset : offset + SLICE]
        ingest.push(Push("claude", "laptop", path, 1, offset, len(data), at, piece), at)
    store.settle()


def transcript(session: str, *says: tuple[str, str], cwd: str = "/home/u/zerg") -> bytes:
    """Lines of (who, text), a minute apart: "user" or "assistant"."""
    lines = []
    for number, (who, text) in enumerate(says):
        content = text if who == "user" else [{"type": "text", "text": text}]
        model = {"id": f"m{number}", "model": "claude-opus-4-5"} if who == "assistant" else {}
        stamp = f"2026-11-{int(session[:2]):02}T10:{number % 60:02}:00.000Z"
        line = {"type": who, "uuid": f"{session[:8]}-0000-4000-8000-{number:012}", "sessionId": session, "timestamp": stamp}
        lines.append(json.dumps(line | {"cwd": cwd, "gitBranch": "main", "message": {"role": who, "content": content} | model}))
    return "".join(line + "\n" for line in lines).encode()


ONE = "01111111-1111-4111-8111-111111111111"
TWO = "02222222-2222-4222-8222-222222222222"


@pytest.fixture
def two(store: Store) -> Store:
    """Two sessions; the second is a day younger."""
    talk = [("user", "Where is foo_bar( called?"), ("assistant", "In **src/db.py:120**.")]
    push(store, f"/p/zerg/{ONE}.jsonl", transcript(ONE, *talk))
    talk = [("user", "全文検索 with a naïve <b>index</b>"), ("assistant", "The index folds."), ("user", "index again")]
    push(store, f"/p/web/{TWO}.jsonl", transcript(TWO, *talk, cwd="/home/u/web"))
    return store


def test_hits_are_grouped_newest_first_with_marked_snippets(two: Store) -> None:
    found = search(two, "index OR foo_bar", now=NOW)
    assert [group.session.id for group in found.groups] == [TWO, ONE]
    hits = [hit for hit in found.groups[0].hits if hit.kind != "title"]
    assert [[part.text for part in hit.snippet if part.hit] for hit in hits] == [["index"]] * 3
    assert [part.text for part in hits[-1].snippet] == ["全文検索 with a naïve <b>", "index", "</b>"]
    assert hits[-1].at == int(datetime(2026, 11, 2, 10, tzinfo=UTC).timestamp() * 1000)
    assert sum(group.hit_count for group in found.groups) == found.total
    assert found.total_is_exact
    assert found.next is None
    assert dict(found.facets["project"]).keys() == {"web", "zerg"}
    assert dict(found.facets["month"]) == {"2026-11": found.total}


@pytest.mark.parametrize(
    ("query", "sessions"),
    [
        ("foo_bar(", [ONE]),
        ("foo_bar[", []),
        ("src/db.py:120", [ONE]),
        ("検索", [TWO]),
        ("索", [TWO]),
        ("NAIVE", [TWO]),
        ("project:web", [TWO]),
        ("-project:web", [ONE]),
        ("machine:laptop branch:main kind:answer", [TWO, ONE]),
        ("kind:prompt called", [ONE]),
        ("before:2026-11-02", [ONE]),
        ("after:2026-11-02 index", [TWO]),
        ("after:2026-12", []),
        (f"session:{ONE[:8]}", [ONE]),
        ("model:opus folds", [TWO]),
        ("is:error", []),
        ("<b>", [TWO]),
        ("projekt:web", []),
    ],
)
def test_queries(two: Store, query: str, sessions: list[str]) -> None:
    assert [group.session.id for group in search(two, query, now=NOW).groups] == sessions


def test_hints_and_refusals(two: Store) -> None:
    assert "did you mean “project:”" in search(two, "projekt:web", now=NOW).hints[0]
    bad = [("x" * 5000, "", "newest"), ("x", "yesterday", "newest"), ("x", "1-²", "newest"), ("x", "", "best")]
    for text, cursor, sort in bad:
        with pytest.raises(BadRequest):
            search(two, text, cursor=cursor, sort=sort)


def test_pages_follow_each_other_through_a_long_session(store: Store) -> None:
    push(store, f"/p/zerg/{ONE}.jsonl", transcript(ONE, *[("assistant", f"needle {n}") for n in range(LIMIT + 30)]))
    first = search(store, "needle", now=NOW)
    assert len(first.groups[0].hits) == LIMIT
    assert first.next
    second = search(store, "needle", now=NOW, cursor=first.next)
    assert len(second.groups[0].hits) == 30
    assert (second.total, second.total_is_exact, second.next) == (LIMIT + 30, True, None)


def test_relevance_puts_what_is_about_it_first(store: Store) -> None:
    dense, sparse = "needle needle thread", "a needle among " + "much other hay " * 60
    push(store, f"/p/zerg/{ONE}.jsonl", transcript(ONE, ("assistant", dense)))
    push(store, f"/p/zerg/{TWO}.jsonl", transcript(TWO, ("assistant", sparse)))
    assert [group.session.id for group in search(store, "needle", now=NOW).groups] == [TWO, ONE]
    assert [group.session.id for group in search(store, "needle", sort="relevance", now=NOW).groups] == [ONE, TWO]


def test_relevance_is_paged_too(store: Store) -> None:
    push(store, f"/p/zerg/{ONE}.jsonl", transcript(ONE, *[("assistant", f"needle {n}") for n in range(LIMIT + 30)]))
    pages = list(pages_of(store, "needle", sort="relevance"))
    events = [hit.event for page in pages for group in page.groups for hit in group.hits]
    assert len(events) == len(set(events)) == LIMIT + 30


def test_hostile_queries_are_answered(two: Store) -> None:
    long = ['"' * 4000, "(" * 4000, "-" * 4000, "a" * 4000, "a* " * 1300, "a OR " * 800, "ab* OR " * 500, "-a " * 1300]
    for query in ["\0", "\ud800", "NEAR(a b)", "text:x", "*", "{a}: ^b + c", "'", "a\0b", *long]:
        search(two, query, now=NOW)


class Event(NamedTuple):
    id: int
    public: str
    subject: Subject
    entry: Entry


@pytest.fixture(scope="module")
def archive(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, list[Event], random.Random]]:
    """A store of real transcripts, all of its events newest first, and the source of chance."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    store = open_store(str(tmp_path_factory.mktemp("search") / "zerg.db"))
    files = sorted(file for file in (corpus / "claude" / "projects").rglob("*") if file.is_file())
    chance.shuffle(files)
    size = 0
    for file in files:
        if size + file.stat().st_size < SAMPLE:
            size += file.stat().st_size
            push(store, str(file), file.read_bytes())
    yield store, list(events_of(store)), chance
    store.close()


def events_of(store: Store) -> Iterator[Event]:
    rows = index.everything(store, 0, 2**62, 10**9)
    subjects = Scope(store, NOW).subjects(rows)
    reading = Reading(store)
    pairs = sorted(zip(rows, subjects, strict=True), key=lambda pair: (pair[0].source, pair[0].offset))
    found = []
    for row, subject in pairs:
        entry = reading.entry(row)
        found.append(Event(row.id, entry.id, known(subject, entry), entry))
    yield from sorted(found, key=lambda event: -event.id)


def pages_of(store: Store, query: str, most: int = 10_000, sort: str = "newest") -> Iterator[Results]:
    cursor = ""
    for _ in range(most):
        page = search(store, query, sort=sort, cursor=cursor, now=NOW)
        yield page
        if page.next is None:
            return
        cursor = page.next


def words(chance: random.Random, events: list[Event]) -> str:
    found: list[str] = []
    while not found:
        found = chance.choice(events).entry.text[:20_000].split()
    start = chance.randrange(len(found))
    return " ".join(found[start : start + chance.choice([1, 1, 2, 3])])


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def piece(chance: random.Random, events: list[Event], pattern: str) -> str:
    """Something in the events that looks like `pattern`, or a word where ten tries find none."""
    for _ in range(10):
        found = re.findall(pattern, chance.choice(events).entry.text[:20_000])
        if found:
            return str(chance.choice(found))
    return words(chance, events)


KINDS: list[Callable[[random.Random, list[Event]], str]] = [
    lambda chance, events: quoted(words(chance, events)),
    words,
    lambda chance, events: quoted(piece(chance, events, r"\w+(?:[/\\.]\w+)+")),
    lambda chance, events: quoted(piece(chance, events, r"\w*[A-Za-z]_\w+\(?")),
    lambda chance, events: quoted(piece(chance, events, r"[^\w\s]+")),
    lambda chance, events: quoted(piece(chance, events, r"[^\x00-\x7f]+")[:3]),
    lambda chance, events: quoted(piece(chance, events, r"--?[a-z][a-z-]+")),
    lambda chance, events: piece(chance, events, r"\b[a-z]{3,}")[:3] + "*",
    lambda chance, events: piece(chance, events, r"\b[A-Za-z]{4,}") + " -" + piece(chance, events, r"\b[a-z]{4,}"),
    lambda chance, events: piece(chance, events, r"\b\w{5,}") + " OR " + quoted(words(chance, events)),
    lambda chance, events: f"({words(chance, events)}) kind:{chance.choice(['tool', 'prompt', 'answer'])}",
    lambda chance, events: f"is:error {piece(chance, events, r'[a-z]{3,}')}",
    lambda chance, events: f"project:{quoted(chance.choice(events).subject.project or 'x')} {piece(chance, events, r'[a-z]+')}",
    lambda chance, events: f"path:{quoted(piece(chance, events, r'[a-z]+/[a-z]+'))}",
    lambda chance, events: f"tool:{chance.choice(['bash', 'Read', 'e*'])} {piece(chance, events, r'[a-z]{4,}')} before:2026-02",
    lambda chance, events: f"absent{chance.randrange(10**9)} OR {piece(chance, events, r'[0-9a-f]{7,}')}",
]


def test_answers_are_those_of_a_scan_of_everything(archive: tuple[Store, list[Event], random.Random]) -> None:
    store, events, chance = archive
    texts = [KINDS[number % len(KINDS)](chance, events)[:500] for number in range(QUERIES)]
    sizes = [compare(store, events, text) for text in texts]
    assert sum(size > 0 for size in sizes) > QUERIES / 2


def compare(store: Store, events: list[Event], text: str) -> int:
    """Compare all pages of one query with a scan of all events; how many of them match."""
    matches = judge(parse(text, NOW), NOW)
    expected = [event.public for event in events if matches(event.subject)]
    pages = list(pages_of(store, text, most=10_000 if len(expected) < 1500 else 3))
    found = [hit.event for page in pages for group in page.groups for hit in group.hits]
    assert len(found) == len(set(found)), text
    if pages[-1].next is None:
        assert sorted(found) == sorted(expected), text
        assert (pages[-1].total, pages[-1].total_is_exact) == (len(expected), True), text
    else:
        assert set(found) == set(expected[: len(found)]), text
    for page in pages:
        assert page.total <= len(expected), text
        assert not page.total_is_exact or page.total == len(expected), text
    return len(expected)
