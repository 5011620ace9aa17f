"""The pages for people: Timeline, session, search. Each is a URL, works without JavaScript, and serves its own pieces."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import date, datetime, tzinfo
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlencode

from bottle import Bottle, HTTPResponse, request, response

from zerg import timeline
from zerg.errors import NotFound, ZergError
from zerg.events import Kind
from zerg.render import chart, label, moment
from zerg.render.quantity import DAY
from zerg.search import engine
from zerg.search.query import FIELDS, SYNTAX
from zerg.store import Store, retention, source
from zerg.store.session import Filter, Session
from zerg.web import asset, chip, result, stats
from zerg.web.template import fill

WINDOW = 100  # events of a session at a time
SOON = 7  # days ahead that are worth a warning
FOREVER = 3650  # days: who sets more wants to keep everything
LAG = 5.0  # seconds that counts may lag behind while sessions are being written
FILTERS = 16  # whose counts are kept
HITS = 20  # sessions of a search at a time
ROWS = 100  # sessions of the Timeline at a time
TALK = (Kind.PROMPT, Kind.ANSWER, Kind.COMMAND)
TOOLS = (Kind.TOOL_CALL, Kind.TOOL_RESULT, Kind.OUTPUT)
KINDS = {  # what the switches of a session show
    "talk": TALK,
    "tools": TOOLS,
    "thinking": (Kind.THINKING,),
    "rest": tuple(Kind(kind) for kind in timeline.SHOWN if kind not in TALK + TOOLS + (Kind.THINKING,)),
}


class Import(NamedTuple):
    """An import that is running."""

    done: int  # bytes
    total: int


class Note(NamedTuple):
    """A machine whose agent deletes old sessions."""

    machine: str
    expiring: int  # sessions
    days: int  # that it keeps them
    only_here: int  # sessions of all machines


class Counted(NamedTuple):
    """What chips and chart count over all sessions of a filter: 50 ms for 10,000 of them."""

    at: float  # of the monotonic clock
    changes: int  # of the store
    values: dict[str, list[tuple[str, int]]]
    activity: list[tuple[date, int]]


class DayView(NamedTuple):
    """A day of the Timeline as it is shown."""

    name: str
    sessions: list[Session]
    total: int
    cost: int  # micro-dollars


class Pages:
    """What the pages are made of: the store, the zone that days are counted in, and the import if there is one."""

    def __init__(self, store: Store, zone: tzinfo, importing: Callable[[], Import | None]) -> None:
        self.store = store
        self.zone = zone
        self.importing = importing
        self.counts: OrderedDict[Filter, Counted] = OrderedDict()
        self.noted: tuple[int, list[Note]] = (0, [])

    def home(self) -> str | HTTPResponse:
        """`/`: the Timeline, filtered by `project provider machine model branch after before errors noise`; or a search, `q`."""
        if request.query.get("q"):
            return self.search(request.query.q)
        etag = self.etag()
        if etag == request.get_header("If-None-Match"):
            return unchanged(etag)
        values = self.timeline_values(chip.asked(request.query), request.query.get("cursor", ""))
        values |= {"etag": etag, "poll": request.path + ("?" + request.query_string if request.query_string else "")}
        return self.answer("days" if request.query.get("partial") else "timeline", etag, **values)

    def timeline_values(self, asked: chip.Asked, cursor: str) -> dict[str, Any]:
        """What the Timeline shows."""
        filter = asked.filter(self.zone)
        found = timeline.days(self.store, filter, self.zone, cursor, ROWS)
        counted = self.counted(filter)
        return {
            "title": "zerg",
            "empty": not found.total and not found.folded and not any(asked),
            "filling": self.importing(),
            "chips": chip.chips(asked, counted.values, found.folded),
            "kept": [(name, value) for name, value in asked._asdict().items() if value and name not in ("after", "before")],
            "notes": self.notes(),
            "days": self.day_views(found.days),
            "more": chip.address(asked, cursor=found.next) if found.next else "",
            "machines": len(counted.values["machine"]) > 1,
            **self.activity_values(asked, counted.activity),
            **self.common(),
        }

    def counted(self, filter: Filter) -> Counted:
        """What is counted over all sessions of a filter: kept while nothing changes, and for LAG while something does."""
        now, changes = time.monotonic(), self.store.changes
        found = self.counts.pop(filter, None)
        if found is None or (found.changes != changes and now - found.at > LAG):
            values = timeline.filters(self.store, filter)
            found = Counted(now, changes, values, timeline.activity(self.store, filter, self.zone))
        self.counts[filter] = found
        if len(self.counts) > FILTERS:
            self.counts.popitem(last=False)
        return found

    def activity_values(self, asked: chip.Asked, activity: list[tuple[date, int]]) -> dict[str, Any]:
        """The chart over the Timeline."""
        least = 1 if asked.after or asked.before else chart.LEAST
        unit, bars = chart.bars(activity, least)
        return {
            "chart": chart.svg(bars, lambda bar: chip.address(asked, after=str(bar.first), before=str(bar.last))),
            "first": moment.short_date(bars[0].first) if bars else "",
            "last": moment.short_date(bars[-1].last) if bars else "",
            "unit": unit,
        }

    def day_views(self, days: list[timeline.Day]) -> list[DayView]:
        """The days as they are named today."""
        today = datetime.now(self.zone).date()
        return [DayView(moment.day_name(day.date, today), day.sessions, day.total, day.cost_microdollars) for day in days]

    def session(self, id: str) -> str | HTTPResponse:
        """`/s/{id}`: a session. `at` opens it at an event, `before` and `after` load further, `kind` filters, `q` marks."""
        etag = self.etag()
        if request.query.get("partial") and etag == request.get_header("If-None-Match"):
            return unchanged(etag)
        found = timeline.session(self.store, id)
        values = self.window_values(found, request.query)
        if request.query.get("partial"):
            return self.answer("window", etag, **values)
        return self.answer("session", etag, **values, **self.head_values(found))

    def head_values(self, session: Session) -> dict[str, Any]:
        """What stands above and beside a conversation."""
        return {
            "session": session,
            "parent": self.parent(session),
            "outline": timeline.outline(self.store, session.id, request.query.get("at", "")),
            "subagents": timeline.subagents(self.store, session.id) if session.subagents else [],
            "receipt": receipt(session),
            "resume": label.resume(session),
            "kinds": switches(session.id, shown_kinds(request.query)),
            "q": request.query.get("q", ""),
            "terms": json.dumps(result.terms(request.query.get("q", ""))),
            **self.common(),
        }

    def window_values(self, session: Session, query: Mapping[str, str]) -> dict[str, Any]:
        """A window of a conversation, and the ways on from it."""
        from zerg.render import conversation  # Markdown and Pygments take 60 ms and 8 MB: not before somebody reads a session
        from zerg.render.code import Ink

        chosen = shown_kinds(query)
        kinds = tuple(kind for name in chosen for kind in KINDS[name]) or timeline.SHOWN
        at, before, after = (query.get(name, "") for name in ("at", "before", "after"))
        found = timeline.window(self.store, session.id, at=at, before=before, after=after, limit=WINDOW, kinds=kinds)
        view = conversation.View(session.id, self.zone, found.results, found.agents, Ink(), at, session.cwd)
        way = partial(session_address, session.id, kind=",".join(chosen), q=query.get("q", ""))
        return {
            "blocks": conversation.html(found.entries, view),
            "before": way(before=found.before) if found.before else "",
            "after": way(after=found.after) if found.after else "",
            "tail": way(after=found.entries[-1].id if found.entries else after),
        }

    def parent(self, session: Session) -> Session | None:
        """The session that started a subagent, if it is archived."""
        try:
            return timeline.session(self.store, session.parent_id) if session.parent_id else None
        except NotFound:
            return None

    def text(self, id: str, event: str) -> HTTPResponse:
        """`/s/{id}/text/{event}`: the whole text of an event, for "show all"."""
        _, entry = timeline.entry(self.store, event)
        return HTTPResponse(entry.text.encode("utf-8", "replace"), 200, foreign("text/plain; charset=utf-8"))

    def image(self, id: str, event: str, number: int) -> HTTPResponse:
        """`/s/{id}/image/{event}/{n}`: an image out of the archived record."""
        media_type, data = timeline.image(self.store, event, number)
        return HTTPResponse(data, 200, foreign(media_type) | {"Cache-Control": "private, max-age=31536000, immutable"})

    def search(self, query: str) -> str:
        """`/?q=`: everything that contains what is asked; `sort` is newest or relevance, `cursor` goes on."""
        sort = "relevance" if request.query.get("sort") == "relevance" else "newest"
        cursor = request.query.get("cursor", "")
        asked = f"{query}*" if request.query.get("typing") and query[-1:].isalnum() else query  # its last word goes on
        found = engine.search(self.store, asked, sort=sort, limit=HITS, cursor=cursor, now=datetime.now(self.zone))
        values = {
            "q": query,
            "headline": result.headline(found),
            "took": f"{found.took_ms:.0f} ms",
            "orders": [(name, result.address(query, sort=name), name == sort) for name in engine.SORTS],
            "facets": result.facets(found, query),
            "help": (*SYNTAX, *FIELDS.values()),
            "hints": found.hints,
            "groups": result.groups(found, query),
            "suffix": "?" + urlencode({"q": query}),
            "more": result.address(query, sort=sort, cursor=found.next) if found.next else "",
            "machines": False,
            **self.common(),
        }
        return self.answer("found" if request.query.get("partial") else "results", self.etag(), **values)

    def stats(self) -> str:
        """`/stats`: what was done when; `days` says how far back, 0 or nothing is for ever."""
        asked = request.query.get("days", "")
        days = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 5 else 0
        return self.answer("stats", self.etag(), **stats.values(self.store, days, datetime.now(self.zone).date(), self.zone))

    def notes(self) -> list[Note]:
        """What is about to be deleted, and what is only here. Looked up once a minute: it changes by days."""
        minute = int(time.time() / 60)
        if self.noted[0] != minute:
            self.noted = (minute, retention_notes(self.store, int(time.time() * 1000)))
        return self.noted[1]

    def etag(self) -> str:
        """Changes with every commit, and every minute: "live" and "today" pass without one."""
        return f'"{self.store.boot}-{self.store.changes}-{int(time.time() / 60)}"'

    def answer(self, template: str, etag: str, /, **values: Any) -> str:
        """The filled template, with the headers that let the browser ask whether it changed."""
        response.set_header("Content-Type", "text/html; charset=utf-8")
        response.set_header("Cache-Control", "private, no-cache")
        response.set_header("ETag", etag)
        return fill(template, **values)

    def common(self) -> dict[str, Any]:
        """What every page with sessions needs."""
        now = int(time.time() * 1000)
        return {"zone": self.zone, "live": lambda session: timeline.live(session, now)}


def mount(app: Bottle, store: Store, zone: tzinfo, importing: Callable[[], Import | None] = lambda: None) -> None:
    """Serve the pages and their static files on `app`."""
    pages = Pages(store, zone, importing)
    asset.mount(app)
    app.get("/", callback=pages.home)
    app.get("/stats", callback=pages.stats)
    app.get("/s/<id>", callback=pages.session)
    app.get("/s/<id>/text/<event>", callback=pages.text)
    app.get("/s/<id>/image/<event>/<number:int>", callback=pages.image)


def error_page(error: ZergError) -> str:
    """An error as people see it."""
    return fill("error", title=TITLES.get(error.status, "Something went wrong"), message=str(error))


TITLES = {404: "Not found", 400: "That request makes no sense", 403: "Not from here", 503: "Not just now"}


def retention_notes(store: Store, now: int) -> list[Note]:
    """A note for each machine that is going to delete sessions within SOON, or one for those that are gone."""
    gone = retention.only_here(store)
    found = []
    for machine in source.machines(store):
        if machine.cleanup_days is not None and machine.cleanup_days < FOREVER:
            number = retention.expiring(store, machine.id, now - (machine.cleanup_days - SOON) * DAY)
            found += [Note(machine.label, number, machine.cleanup_days, gone)] if number else []
    return found or ([Note("", 0, 0, gone)] if gone else [])


def unchanged(etag: str) -> HTTPResponse:
    """The answer to a poll while nothing has changed."""
    return HTTPResponse(status=304, headers={"ETag": etag})


def foreign(media_type: str) -> dict[str, str]:
    """Headers of content that comes from a transcript: it is never taken for anything but what it is said to be."""
    return {"Content-Type": media_type, "X-Content-Type-Options": "nosniff", "Content-Disposition": "inline"}


def session_address(id: str, **query: str) -> str:
    """The address of a session with those of `query` that say something."""
    said = urlencode({name: value for name, value in query.items() if value})
    return f"/s/{id}?{said}" if said else f"/s/{id}"


def shown_kinds(query: Mapping[str, str]) -> list[str]:
    """The switches that are on; none means everything."""
    return [name for name in query.get("kind", "").split(",") if name in KINDS]


def switches(id: str, on: list[str]) -> list[tuple[str, str, bool]]:
    """A switch for each group of kinds: its name, the address that turns it, whether it is on."""
    turned = {name: [*(other for other in on if other != name), *([] if name in on else [name])] for name in KINDS}
    return [(name, session_address(id, kind=",".join(turned[name])), name in on) for name in KINDS]


def receipt(session: Session) -> list[tuple[str, int]]:
    """What a session used, line by line."""
    tokens = session.tokens
    lines = [
        ("input", tokens.input),
        ("output", tokens.output),
        ("read from cache", tokens.cache_read),
        ("written to cache, 5 min", tokens.cache_write_5m),
        ("written to cache, 1 h", tokens.cache_write_1h),
    ]
    return [(name, number) for name, number in lines if number]
