"""Charts as inline SVG: bars along time, every bar a link to its days; shares; the hours of a week."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from typing import NamedTuple

from zerg.render.html import Html, join, tag, text
from zerg.render.moment import short_date
from zerg.render.quantity import plural

LEAST = 45  # days
BARS = 120  # at most; a longer range is drawn in weeks, then in months
WIDTH, HEIGHT = 10, 60  # of a bar with its gap, of the drawing
EDGE = 2  # height of a bar of nothing
CELL, LEFT = 16, 34  # of an hour, of what names the days
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Bar(NamedTuple):
    """One bar: the days from `first` to `last`, both included."""

    first: date
    last: date
    value: int


def bars(activity: Iterable[tuple[date, int]], least: int = LEAST) -> tuple[str, list[Bar]]:
    """What a bar stands for ("day", "week", "month"), and the bars without gaps, oldest first.

    They reach back `least` days at the least: three bars over the whole width would say nothing.
    """
    counts = Counter[date]()
    for day, number in activity:
        counts[day] += number
    if not counts:
        return "day", []
    unit, edges, following = _scale(min(*counts, max(counts) - timedelta(days=least - 1)), max(counts))
    values = [0] * len(edges)
    for day, number in counts.items():
        values[bisect_right(edges, day) - 1] += number
    ends = (following(edge) - timedelta(days=1) for edge in edges)
    return unit, [Bar(*bar) for bar in zip(edges, ends, values, strict=True)]


def sessions(number: int) -> str:
    """1 session, 12 sessions"""
    return plural(number, "session")


def svg(found: list[Bar], address: Callable[[Bar], str], say: Callable[[int], str] = sessions) -> Html:
    """The bars. `say` words their values. Heights grow with the root of the count: a busy day does not flatten the others."""
    most = max((bar.value for bar in found), default=0) or 1
    drawn = join(
        _bar(position, bar, (bar.value / most) ** 0.5, address(bar), say(bar.value)) for position, bar in enumerate(found)
    )
    return tag("svg", drawn, viewBox=f"0 0 {max(len(found), 1) * WIDTH} {HEIGHT}", preserveAspectRatio="none", class_="bars")


def share(value: int, most: int) -> Html:
    """A bar beside a number, `most` being the longest."""
    bar = tag("rect", width=f"{100 * value / most:.1f}" if most else 0, height=8)
    return tag("svg", bar, viewBox="0 0 100 8", preserveAspectRatio="none", class_="share", aria_hidden="true")


def week(counts: Mapping[tuple[int, int], int]) -> Html:
    """The hours of a week, darker where more happened. `counts` by (weekday, hour), Monday being 0."""
    most = max(counts.values(), default=0)
    cells = (_cell(day, hour, counts.get((day, hour), 0), most) for day in range(7) for hour in range(24))
    days = (tag("text", text(name), x=0, y=day * CELL + 11) for day, name in enumerate(DAYS))
    hours = (tag("text", text(f"{hour:02d}"), x=LEFT + hour * CELL, y=7 * CELL + 11) for hour in range(0, 24, 3))
    drawn = join((*cells, *days, *hours))
    size = f"0 0 {LEFT + 24 * CELL} {7 * CELL + 14}"
    return tag("svg", drawn, viewBox=size, class_="week", role="img", aria_label="Sessions by weekday and hour")


def _cell(day: int, hour: int, value: int, most: int) -> Html:
    said = tag("title", text(f"{DAYS[day]} {hour:02d}:00: {sessions(value)}"))
    shade = round((value / most) ** 0.5, 2) if value else None
    place = {"x": LEFT + hour * CELL, "y": day * CELL, "width": CELL - 2, "height": CELL - 2, "rx": 2}
    return tag("rect", said, **place, fill_opacity=None if shade is None else str(shade), class_=None if value else "off")


def _bar(position: int, bar: Bar, share: float, address: str, value: str) -> Html:
    height = round(EDGE + (HEIGHT - EDGE) * share) if bar.value else EDGE
    span = short_date(bar.first) if bar.first == bar.last else f"{short_date(bar.first)} to {short_date(bar.last)}"
    said = f"{span}: {value}"
    left = position * WIDTH
    shape = tag("rect", x=left + 1, y=HEIGHT - height, width=WIDTH - 2, height=height, class_=None if bar.value else "off")
    if not bar.value:
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
