"""The activity chart: how many sessions each day, week or month had, every bar a link to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import NamedTuple

from zerg.render.html import Html, join, tag, text
from zerg.render.moment import short_date
from zerg.render.quantity import plural

BARS = 120  # at most; a longer range is drawn in weeks, then in months
WIDTH, HEIGHT = 10, 60  # of a bar with its gap, of the drawing
EDGE = 2  # height of a bar of nothing


class Bar(NamedTuple):
    """One bar: the days from `first` to `last`, both included."""

    first: date
    last: date
    sessions: int


def bars(activity: Iterable[tuple[date, int]]) -> tuple[str, list[Bar]]:
    """What a bar stands for ("day", "week", "month"), and the bars without gaps, oldest first."""
    counts = Counter[date]()
    for day, number in activity:
        counts[day] += number
    if not counts:
        return "day", []
    unit, edges, following = _scale(min(counts), max(counts))
    found = [Bar(edge, following(edge) - timedelta(days=1), 0) for edge in edges]
    return unit, [bar._replace(sessions=sum(n for day, n in counts.items() if bar.first <= day <= bar.last)) for bar in found]


def svg(found: list[Bar], address: Callable[[Bar], str]) -> Html:
    """The bars as inline SVG. Heights grow with the root of the count: a busy day does not flatten the others."""
    most = max((bar.sessions for bar in found), default=0) or 1
    drawn = join(_bar(position, bar, (bar.sessions / most) ** 0.5, address(bar)) for position, bar in enumerate(found))
    return tag("svg", drawn, viewBox=f"0 0 {max(len(found), 1) * WIDTH} {HEIGHT}", preserveAspectRatio="none", class_="bars")


def _bar(position: int, bar: Bar, share: float, address: str) -> Html:
    height = round(EDGE + (HEIGHT - EDGE) * share) if bar.sessions else EDGE
    span = short_date(bar.first) if bar.first == bar.last else f"{short_date(bar.first)} to {short_date(bar.last)}"
    said = f"{span}: {plural(bar.sessions, 'session')}"
    left = position * WIDTH
    shape = tag("rect", x=left + 1, y=HEIGHT - height, width=WIDTH - 2, height=height, class_=None if bar.sessions else "off")
    if not bar.sessions:
        return shape
    whole = tag("rect", x=left, y=0, width=WIDTH, height=HEIGHT, class_="target")
    days = {"data_first": str(bar.first), "data_last": str(bar.last)}
    return tag("a", tag("title", text(said)), whole, shape, href=address, aria_label=said, **days)


def _scale(first: date, last: date) -> tuple[str, list[date], Callable[[date], date]]:
    """The finest unit that needs no more than BARS bars, where they start, and how to get from one to the next."""
    scales = [(unit, list(_edges(start(first), last, following)), following) for unit, start, following in UNITS]
    return next((scale for scale in scales if len(scale[1]) <= BARS), scales[-1])


def _edges(first: date, last: date, following: Callable[[date], date]) -> Iterable[date]:
    while first <= last:
        yield first
        first = following(first)


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


UNITS: tuple[tuple[str, Callable[[date], date], Callable[[date], date]], ...] = (
    ("day", lambda day: day, lambda day: day + timedelta(days=1)),
    ("week", lambda day: day - timedelta(days=day.weekday()), lambda day: day + timedelta(days=7)),
    ("month", lambda day: day.replace(day=1), _next_month),
)
