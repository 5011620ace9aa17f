"""Framing of JSON Lines: bytes in, records out.

A line is usually one object. It can also be several objects glued together, an object with a broken rest, not JSON at all,
or white space; each byte belongs to exactly one record, whatever the bytes are. A record starts where its object starts:
white space after an object belongs to it, white space before one is a blank record of its own. So what a record says and
where it starts do not depend on how the file arrived in pieces.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from pydantic_core import from_json

from zerg.events import OVERSIZE, OVERSIZE_TEXT, Record

DEPTH = 200  # of nesting inside an object; not less than what pydantic_core accepts, so that one rule holds for all lines
BLANK = b" \t\r\n\0\xef\xbb\xbf"  # NUL: what a crash leaves in a file; the rest: the UTF-8 byte order mark
_BLANK = re.compile("[ \t\r\n\0\ufeff]*")
_SURROGATE = re.compile("[\ud800-\udfff]")
_DECODER = json.JSONDecoder()


def frame(data: bytes, offset: int, at_end: bool) -> Iterator[Record]:
    """The records of `data`, which starts at byte `offset` of its source; see `zerg.providers.Reader.frame`."""
    start = 0
    while end := data.find(b"\n", start) + 1:
        line = data[start:end]
        value = _whole(line)
        if value is None:
            yield from _line(line, offset + start)
        else:
            yield Record(offset + start, end - start, line, value)
        start = end
    if at_end and start < len(data):
        yield from _unterminated(data[start:], offset + start)


def document(data: bytes) -> dict[str, Any] | None:
    """The one object that `data` is, over however many lines; None if it is something else."""
    text = data.decode("utf-8", "surrogateescape")
    value, end = _object(text, _after_blank(text, 0))
    return value if end == len(text) else None


def oversize(head: bytes, offset: int, length: int) -> Record:
    """The record of a line of `length` bytes, over OVERSIZE, that begins with `head`."""
    return Record(offset, length, head[:OVERSIZE_TEXT], None, oversize=True)


def blank(record: Record) -> bool:
    """Whether a record holds nothing but white space."""
    return record.value is None and not record.data.strip(BLANK)


def _whole(line: bytes) -> dict[str, Any] | None:
    """The object that a line is; None if it is glued, broken, or right only for a more lenient parser."""
    if not line.startswith(b"{") or len(line) > OVERSIZE:
        return None
    try:
        value: dict[str, Any] = from_json(line, cache_strings="keys")
    except ValueError:
        return None
    return value


def _line(data: bytes, offset: int) -> Iterator[Record]:
    """The records of a line that is not simply one object."""
    return iter([oversize(data, offset, len(data))]) if len(data) > OVERSIZE else _pieces(data, offset)


def _unterminated(data: bytes, offset: int) -> Iterator[Record]:
    """The records of a line without an end, if it is whole JSON objects; else it waits for more."""
    if data.startswith(b"{") and len(data) <= OVERSIZE:
        records = list(_pieces(data, offset))
        if all(record.value is not None for record in records):
            yield from records


def _pieces(data: bytes, offset: int) -> Iterator[Record]:
    """The records of a line, object by object."""
    text = data.decode("utf-8", "surrogateescape")  # a character for each bad byte, so that offsets stay exact
    start, end, value = 0, _after_blank(text, 0), None
    while start < len(text):
        if end > start:
            piece = text[start:end].encode("utf-8", "surrogateescape")
            yield Record(offset, len(piece), piece, value)
            offset += len(piece)
        start = end
        value, end = _object(text, start)


def _object(text: str, start: int) -> tuple[dict[str, Any] | None, int]:
    """The object at `start` and the end of the white space behind it; None and the end of the line if there is none."""
    if not text.startswith("{", start):
        return None, len(text)
    try:
        value, end = _DECODER.raw_decode(text, start)
        return _clean(value, DEPTH + 1), _after_blank(text, end)
    except (ValueError, RecursionError):  # the latter: nested deeper than the interpreter can go
        return None, len(text)


def _clean(value: Any, depth: int) -> Any:
    """`value` with U+FFFD for what cannot be encoded as UTF-8: lone surrogates and bad bytes."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if not isinstance(value, (dict, list)):
        return value
    if depth == 0:
        raise ValueError("nested too deeply")
    if isinstance(value, list):
        return [_clean(item, depth - 1) for item in value]
    return {_clean(key, depth): _clean(item, depth - 1) for key, item in value.items()}


def _after_blank(text: str, start: int) -> int:
    found = _BLANK.match(text, start)
    return found.end() if found else start
