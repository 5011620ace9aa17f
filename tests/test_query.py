"""The query language: what is understood, and that nothing is an error."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zerg.errors import BadRequest
from zerg.search.query import (
    CHOICES,
    DEPTH,
    FIELDS,
    LIMIT,
    SYNTAX,
    And,
    Field,
    Node,
    Not,
    Or,
    Term,
    checked,
    moment,
    parse,
    unparse,
)

NOW = datetime(2026, 2, 10, 15, 30, tzinfo=UTC)

pieces = st.sampled_from(
    [*'()"-* :\0', "OR", " OR ", "AND", "-(", '"a b"', "foo_bar(", "conf*", "kind:tool", "is:error", "after:2w", "x:y", "検索"]
)
mixtures = st.lists(pieces, max_size=25)
queries = st.text(st.characters(), max_size=60) | mixtures.map("".join) | mixtures.map(" ".join)


def words(*texts: str) -> And:
    return And(tuple(map(Term, texts)))


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("", None),
        (" \t\n", None),
        ("retry", Term("retry")),
        ("naïve retry", words("naïve", "retry")),
        ('"exit code 1"', Term("exit code 1")),
        ('"say ""hi"""', Term('say "hi"')),
        ('"exit   co"*', Term("exit co", True)),
        ("conf*", Term("conf", True)),
        ("**bold**", Term("**bold**")),
        ("src/*", Term("src/*")),
        ("timeout -test", And((Term("timeout"), Not(Term("test"))))),
        ("--no-verify", Term("--no-verify")),
        ("a - b", words("a", "-", "b")),
        ("-> -", words("->", "-")),
        ('-"a b"', Not(Term("a b"))),
        ("-(a b)", Not(words("a", "b"))),
        ("a b OR c", Or((words("a", "b"), Term("c")))),
        ("a (b OR c)", And((Term("a"), Or((Term("b"), Term("c")))))),
        ("(a b) c", words("a", "b", "c")),
        ("a or b", words("a", "or", "b")),
        ("OR a", words("OR", "a")),
        ("a OR", words("a", "OR")),
        ("a OR OR b", Or((words("a", "OR"), Term("b")))),
        ("foo_bar(", Term("foo_bar(")),
        ("foo()", Term("foo()")),
        ("(foo() OR bar)", Or((Term("foo()"), Term("bar")))),
        ("(foo", Term("(foo")),
        ("foo)", Term("foo)")),
        ("()", Term("()")),
        ("( )", None),
        ("(a (b)", words("(a", "b")),
        ("C:\\Users\\x", Term("C:\\Users\\x")),
        ("src/db.py:120", Term("src/db.py:120")),
        ('5" disk', words('5"', "disk")),
        ("project:zerg", Field("project", "zerg")),
        ('Project:"my own"', Field("project", "my own")),
        ("tool:mcp*", Field("tool", "mcp", True)),
        ("-is:ERROR", Not(Field("is", "error"))),
        ("(kind:tool)", Field("kind", "tool")),
        ("after:2026-02-05 x", And((Field("after", "2026-02-05"), Term("x")))),
        ("path:C:\\x\\y.py", Field("path", "C:\\x\\y.py")),
        ("project: x", words("project:", "x")),
        ("http://localhost:8080", Term("http://localhost:8080")),
    ],
)
def test_parse(text: str, node: Node | None) -> None:
    query = parse(text, NOW)
    assert query.node == node
    assert query.hints == ()


@pytest.mark.parametrize(
    ("text", "node", "hint"),
    [
        ('say "exit code', And((Term("say"), Term("exit code"))), "quotes are not closed"),
        ("projekt:x", Term("projekt:x"), "did you mean “project:”?"),
        ("colour:red", Term("colour:red"), "“colour:” is no field"),
        ("is:broken", Term("is:broken"), "“is:” knows error, live, subagent"),
        ("after:soon", Term("after:soon"), "“soon” is no date"),
        ("after:2026-02-31", Term("after:2026-02-31"), "“2026-02-31” is no date"),
        ("a -OR b", And((Term("a"), Not(Term("OR")), Term("b"))), 'quote it: "-OR"'),
        ("rm -rf", And((Term("rm"), Not(Term("rf")))), 'quote it: "-rf"'),
        ("a AND b", words("a", "AND", "b"), "joined by AND anyway"),
        ("NOT b", words("NOT", "b"), "excludes it"),
    ],
)
def test_what_is_not_understood_is_text_and_a_hint_says_so(text: str, node: Node, hint: str) -> None:
    query = parse(text, NOW)
    assert query.node == node
    assert hint in query.hints[0]


@given(queries)
@example("(" * 5000)
@example("(a " * 500 + ")" * 500)
@example('"' * 5001)
@example("-" * 5000)
@example("is:" * 2000)
@example('is:"a')
@example("-(-(-(a)))")
def test_any_text_is_a_query_that_says_the_same_when_printed(text: str) -> None:
    query = parse(text, NOW)
    printed = str(query)
    assert parse(printed, NOW).node == query.node
    assert depth(query.node) <= 2 * DEPTH + 2


def depth(node: Node | None) -> int:
    match node:
        case Not(inner):
            return 1 + depth(inner)
        case And(nodes) | Or(nodes):
            return 1 + max(map(depth, nodes))
        case _:
            return 1


def test_only_the_size_of_a_query_is_refused() -> None:
    assert checked("x" * LIMIT) == "x" * LIMIT
    with pytest.raises(BadRequest, match=r"4,097 characters"):
        checked("x" * (LIMIT + 1))


@pytest.mark.parametrize(
    ("value", "zone", "expected"),
    [
        ("2026-02-05", "UTC", "2026-02-05T00:00+00:00"),
        ("2026-2-5", "UTC", "2026-02-05T00:00+00:00"),
        ("2026-02", "UTC", "2026-02-01T00:00+00:00"),
        ("2026", "UTC", "2026-01-01T00:00+00:00"),
        ("today", "UTC", "2026-02-10T00:00+00:00"),
        ("Yesterday", "UTC", "2026-02-09T00:00+00:00"),
        ("2w", "UTC", "2026-01-27T15:30+00:00"),
        ("36h", "UTC", "2026-02-09T03:30+00:00"),
        ("2026-02-05", "Asia/Tokyo", "2026-02-05T00:00+09:00"),
        ("today", "Asia/Tokyo", "2026-02-11T00:00+09:00"),
        ("2025-07-01", "Europe/Berlin", "2025-07-01T00:00+02:00"),  # summer time, seen from winter
    ],
)
def test_dates(value: str, zone: str, expected: str) -> None:
    assert moment(value, NOW.astimezone(ZoneInfo(zone))) == int(datetime.fromisoformat(expected).timestamp() * 1000)


@pytest.mark.parametrize("value", ["", "soon", "2026-13", "2026-02-30", "0000", "99999y", "٢w", "1x", "-1d"])
def test_no_dates(value: str) -> None:
    assert moment(value, NOW) is None


def test_the_help_is_true() -> None:
    for name, row in FIELDS.items():
        assert row.form == f"{name}:"
        assert isinstance(parse(row.example, NOW).node, Field)
    for row in SYNTAX:
        assert parse(row.example, NOW).hints == ()
    for name, choices in CHOICES.items():
        for choice in choices:
            node = parse(f"{name}:{choice}", NOW).node
            assert node == Field(name, choice)
            assert unparse(node) == f"{name}:{choice}"
