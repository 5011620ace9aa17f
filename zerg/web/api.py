"""The Agents API: what shippers push to, and what programs read. JSON, UTC with Z, keyset cursors."""

from __future__ import annotations

import json
import os
import re
from datetime import datetime, time, tzinfo
from typing import Annotated, Any
from urllib.parse import quote

from bottle import Bottle, HTTPResponse, request
from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from zerg import __version__, timeline
from zerg.archive import Entry
from zerg.errors import BadRequest, TooLarge
from zerg.events import Kind
from zerg.export import export, sources
from zerg.ingest import Push, unpacked
from zerg.store import event, source
from zerg.store import session as sessions
from zerg.store.session import NOW_AND_THEN, Filter, Session
from zerg.store.source import CHUNK, Machine, Source
from zerg.web.answer import iso
from zerg.web.site import Site

LIMIT = 100  # items of a list where the request does not say
MOST = 1000  # … and at the most
TEXT = 4 * 1024 * 1024  # characters of text after which a list of events ends early
WHOLE = re.compile("-?[0-9]{1,19}")
MAXIMUM = 2**62  # of any number that is stored
WIRE = CHUNK + CHUNK // 8  # bytes of a body: deflate makes incompressible bytes a little longer


def stored_path(path: str) -> str:
    """A path in which bytes that are not UTF-8 stand as private characters, because databases take no lone surrogates."""
    return path if path.isascii() else "".join(chr(ord(c) - 0xDC80 + 0x10FF80) if 0xDC80 <= ord(c) <= 0xDCFF else c for c in path)


Whole = Annotated[int, Field(ge=0, le=MAXIMUM)]
Path = Annotated[str, BeforeValidator(lambda path: stored_path(path) if isinstance(path, str) else path)]


class Scan(BaseModel):
    """What a Shipper reports at the start and at the end of a pass over all files of its machine."""

    machine: str = Field(min_length=1, max_length=200)
    label: str = Field(max_length=200)
    roots: list[Path] = []
    files: Whole
    bytes: Whole
    missing: list[Path] = []
    cleanup_days: Whole | None = None
    complete: bool


class Api:
    """The routes below /api."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.store = site.store

    def health(self) -> dict[str, Any]:
        """`GET /api/health`: alive, and how far the import is."""
        number, stored = source.totals(self.store)
        return {
            "status": "ok",
            "version": __version__,
            "boot": self.store.boot,
            "home": str(self.site.settings.home.path),
            "pid": os.getpid(),
            "sessions": sessions.count(self.store),
            "events": event.count(self.store),
            "sources": number,
            "import": self.site.progress(stored),
            "deriving": self.site.upkeep.behind,
            "rss_bytes": rss_bytes(),
        }

    def sources(self) -> dict[str, Any]:
        """`GET /api/agents/sources?machine=`: where each file of a machine stands; with `path` that one, and its digest."""
        machine, path = wanted("machine"), text("path")
        if path:
            known = [one for name in source.providers(self.store) for one in source.generations(self.store, machine, name, path)]
            found = [self.site.ingest.digest(one) for one in known if one.current]
            return {"machine": machine, "boot": self.store.boot, "sources": [source_json(one) for one in found], "next": None}
        limit = number("limit", MOST, 1, MOST)
        found = source.of_machine(self.store, machine, number("cursor", 0), limit + 1)
        following = str(found[limit - 1].id) if len(found) > limit else None
        return {
            "machine": machine,
            "boot": self.store.boot,
            "sources": [source_json(one) for one in found[:limit]],
            "next": following,
        }

    def ingest(self) -> dict[str, Any]:
        """`POST /api/agents/ingest`: take a slice of a file."""
        data, packed = body()
        replaces = text("replaces")
        push = Push(
            provider=wanted("provider"), machine=wanted("machine"), path=wanted("path"),
            generation=number("generation") if text("generation") else 1, offset=number("offset"), size=number("size"),
            mtime=int(seconds("mtime") * 1000), data=data, packed=packed, replaces=number("replaces") if replaces else None,
        )  # fmt: skip
        return self.site.ingest.push(push, self.site.clock())._asdict()

    def scan(self) -> dict[str, Any]:
        """`POST /api/agents/scan`: what only the Shipper can know."""
        scan = scan_of(request.body.read())
        self.site.scanned(scan.machine, scan.bytes, scan.complete)
        if scan.complete:
            about = (scan.machine, scan.label, scan.files, scan.bytes, scan.cleanup_days)
            source.note_scan(self.store, Machine(*about, scanned_at=self.site.clock()))
            source.mark_missing(self.store, scan.machine, scan.missing)
        return {}

    def sessions(self) -> dict[str, Any]:
        """`GET /api/agents/sessions`: the newest first; top level unless `parent`."""
        filter = asked_filter(self.site.zone)
        limit = number("limit", LIMIT, 1, MOST)
        found = sessions.page(self.store, filter, timeline.parse_cursor(text("cursor")), limit + 1)
        following = timeline.cursor_of(found[limit - 1]) if len(found) > limit else None
        total, noise = sessions.total(self.store, filter)
        listed = total if filter.noise else total - noise
        return {"sessions": [session_json(one) for one in found[:limit]], "next": following, "total": listed}

    def session(self, id: str) -> dict[str, Any]:
        """`GET /api/agents/sessions/{id}`: one session, with the files that it comes from."""
        found = session_json(timeline.session(self.store, id))
        return {**found, "sources": [source_json(one) for one in sources(self.store, id)]}

    def events(self, id: str) -> dict[str, Any]:
        """`GET /api/agents/sessions/{id}/events`: in file order, of all kinds or those in `kind` (comma-separated)."""
        kinds = [kind for kind in text("kind").split(",") if kind]
        unknown = [kind for kind in kinds if kind not in list(Kind)]
        if unknown:
            raise BadRequest(f"no kind {unknown[0][:80]!r}; known: {', '.join(Kind)}")
        entries, following = timeline.events(self.store, id, kinds, text("cursor"), number("limit", LIMIT, 1, MOST), TEXT)
        return {"events": [event_json(one) for one in entries], "next": following or None}

    def export(self, id: str) -> HTTPResponse:
        """`GET /api/agents/sessions/{id}/export`: the exact bytes; `source` and `generation` choose others than the newest."""
        asked = [number(name) if text(name) else None for name in ("source", "generation")]
        found = export(self.store, id, *asked)
        headers = {
            "Content-Type": "application/x-ndjson" if found.name.endswith(".jsonl") else "application/octet-stream",
            "Content-Length": str(found.source.offset),
            "Content-Digest": found.digest_header,
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(found.name.encode('utf-8', 'replace'))}",
            "Cache-Control": "no-store",
        }
        return HTTPResponse(found.chunks, 200, headers)

    def filters(self) -> dict[str, Any]:
        """`GET /api/agents/filters`: values to filter by, with counts."""
        found = timeline.filters(self.store, asked_filter(self.site.zone))
        return {name: [{"value": value, "count": count} for value, count in values] for name, values in found.items()}

    def rebuild(self) -> dict[str, Any]:
        """`POST /api/rebuild`: drop what is derived and derive it anew, between requests."""
        self.site.upkeep.rebuild()
        return {"sources": len(self.site.upkeep.outdated)}


def mount(app: Bottle, site: Site) -> None:
    api = Api(site)
    app.get("/api/health", callback=api.health)
    app.get("/api/agents/sources", callback=api.sources)
    app.post("/api/agents/ingest", callback=api.ingest)
    app.post("/api/agents/scan", callback=api.scan)
    app.get("/api/agents/sessions", callback=api.sessions)
    app.get("/api/agents/sessions/<id>", callback=api.session)
    app.get("/api/agents/sessions/<id>/events", callback=api.events)
    app.get("/api/agents/sessions/<id>/export", callback=api.export)
    app.get("/api/agents/filters", callback=api.filters)
    app.post("/api/rebuild", callback=api.rebuild)


def text(name: str) -> str:
    """A value of the query; "" where it is missing. Bytes that are not UTF-8 come out as they are stored."""
    raw: str = request.query.dict.get(name, [""])[-1]
    return stored_path(
        os.fsdecode(raw.encode("latin1")) if os.name == "posix" else raw.encode("latin1").decode("utf-8", "surrogateescape")
    )


def wire_path(path: str) -> str:
    """The path as its machine spells it: what `stored_path` undoes."""
    return (
        path
        if path.isascii()
        else "".join(chr(ord(c) - 0x10FF80 + 0xDC80) if 0x10FF80 <= ord(c) <= 0x10FFFF else c for c in path)
    )


def wanted(name: str) -> str:
    """A value that the query must have."""
    found = text(name)
    if not found or "\0" in found or len(found) > 10_000:
        raise BadRequest(f"{name} is missing from the query, or cannot be right")
    return found


def number(name: str, default: int | None = None, least: int = 0, most: int = MAXIMUM) -> int:
    """A whole number of the query, clamped to [least, most]. Raises BadRequest where there is none and no default."""
    found = text(name)
    if not found and default is not None:
        return default
    if not WHOLE.fullmatch(found):
        raise BadRequest(f"{name} must be a whole number")
    if found.startswith("-") and default is None:
        raise BadRequest(f"{name} must not be negative")
    return max(least, min(most, int(found)))


def seconds(name: str) -> float:
    try:
        found = float(text(name) or 0)
    except ValueError:
        found = -1.0
    if not 0 <= found < 1e11:
        raise BadRequest(f"{name} must be seconds since 1970")
    return found


def scan_of(raw: bytes) -> Scan:
    """The scan that a body describes. Raises BadRequest."""
    try:
        return Scan.model_validate(json.loads(raw))  # pydantic's own parser refuses paths that are not UTF-8
    except ValidationError as error:
        first = error.errors()[0]
        raise BadRequest(f"{'.'.join(map(str, first['loc'])) or 'body'}: {first['msg']}") from None
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is not JSON: {error}") from None


def body() -> tuple[bytes, bytes | None]:
    """(bytes, the same as packed for the way or None) of a push."""
    if request.content_length > WIRE:
        raise TooLarge(f"the body has more than {CHUNK} bytes: push it in slices")
    raw: bytes = request.body.read(WIRE + 1)
    encoding = request.get_header("Content-Encoding", "identity")
    if encoding == "identity":
        return raw, None
    if encoding != "deflate":
        raise BadRequest(f"Content-Encoding {encoding[:40]!r} is not known; use deflate or none")
    return unpacked(raw), raw


def asked_filter(zone: tzinfo) -> Filter:
    """The filter that the query asks for."""
    return Filter(
        project=text("project"), provider=text("provider"), machine=text("machine"), model=text("model"), branch=text("branch"),
        after=moment(text("after"), zone, 0), before=moment(text("before"), zone, NOW_AND_THEN),
        noise=text("noise") != "0", parent=text("parent"),
    )  # fmt: skip


def moment(value: str, zone: tzinfo, default: int) -> int:
    """A day of the zone, or an ISO time, as ms UTC. Raises BadRequest."""
    if not value:
        return default
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise BadRequest(f"{value[:40]!r} is no date; write 2026-02-05 or 2026-02-05T14:00:00Z") from None
    return int((found if found.tzinfo else datetime.combine(found, found.time() or time(), zone)).timestamp() * 1000)


def source_json(one: Source) -> dict[str, Any]:
    return {
        "source": one.id,
        "machine": one.machine,
        "provider": one.provider,
        "path": wire_path(one.path),
        "generation": one.generation,
        "current": bool(one.current),
        "offset": one.offset,
        "head": one.head_hash.hex(),
        "tail": one.tail_hash.hex(),
        "digest": one.digest.hex() if one.digested == one.offset else None,
        "mtime": iso(one.mtime),
        "missing": bool(one.missing),
    }


def session_json(one: Session) -> dict[str, Any]:
    tokens = one.tokens._asdict()
    return {
        "id": one.id,
        "provider": one.provider,
        "project": one.project,
        "cwd": one.cwd,
        "branch": one.branch,
        "title": one.title,
        "started_at": iso(one.started_at),
        "ended_at": iso(one.ended_at),
        "machine": one.machine,
        "prompts": one.prompts,
        "answers": one.answers,
        "tool_calls": one.tool_calls,
        "errors": one.errors,
        "events": one.events,
        "subagents": one.subagents,
        "models": list(one.models),
        "tokens": {**tokens, "raw": one.raw},
        "cost_microdollars": one.cost_microdollars,
        "unpriced": one.unpriced,
        "parent_id": one.parent_id or None,
        "agent": one.agent or None,
        "agent_type": one.agent_type or None,
        "version": one.version,
        "entrypoint": one.entrypoint,
        "pr": one.pr or None,
        "strip": one.strip,
        "noise": one.noise or None,
        "broken": one.broken,
        "unknown": one.unknown,
        "only_here": one.only_here,
    }


def event_json(one: Entry) -> dict[str, Any]:
    return {
        "id": one.id,
        "kind": one.kind.value,
        "at": iso(one.at),
        "text": one.text,
        "tool": one.tool or None,
        "call_id": one.call or None,
        "is_error": one.error,
        "model": one.model or None,
        "label": one.label or None,
        "has_image": one.image,
        "source": one.source,
        "offset": one.offset,
        "length": one.length,
    }


def rss_bytes() -> int:
    """Memory of this process."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except FileNotFoundError:
        return peak_bytes()


def peak_bytes() -> int:
    """The most memory that this process has had, where the system does not tell how much it has now."""
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
