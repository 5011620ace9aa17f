"""What messages cost."""

from __future__ import annotations

import pytest

from zerg.events import Usage
from zerg.price import PRICES, cost, family

OCTOBER_1 = 1_790_812_800_000  # 2026-10-01
OCTOBER_7 = OCTOBER_1 + 6 * 86_400_000


def usage(model: str, input: int = 0, output: int = 0, read: int = 0, write_5m: int = 0, write_1h: int = 0) -> Usage:
    return Usage("msg_01", model, input, output, read, write_5m, write_1h)


def test_each_sort_of_token_has_its_own_price() -> None:
    assert cost(usage("claude-opus-4-6", input=1_000_000, output=10, read=1_000, write_5m=100, write_1h=7), None) == (
        5_000_000 + 250 + 500 + 625 + 70
    )


def test_fractions_of_a_micro_dollar_are_rounded_once() -> None:
    assert cost(usage("claude-sonnet-4-6", read=1), None) == 0  # 0.3
    assert cost(usage("claude-sonnet-4-6", read=5), None) == 2  # 1.5
    assert cost(usage("claude-sonnet-4-6", read=3, write_5m=1), None) == 5  # 0.9 + 3.75


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("claude-opus-4-6", "claude-opus-4-6"),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("claude-sonnet-4-20250514", "claude-sonnet-4"),
        ("claude-3-5-haiku-20241022", "claude-3-5-haiku"),
        ("claude-3-7-sonnet-latest", "claude-3-7-sonnet"),
        ("claude-opus-4-0", "claude-opus-4"),
        ("claude-opus-4-7[1m]", "claude-opus-4-7"),
        ("anthropic/claude-opus-4.5", "claude-opus-4-5"),
        ("claude-opus-4-5@20251101", "claude-opus-4-5"),
        ("eu.anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5"),
    ],
)
def test_a_model_has_one_name(model: str, name: str) -> None:
    assert family(model) == name
    assert name in PRICES


@pytest.mark.parametrize("model", ["", "glm-5", "<synthetic>", "claude-opus-9", "gpt-5"])
def test_an_unknown_model_has_no_price(model: str) -> None:
    assert cost(usage(model, input=1_000), None) is None


def test_a_price_changes_on_its_day() -> None:
    assert cost(usage("claude-sonnet-5-5", read=1_000), OCTOBER_7 - 1) == 200
    assert cost(usage("claude-sonnet-5-5", read=1_000), OCTOBER_7) == 100
    assert cost(usage("claude-sonnet-5-5", read=1_000), None) == 100


def test_long_messages_cost_more_where_the_list_says_so() -> None:
    assert cost(usage("claude-sonnet-4-5", input=100, output=10, read=199_900), None) == 300 + 150 + 59_970
    assert cost(usage("claude-sonnet-4-5", input=101, output=10, read=199_900), None) == 606 + 225 + 119_940
    assert cost(usage("claude-opus-4-6", read=900_000), None) == 450_000


@pytest.mark.parametrize("at", [-(10**18), -1, 0, 10**18])
def test_any_time_is_taken(at: int) -> None:
    assert cost(usage("claude-haiku-4-5", output=2), at) == 10


def test_every_model_has_a_price_from_the_beginning() -> None:
    for name, prices in PRICES.items():
        assert any(not price.since and not price.over for price in prices), name
        for price in prices:
            assert price.cache_read < price.input < price.cache_write_5m < price.cache_write_1h < price.output, name
