"""Framing: every byte in one record, whatever the bytes are."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zerg.events import OVERSIZE, OVERSIZE_TEXT, Record
from zerg.providers.jsonl import DEPTH, blank, document, frame

EXAMPLES = int(os.environ.get("ZERG_EXAMPLES", "1000"))
BOM = b"\xef\xbb\xbf"


def records(data: bytes, at_end: bool = True) -> list[Record]:
    return list(frame(data, 0, at_end))


def values(data: bytes, at_end: bool = True) -> list[object]:
    return [record.value for record in records(data, at_end)]


def test_a_line_is_a_record_with_its_end() -> None:
    first, second = records(b'{"a":1}\r\n{"b":2}\n')
    assert first == Record(0, 9, b'{"a":1}\r\n', {"a": 1})
    assert second == Record(9, 8, b'{"b":2}\n', {"b": 2})


def test_offsets_count_from_the_start_of_the_source() -> None:
    assert [record.offset for record in frame(b'{"a":1}\n{"b":2}\n', 100, False)] == [100, 108]


def test_glued_objects_are_records_of_their_own() -> None:
    data = '{"ä":"ö"}{"b":2} {"c":"\\ud83d\\ude00"}\n'.encode()
    first, second, third = records(data)
    assert (first.offset, first.value) == (0, {"ä": "ö"})
    assert (second.offset, second.data, second.value) == (11, b'{"b":2} ', {"b": 2})
    assert (third.offset, third.value) == (19, {"c": "😀"})


def test_offsets_are_exact_behind_bad_utf8() -> None:
    first, second = records(b'{"a":"\xff\xfe\xc3"}{"b":"\xe2\x82"}\n')
    assert first.value == {"a": "\ufffd\ufffd\ufffd"}
    assert (second.offset, second.value) == (11, {"b": "\ufffd\ufffd"})


def test_the_rest_of_a_line_that_is_not_json_is_one_record() -> None:
    first, second = records(b'{"a":1}{"b":tru{"c":3}\n')
    assert first.value == {"a": 1}
    assert (second.offset, second.value, second.data) == (7, None, b'{"b":tru{"c":3}\n')


@pytest.mark.parametrize("line", [b"null\n", b"12\n", b'"text"\n', b"[1,2]\n", b"{]\n", b"\xff\n", b"// a comment\n"])
def test_what_is_no_object_has_no_value(line: bytes) -> None:
    (record,) = records(line)
    assert record.value is None
    assert not blank(record)


@pytest.mark.parametrize("line", [b"\n", b"\r\n", b"  \t\n", BOM + b"\n", b"\0\0\0\n"])
def test_blank_lines_are_records(line: bytes) -> None:
    (record,) = records(line)
    assert record.data == line
    assert blank(record)


@pytest.mark.parametrize("before", [b" ", BOM, b"\0\0", b"\t" + BOM])
def test_a_record_starts_where_its_object_starts(before: bytes) -> None:
    space, found = records(before + b'{"a":1}\n')
    assert blank(space)
    assert (found.offset, found.value) == (len(before), {"a": 1})


def test_lone_surrogates_become_replacement_characters() -> None:
    (record,) = records(b'{"\\ud83d":["\\udc00",{"x":"a\\ud800b"}],"whole":"\\ud83d\\ude00"}\n')
    assert record.value == {"\ufffd": ["\ufffd", {"x": "a\ufffdb"}], "whole": "😀"}


@pytest.mark.parametrize("depth", [DEPTH + 1, 5_000, 200_000])
def test_deep_nesting_is_broken_and_harmless(depth: int) -> None:
    line = b'{"a":' + b"[" * depth + b"]" * depth + b"}"
    assert values(line + b"\n") == [None]
    assert values(b'{"b":1}' + line + b"\n") == [{"b": 1}, None]


def test_nesting_that_one_parser_takes_the_other_takes_too() -> None:
    line = b'{"a":' + b"[" * DEPTH + b"]" * DEPTH + b"}"
    alone, glued = values(line + b"\n"), values(line + line + b"\n")
    assert alone[0] is not None
    assert glued == alone * 2


def test_numbers_out_of_range() -> None:
    value = records(b'{"nan":NaN,"inf":Infinity,"big":1e999}\n')[0].value
    assert value["nan"] != value["nan"]
    assert value["inf"] == value["big"] == float("inf")
    assert values(b'{"a":' + b"9" * 5_000 + b"}\n") == [None]


def test_an_unterminated_line_is_a_record_only_at_the_end_and_whole() -> None:
    assert values(b'{"a":1}\n{"b":2}', at_end=False) == [{"a": 1}]
    assert values(b'{"a":1}\n{"b":2}') == [{"a": 1}, {"b": 2}]
    assert values(b'{"a":1}{"b":2}') == [{"a": 1}, {"b": 2}]
    for torn in (b'{"a":1}{"b":', b'{"a":1} x', b'{"a"', b"12", b' {"a":1}', b"// a comment"):
        assert values(torn) == []


def test_what_follows_on_the_same_line_are_further_records() -> None:
    start, rest = b'{"a":1}', b' {"b":2}\n{"c":3}\n'
    (first,) = frame(start, 0, True)
    later = list(frame(rest, len(start), True))
    assert told([first, *later]) == told(frame(start + rest, 0, True)) == [(0, {"a": 1}), (8, {"b": 2}), (16, {"c": 3})]


def test_an_oversize_line_is_one_record() -> None:
    line = b'{"a":"' + b"x" * OVERSIZE + b'"}\n'
    (record, after) = records(line + b"{}\n")
    assert (record.offset, record.length, record.value, record.oversize) == (0, len(line), None, True)
    assert record.data == line[:OVERSIZE_TEXT]
    assert (after.offset, after.value) == (len(line), {})
    assert records(line[:-1]) == []  # it waits for its end


def test_a_document_may_have_many_lines() -> None:
    assert document(BOM + b'{\n  "a": "\xff"\n}\n') == {"a": "\ufffd"}
    assert document(b'{"a":1}{"b":2}') is document(b'{"a":') is document(b"[]") is document(b"") is None


PIECES = (
    *(b'{"a":1}', b'{"b":"\\ud83d"}', b'{"c":{"d":[null,true,1.5]}}', '{"é":"検索"}'.encode(), b'{"e":"\xff"}', b"{}"),
    *(b"\n", b"\r\n", b" ", b"\t", BOM, b"\0", b"{", b"}", b'"', b"\\", b"[", b"text", b"//", b"\xc3", b"NaN", b"\x85", b"\x0b"),
)
HOSTILE = st.lists(st.sampled_from(PIECES) | st.binary(max_size=3), max_size=24).map(b"".join)


def told(found: Iterator[Record] | list[Record]) -> list[tuple[int, object]]:
    """What records say and where; that is the same however the bytes arrived."""
    return [(record.offset, record.value) for record in found if not blank(record)]


@settings(max_examples=EXAMPLES, deadline=None)
@given(HOSTILE)
def test_records_tile_the_data(data: bytes) -> None:
    end = 0
    for record in frame(data, 0, True):
        assert (record.offset, record.length) == (end, len(record.data))
        assert data[end : end + record.length] == record.data
        end += record.length
    assert b"\n" not in data[end:]


@settings(max_examples=EXAMPLES, deadline=None)
@given(HOSTILE, st.randoms(use_true_random=False))
def test_any_split_tells_the_same(data: bytes, dice: random.Random) -> None:
    """With the end of the file reached at any of the splits; the last line has an end, for else it might wait for more."""
    data += b"\n"
    found: list[Record] = []
    done = seen = 0
    while seen < len(data):
        seen = min(len(data), seen + dice.randint(1, 12))
        for record in frame(data[done:seen], done, dice.random() < 0.5):
            found.append(record)
            done += record.length
    assert told(found) == told(frame(data, 0, True))
