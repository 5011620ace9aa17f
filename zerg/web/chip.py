"""Filters of the Timeline as chips: what is chosen, what could be, and the address of each choice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta, tzinfo
from typing import NamedTuple
from urllib.parse import urlencode

from zerg.store.session import Filter
from zerg.timeline import start_of

NAMES = ("project", "provider", "machine", "model", "branch")
MENU = 60  # values in a menu; rarer ones are found by search


class Asked(NamedTuple):
    """The filter as the address has it. Empty: all."""

    project: str = ""
    provider: str = ""
    machine: str = ""
    model: str = ""
    branch: str = ""
    after: str = ""  # first day, YYYY-MM-DD
    before: str = ""  # last day
    errors: bool = False
    noise: bool = False  # also what is folded

    def filter(self, zone: tzinfo) -> Filter:
        """The same as the store takes it; days begin and end in `zone`."""
        found = Filter(self.project, self.provider, self.machine, self.model, self.branch, errors=self.errors, noise=self.noise)
        if first := _day(self.after):
            found = found._replace(after=start_of(first, zone))
        if last := _day(self.before):
            found = found._replace(before=start_of(last + timedelta(days=1), zone))
        return found


class Chip(NamedTuple):
    """One asked."""

    name: str
    value: str
    remove: str = ""  # address without this filter, where it is on
    options: tuple[tuple[str, int, str], ...] = ()  # value, sessions, address
    address: str = ""  # of a chip that is a plain switch


def asked(query: Mapping[str, str]) -> Asked:
    """The filter that a query string asks for; what it does not know, and days that are none, it leaves out."""
    texts = {name: query.get(name, "")[:500] for name in NAMES}
    days = {name: query.get(name, "") if _day(query.get(name, "")) else "" for name in ("after", "before")}
    return Asked(**texts, **days, errors=query.get("errors") == "1", noise=query.get("noise") == "1")


def address(asked: Asked, **more: str | bool) -> str:
    """The Timeline's address with this filter, changed or extended by `more`."""
    values = {name: value for name, value in (asked._asdict() | more).items() if value}
    query = urlencode({name: "1" if value is True else value for name, value in values.items()})
    return f"/?{query}" if query else "/"


def chips(asked: Asked, found: Mapping[str, Iterable[tuple[str, int]]], folded: int) -> list[Chip]:
    """The chips over the Timeline. A menu of one value says nothing and is left out."""
    shown = [_date(asked)] + [_choice(asked, name, list(found.get(name, ()))) for name in NAMES]
    shown.append(_switch(asked, "errors", "with errors", "with errors"))
    if folded or asked.noise:
        shown.append(_switch(asked, "noise", f"{folded} folded", "folded ones too"))
    return [chip for chip in shown if chip]


def _date(asked: Asked) -> Chip:
    if not asked.after and not asked.before:
        return Chip("date", "any")
    span = f"{asked.after or '…'} to {asked.before or '…'}" if asked.after != asked.before else asked.after
    return Chip("date", span, address(asked, after="", before=""))


def _choice(asked: Asked, name: str, values: list[tuple[str, int]]) -> Chip | None:
    chosen = getattr(asked, name)
    if chosen:
        return Chip(name, chosen, address(asked, **{name: ""}))
    if len(values) < 2:
        return None
    options = tuple((value, count, address(asked, **{name: value})) for value, count in values[:MENU])
    return Chip(name, f"all {len(values)}", options=options)


def _switch(asked: Asked, name: str, off: str, on: str) -> Chip:
    if getattr(asked, name):
        return Chip("", on, address(asked, **{name: False}))
    return Chip("", off, address=address(asked, **{name: True}))


def _day(value: str) -> date | None:
    try:
        found = date.fromisoformat(value)
    except ValueError:
        return None
    return found if 1970 < found.year < 9999 else None
