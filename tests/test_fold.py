"""Folding: what is equal, what a token is, and the way back to the text."""

from __future__ import annotations

import sqlite3
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zerg.fold import fold, index_text, is_word, origins, tokens

# Lone surrogates included: transcripts contain them.
characters = st.characters() | st.sampled_from("aÀßİﬁ한か\u3099ｶﾞ検💡\u200d\u0301’—→_-. \0\udc00ि")
texts = st.text(characters, max_size=40)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Naïve CAFÉ", "naive cafe"),
        ("nai\u0308ve", "naive"),
        ("Straße", "strasse"),
        ("İstanbul", "istanbul"),
        ("ﬁle", "file"),
        ("ＡＰＩ（１）", "api(1)"),
        ("\u1112\u1161\u11ab\u1100\u116e\u11a8", "한국"),  # decomposed, as macOS spells file names
        ("ｶﾞ", "ガ"),
        ("カ", "カ"),
        ("don’t “do” a—b", 'don\'t "do" a-b'),
        ("soft\u00adware\ufeff", "software"),
        ("Claude™", "claude "),
        ("foo_bar(", "foo_bar("),
        ("\udc00", "\ufffd"),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_folding_every_character_twice_changes_nothing() -> None:
    assert [code for code in range(sys.maxunicode + 1) if fold(fold(chr(code))) != fold(chr(code))] == []


@given(texts)
def test_folding_a_text_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("foo_bar(src/db.py:120)", ["foo", "bar", "src", "db", "py", "120"]),
        ("gen検索gen", ["gen", "検", "索", "gen"]),
        ("한국어 カタ ไทย", ["한", "국", "어", "カ", "タ", "ไ", "ท", "ย"]),
        ("𠮷野", ["𠮷", "野"]),
        ("✓ok→🚀", ["✓", "ok", "🚀"]),
        ("Ünïcode Ελλάδα привет", ["unicode", "ελλαδα", "привет"]),
        ("हिन्दी", ["हनद"]),
        ("\0 \udc00 __ --", []),
    ],
)
def test_tokens(text: str, found: list[str]) -> None:
    assert tokens(text) == found


@given(texts)
def test_tokens_are_those_of_the_folded_text(text: str) -> None:
    assert tokens(text) == tokens(fold(text))


@given(texts)
@example("検\0索 foo_bar ÀB9 Ⅷ ½ \udfff")
def test_sqlite_cuts_the_indexed_text_into_the_same_tokens(text: str) -> None:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE fts USING fts5(text, content='', tokenize='ascii')")
    database.execute("CREATE VIRTUAL TABLE terms USING fts5vocab(fts, instance)")
    database.execute("INSERT INTO fts (rowid, text) VALUES (1, ?)", (index_text(text),))
    assert [term for (term,) in database.execute('SELECT term FROM terms ORDER BY "offset"')] == tokens(text)
    database.close()


@given(texts)
def test_origins_follow_the_folded_text(text: str) -> None:
    found = origins(text)
    assert len(found) == len(fold(text)) + 1
    assert list(found) == sorted(found)
    assert found[-1] == len(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("abc", [0, 1, 2, 3]),
        ("aße", [0, 1, 1, 2, 3]),
        ("e\u0301a", [0, 2, 3]),
        ("ｶﾞa", [0, 2, 3]),
        ("\u1112\u1161\u11ab!", [0, 3, 4]),
    ],
)
def test_origins(text: str, expected: list[int]) -> None:
    assert list(origins(text)) == expected


def test_where_tokens_end() -> None:
    assert [is_word(character) for character in "a9é_- 検ガ한✓"] == [True] * 3 + [False] * 7
