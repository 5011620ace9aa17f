"""Reading decoded JSON that may have any shape: what is not of the expected type counts as missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_OPAQUE = ("base64", "signature", "encrypted_content", "encrypted_index", "encrypted_stdout")  # keys of what nobody can read


def string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def count(value: Any) -> int:
    """A number of tokens and the like; 0 where it is none that a database could hold."""
    return value if isinstance(value, int) and 0 <= value < 2**53 else 0


def strings(value: Any) -> Iterator[str]:
    """Every string inside `value` that a person could read, in order."""
    if isinstance(value, str):
        if value:
            yield value
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, dict) and value.get("type") != "base64":
        for key, item in value.items():
            if key not in _OPAQUE:
                yield from strings(item)


def pick(value: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """Those of `keys` that `value` has."""
    return {key: value[key] for key in keys if key in value}
