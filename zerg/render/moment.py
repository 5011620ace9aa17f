"""Times: printed in the server's zone for everybody, inside `<time>` elements that the browser relabels in the viewer's."""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo

from zerg.render.html import NOTHING, Html, tag, text


def at(milliseconds: int, zone: tzinfo) -> datetime:
    """Milliseconds since 1970 UTC as a time in `zone`."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone(zone)


def clock(milliseconds: int | None, zone: tzinfo) -> Html:
    """13:10, with the whole date in its tooltip."""
    return _time(milliseconds, zone, "clock", "%H:%M")


def stamp(milliseconds: int | None, zone: tzinfo) -> Html:
    """2026-01-31 07:15"""
    return _time(milliseconds, zone, "stamp", "%Y-%m-%d %H:%M")


def long_date(day: date) -> str:
    """Saturday, 18 April 2026"""
    return f"{day:%A}, {day.day} {day:%B %Y}"


def short_date(day: date) -> str:
    """18 Apr 2026"""
    return f"{day.day} {day:%b %Y}"


def day_name(day: date, today: date) -> str:
    """Today, Yesterday, or the long date."""
    return {0: "Today", 1: "Yesterday"}.get((today - day).days, long_date(day))


def _time(milliseconds: int | None, zone: tzinfo, style: str, pattern: str) -> Html:
    if milliseconds is None:
        return NOTHING
    here = at(milliseconds, zone)
    iso = f"{here.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"
    return tag("time", text(f"{here:{pattern}}"), datetime=iso, title=f"{here:%Y-%m-%d %H:%M:%S %Z}", data_style=style)
