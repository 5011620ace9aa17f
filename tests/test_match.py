"""What "contains" means, that the index never misses what is contained, and what is shown of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zerg.fold import fold, index_text
from zerg.search.match import Subject, candidates, judge, matches, spans
from zerg.search.query import DEPTH, Field, parse
from zerg.search.snippet import snippet

NOW = datetime(2026, 2, 10, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("bar", "foo_bar(x)"),
        ("foo_bar(", "call foo_bar(x)"),
        ("--no-verify", "git commit --no-verify -m x"),
        ("C:\\Users\\x", "at C:\\Users\\x\\.claude"),
        ("src/db.py:120", 'File "src/db.py:120"'),
        ('"exit code 1"', "Exit  code\n1."),
        ("naive", "naïve"),
        ("naïve", "NAI\u0308VE"),
        ("検索", "全文検索エンジン"),
        ("索", "全文検索エンジン"),
        ("検索gen", "検索gen"),
        ("gen", "検索gen検索"),
        ("한국", "대한국민"),
        ("サーバ", "サーバー"),
        ("conf*", "configuration"),
        ('"exit co"*', "exit code"),
        ("don't", "don’t"),
        ("a OR b", "b"),
        ("a -b", "a"),
        ("-b", ""),
        ("(a OR b) -(c d)", "b c"),
        ("", "anything"),
        ("\u0301", "anything"),  # folds to nothing
        ("✓", "all ✓✓ done"),
        ("strasse", "Straße"),
    ],
)
def test_contained(query: str, text: str) -> None:
    assert matches(parse(query, NOW), text)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("bar", "foobar"),
        ("foo", "foobar"),
        ("foo_bar(", "foo_bar (x)"),
        ("foo_bar(", "xfoo_bar("),
        ('"exit code 1"', "exit code 10"),
        ('"exit code 1"', "exit code: 1"),
        ("検索", "検 索"),
        ("カ", "ガ"),
        ('"conf"', "configuration"),
        ("a b", "a"),
        ("-a", "a"),
        ("a (b OR c)", "a d"),
    ],
)
def test_not_contained(query: str, text: str) -> None:
    assert not matches(parse(query, NOW), text)


BASH = Subject(
    kind="tool_call",
    tool="Bash",
    error=True,
    image=True,
    model="claude-opus-4-5",
    at=int(datetime(2026, 2, 9, 12, tzinfo=UTC).timestamp() * 1000),
    session="1f0c9a2e-0000",
    project="/home/u/work/zerg",
    provider="claude",
    machine="laptop.local",
    branch="feature/search",
    subagent=True,
    paths=("/home/u/src/db.py",),
)


@pytest.mark.parametrize(
    "query",
    [
        *("kind:tool", "kind:tool_call", "tool:bash", "tool:BA*", "is:error", "-is:live", "is:subagent", "has:image"),
        *("model:opus", "project:work", "project:work/zer*", "provider:claude", "machine:laptop", "branch:feature"),
        *("session:1F0C", "path:src/db.py"),
        *("tool:bash error", "is:subagent OR is:error", "tool:x OR kind:tool"),
    ],
)
def test_fields(query: str) -> None:
    assert matches(parse(query, NOW), "An error", BASH)
    assert not matches(parse(f"-({query})", NOW), "An error", BASH)
    assert not matches(parse(query, NOW), "An error", Subject(kind="answer", live=True))


@pytest.mark.parametrize("query", ["after:2026-02-09", "before:2026-02-10", "after:2d", "-after:today", "after:3d before:1d"])
def test_dates_are_half_open(query: str) -> None:
    assert matches(parse(query, NOW), "", BASH, NOW)


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("tool:bash", True),
        ("tool:read x", False),
        ("tool:bash x", None),
        ("tool:bash OR x", True),
        ("-x", None),
        ("-(tool:read x)", True),
        ("path:x", None),
    ],
)
def test_without_the_text_an_answer_may_be_unknown(query: str, answer: bool | None) -> None:
    assert judge(parse(query, NOW), NOW)(Subject(tool="Bash")) is answer


alphabet = st.sampled_from("ab_-(. \n検索が\u3099é\u0301e✓ß→1")
texts = st.text(alphabet, max_size=30)
operators = st.sampled_from(["OR", "-a", "a*", '"a b"', "(", ")", "-(a b)", "-é"])
queries = st.lists(st.text(alphabet, min_size=1, max_size=8) | operators, max_size=6)


@given(texts, queries)
@example("a、検、索", ["検索"])
@example("", ["-a"])
def test_the_index_never_misses_a_match(text: str, words: list[str]) -> None:
    query = parse(" ".join(words), NOW)
    found = candidates(query)
    if found is None:
        return
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE VIRTUAL TABLE fts USING fts5(text, scope, content='', tokenize='ascii')")
        database.execute("INSERT INTO fts (rowid, text, scope) VALUES (1, ?, 's1')", (index_text(text),))
        proposed = bool(database.execute("SELECT rowid FROM fts WHERE fts MATCH ?", (found.expression,)).fetchall())
    contained = matches(query, text)
    assert proposed or not contained
    if found.exact:
        assert proposed == contained


def test_what_the_index_is_asked() -> None:
    def asked(query: str) -> tuple[str, bool] | None:
        return candidates(parse(query, NOW), lambda field: ["e"] if field == Field("is", "error") else None)

    assert asked("retry") == ('text : "retry"', True)
    assert asked("Foo_bar(") == ('text : "foo bar"', False)
    assert asked("conf*") == ('text : "conf"*', True)
    assert asked("a is:error") == ('(text : "a") AND (scope : ("e"))', True)
    assert asked("a model:x") == ('(text : "a")', False)
    assert asked("a OR model:x") is None
    assert asked("a -b") == ('((text : "a")) NOT ((text : "b"))', True)
    assert asked("a -b.c") == ('(text : "a")', False)
    assert asked("-a") is None
    assert asked("->") is None


def test_sqlite_takes_the_deepest_query() -> None:
    query = parse("(a OR -(b " * (DEPTH // 2) + "c" + "))" * (DEPTH // 2) + " d" * 500, NOW)
    found = candidates(query)
    assert found
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE VIRTUAL TABLE fts USING fts5(text, scope, content='', tokenize='ascii')")
        assert database.execute("SELECT rowid FROM fts WHERE fts MATCH ?", (found.expression,)).fetchall() == []


@pytest.mark.parametrize(
    ("query", "text", "marked"),
    [
        ("foo", "Foo foobar foo_x", ["Foo", "foo"]),
        ("conf*", "the configuration", ["configuration"]),
        ("naive", "so nai\u0308ve.", ["nai\u0308ve"]),
        ("strasse", "Die Straße", ["Straße"]),
        ("検索", "全文検索と検索", ["検索", "検索"]),
        ('"exit code"', "exit\n  code", ["exit\n  code"]),
        ("a -b", "b a", ["a"]),
        ('foo_bar OR "bar("', "foo_bar(", ["foo_bar("]),
        ("\u0301 x", "x", ["x"]),
        ("ガ", "ｶﾞ", ["ｶﾞ"]),
    ],
)
def test_spans(query: str, text: str, marked: list[str]) -> None:
    assert [text[start:end] for start, end in spans(parse(query, NOW), text)] == marked


@given(texts, queries)
def test_spans_lie_in_the_text_in_order(text: str, words: list[str]) -> None:
    found = spans(parse(" ".join(words), NOW), text)
    edges = [edge for span in found for edge in span]
    assert edges == sorted(edges)
    assert all(0 <= start < end <= len(text) for start, end in found)


def test_a_snippet_shows_where_the_most_terms_are() -> None:
    text = "alpha " + "filler " * 200 + "alpha then\n\tbeta " + "filler " * 200
    segments = snippet(parse("alpha beta", NOW), text)
    assert [segment.text for segment in segments if segment.hit] == ["alpha", "beta"]
    assert segments[0].text == segments[-1].text == "…"
    shown = "".join(segment.text for segment in segments)
    assert "alpha then beta filler" in shown
    assert len(shown) < 300


@pytest.mark.parametrize(("text", "shown"), [("", ""), ("  short\n", "short "), ("a naïve one", "a naïve one")])
def test_a_short_text_is_its_own_snippet(text: str, shown: str) -> None:
    assert "".join(segment.text for segment in snippet(parse("naive", NOW), text)) == shown


@given(st.text(alphabet, max_size=900), queries, st.integers(1, 300))
def test_a_snippet_is_a_piece_of_the_text(text: str, words: list[str], width: int) -> None:
    segments = snippet(parse(" ".join(words), NOW), text, width)
    joined = "".join(segment.text for segment in segments if segment != ("…", False))
    assert " ".join(joined.split()) in " ".join(text.split())
    assert len(joined) <= 2 * width + 60


def test_a_huge_text_of_hits_is_answered_at_once() -> None:
    text = "a" * 50_000 + " a" * 200_000
    query = parse('a "a a" aa* b', NOW)
    assert len(spans(query, text)) <= 3000
    assert not matches(query, fold(text))
    assert len(snippet(query, text)) > 10
