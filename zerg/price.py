"""What a message cost at the list prices of the API, in micro-dollars.

The table is of 2026-11-23, from https://platform.claude.com/docs/en/about-claude/pricing. It is an estimate of value, not a
bill: subscriptions, batch and fast mode, tools that cost by use and regional surcharges are not in a transcript.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from zerg.events import Usage


class Price(NamedTuple):
    """US dollars per million tokens."""

    input: float
    output: float
    cache_read: float
    cache_write_5m: float
    cache_write_1h: float
    since: str = ""  # YYYY-MM-DD UTC; "": from the beginning
    over: int = 0  # tokens; for messages with more input than this, what is read from and written to the cache included


_OPUS_3 = (Price(15, 75, 1.5, 18.75, 30),)
_OPUS_4_5 = (Price(5, 25, 0.5, 6.25, 10),)
_SONNET_3 = (Price(3, 15, 0.3, 3.75, 6),)
_SONNET_4 = (*_SONNET_3, Price(6, 22.5, 0.6, 7.5, 12, over=200_000))
_FABLE_5 = (Price(10, 50, 1, 12.5, 20),)
_FABLE_5_1 = (Price(10, 50, 0.25, 12.5, 20),)

PRICES: Mapping[str, tuple[Price, ...]] = {
    "claude-fable-5-1": _FABLE_5_1,
    "claude-mythos-5-1": _FABLE_5_1,
    "claude-fable-5": _FABLE_5,
    "claude-mythos-5": _FABLE_5,
    "claude-opus-5-5": (Price(4, 20, 0.2, 5, 8),),
    "claude-opus-5": _OPUS_4_5,
    "claude-opus-4-8": _OPUS_4_5,
    "claude-opus-4-7": _OPUS_4_5,
    "claude-opus-4-6": _OPUS_4_5,
    "claude-opus-4-5": _OPUS_4_5,
    "claude-opus-4-1": _OPUS_3,
    "claude-opus-4": _OPUS_3,
    "claude-3-opus": _OPUS_3,
    "claude-sonnet-5-5": (Price(2, 10, 0.2, 2.5, 4), Price(2, 10, 0.1, 2.5, 4, since="2026-10-07")),
    "claude-sonnet-5": (Price(2, 10, 0.2, 2.5, 4),),
    "claude-sonnet-4-6": _SONNET_3,
    "claude-sonnet-4-5": _SONNET_4,
    "claude-sonnet-4": _SONNET_4,
    "claude-3-7-sonnet": _SONNET_3,
    "claude-3-5-sonnet": _SONNET_3,
    "claude-3-sonnet": _SONNET_3,
    "claude-haiku-5-5": (Price(0.1, 0.5, 0.01, 0.125, 0.2), Price(0.5, 2.5, 0.05, 0.625, 1, over=100_000)),
    "claude-haiku-4-5": (Price(1, 5, 0.1, 1.25, 2),),
    "claude-3-5-haiku": (Price(0.8, 4, 0.08, 1, 1.6),),
    "claude-3-haiku": (Price(0.25, 1.25, 0.03, 0.3, 0.5),),
}

_NAME = re.compile(r"claude-[a-z0-9.-]+")
_SUFFIX = re.compile(r"-(?:\d{8}|latest|thinking|v\d+|0$).*")  # a snapshot's date; the words of other vendors


def cost(usage: Usage, at: int | None) -> int | None:
    """Micro-dollars that a message of `at` (milliseconds since 1970 UTC; None: now) cost; None for a model without a price."""
    prices = PRICES.get(family(usage.model))
    if not prices:
        return None
    size = usage.input + usage.cache_read + usage.cache_write_5m + usage.cache_write_1h
    day = "9999" if at is None else _day(at // 86_400_000)
    valid = [price for price in prices if price.since <= day and (size > price.over or not price.over)]
    return _microdollars(usage, max(valid, key=lambda price: (price.since, price.over)))


@lru_cache(maxsize=256)
def family(model: str) -> str:
    """The name that a model has in the table: without its date, vendor prefix and spelling ("" if it is no Claude)."""
    found = _NAME.search(model.lower())
    return _SUFFIX.sub("", found[0].replace(".", "-")) if found else ""


@lru_cache(maxsize=256)
def _day(days: int) -> str:
    try:
        return datetime.fromtimestamp(days * 86_400, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):  # no such year
        return ""


def _microdollars(usage: Usage, price: Price) -> int:
    """A dollar per million tokens is a micro-dollar per token; in thousandths, so that all of it is whole numbers."""
    parts = zip(usage[2:7], price[:5], strict=True)
    return (sum(tokens * round(rate * 1000) for tokens, rate in parts) + 500) // 1000
