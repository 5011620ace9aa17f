"""Tokens of a message: every line of it repeats them, and the last line is right."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from zerg.events import Usage
from zerg.providers.claude.message import SYNTHETIC
from zerg.providers.claude.value import count, mapping, string

_PLACEHOLDERS = ((2, 1, 1), (2, 1, 42))  # first and last version that wrote placeholders as output tokens
_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})\.(\d{1,4})")


def usage_of(value: Mapping[str, Any]) -> Usage | None:
    """What an assistant record says of its message's tokens; None where it says nothing, or no model was asked."""
    body = mapping(value.get("message"))
    name, model, usage = string(body.get("id")), string(body.get("model")), mapping(body.get("usage"))
    if not name or model in ("", SYNTHETIC) or "usage" not in body:
        return None
    request = string(value.get("requestId"))
    written = mapping(usage.get("cache_creation"))
    short, long = count(written.get("ephemeral_5m_input_tokens")), count(written.get("ephemeral_1h_input_tokens"))
    return Usage(
        f"{name}:{request}" if request else name, model,
        input=count(usage.get("input_tokens")),
        output=count(usage.get("output_tokens")),
        cache_read=count(usage.get("cache_read_input_tokens")),
        cache_write_5m=short if short or long else count(usage.get("cache_creation_input_tokens")),
        cache_write_1h=long,
        lower_bound=body.get("stop_reason") is None and _placeholder(string(value.get("version"))),
    )  # fmt: skip


@lru_cache(maxsize=64)
def _placeholder(version: str) -> bool:
    """Whether this version is known to write placeholders for output tokens."""
    found = _VERSION.match(version)
    return found is not None and _PLACEHOLDERS[0] <= tuple(map(int, found.groups())) <= _PLACEHOLDERS[1]
