"""The page of statistics: what was done when, with what, and what it cost. Every bar leads to the sessions it stands for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, NamedTuple

from zerg.render import chart, label, moment
from zerg.render.html import Html
from zerg.render.quantity import count, money, plural, short
from zerg.store import Store, statistic
from zerg.store.event import floor_of
from zerg.store.statistic import Sum
from zerg.timeline import start_of
from zerg.web import chip, result
from zerg.web.chip import Asked

SPANS = (("30 days", 30), ("90 days", 90), ("a year", 365), ("ever", 0))
ROWS = 12  # of a table

Start = tuple[datetime, int, int]  # when a session began, its cost in micro-dollars, 1 where it stands by itself


class Line(NamedTuple):
    """A row of a table."""

    name: str
    address: str
    share: Html
    cells: tuple[str, ...]
    bad: bool = False


class Table(NamedTuple):
    """A ranking."""

    title: str
    heads: tuple[str, ...]
    lines: list[Line]
    note: str = ""


class Plot(NamedTuple):
    """Bars along time."""

    title: str
    bars: Html
    first: str
    last: str


def values(store: Store, days: int, today: date, zone: tzinfo) -> dict[str, Any]:
    """What the page shows of the last `days` days; 0: of all."""
    first = today - timedelta(days=days - 1) if days else None
    after = start_of(first, zone) if first else 0
    asked = Asked(after=str(first) if first else "")
    starts = [(moment.at(at, zone), cost, top) for at, cost, top in statistic.starts(store, after)]
    return {
        "spans": [(name, f"/stats?days={length}" if length else "/stats", length == days) for name, length in SPANS],
        "numbers": numbers(store, after),
        "plots": plots(starts),
        "week": chart.week(hours(starts)),
        "tables": [
            ranking("Projects", statistic.projects(store, after), lambda name: chip.address(asked._replace(project=name))),
            ranking("Models", statistic.models(store, after), lambda name: chip.address(asked._replace(model=name)), label.model),
            tools(store, after),
        ],
    }


def numbers(store: Store, after: int) -> list[tuple[str, str]]:
    """The sums, each with its name."""
    total, used = statistic.total(store, after), statistic.used(store, after)
    found = [
        ("sessions", count(total.sessions)),
        ("prompts", count(total.prompts)),
        ("tool calls", count(total.tool_calls)),
        ("errors", count(total.errors)),
        ("cost", money(total.cost)),
        ("tokens in", short(used.input + used.cache_read + used.cache_write)),
        ("of them from cache", short(used.cache_read)),
        ("tokens out", short(used.output)),
    ]
    return found + ([("messages without a price", count(used.unpriced))] if used.unpriced else [])


def plots(starts: list[Start]) -> list[Plot]:
    """Sessions and cost along time."""
    days = [(at.date(), cost, top) for at, cost, top in starts]
    return [
        plot("Sessions", ((day, top) for day, _, top in days), chart.sessions),
        plot("Cost", ((day, cost) for day, cost, _ in days), money),
    ]


def plot(name: str, series: Iterable[tuple[date, int]], say: Callable[[int], str]) -> Plot:
    """Bars of one quantity."""
    unit, bars = chart.bars(series)
    drawn = chart.svg(bars, lambda bar: chip.address(Asked(after=str(bar.first), before=str(bar.last))), say)
    first, last = (moment.short_date(bars[0].first), moment.short_date(bars[-1].last)) if bars else ("", "")
    return Plot(f"{name} per {unit}", drawn, first, last)


def hours(starts: list[Start]) -> Counter[tuple[int, int]]:
    """How many sessions began in each hour of the week."""
    return Counter((at.weekday(), at.hour) for at, _, top in starts if top)


def ranking(title: str, sums: list[Sum], address: Callable[[str], str], shown: Callable[[str], str] = str) -> Table:
    """A table of sums, the first ROWS of them."""
    most = max((each.sessions for each in sums), default=0)
    lines = [
        Line(
            shown(each.name),
            address(each.name),
            chart.share(each.sessions, most),
            (count(each.sessions), count(each.prompts), count(each.tool_calls), money(each.cost)),
        )
        for each in sums[:ROWS]
    ]
    return Table(title, ("sessions", "prompts", "tools", "cost"), lines, rest(len(sums)))


def tools(store: Store, after: int) -> Table:
    """The tools and how often they failed."""
    found = statistic.tools(store, floor_of(after / 1000))
    most = max((tool.calls for tool in found), default=0)
    lines = [
        Line(
            tool.name,
            result.address(f'tool:"{tool.name}"'),
            chart.share(tool.calls, most),
            (count(tool.calls), count(tool.errors), f"{100 * tool.errors / tool.calls:.0f} %"),
            tool.errors * 10 >= tool.calls,
        )
        for tool in found[:ROWS]
    ]
    return Table("Tools", ("calls", "errors", "failed"), lines, rest(len(found)))


def rest(number: int) -> str:
    """What a table leaves out."""
    return f"and {plural(number - ROWS, 'other')}" if number > ROWS else ""
