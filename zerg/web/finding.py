"""The search as JSON: what `GET /api/agents/search` and `zerg search --json` answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bottle import Bottle

from zerg.search.engine import SORTS, Group, Hit, Results, search
from zerg.web.answer import iso
from zerg.web.api import number, session_json, text
from zerg.web.site import Site

LIMIT, MOST = 20, 100  # sessions of an answer


def mount(app: Bottle, site: Site) -> None:
    """`GET /api/agents/search?q=&sort=&limit=&cursor=`."""

    def found() -> dict[str, Any]:
        sort, limit, now = text("sort") or SORTS[0], number("limit", LIMIT, 1, MOST), datetime.now(site.zone)
        return results_json(search(site.store, text("q"), sort=sort, limit=limit, cursor=text("cursor"), now=now))

    app.get("/api/agents/search", callback=found)


def results_json(found: Results) -> dict[str, Any]:
    """A page of results, grouped by session."""
    return {
        "results": [group_json(group) for group in found.groups],
        "total": found.total,
        "total_is_exact": found.total_is_exact,
        "facets": {name: [{"value": value, "count": count} for value, count in values] for name, values in found.facets.items()},
        "hints": list(found.hints),
        "took_ms": round(found.took_ms, 1),
        "next": found.next,
    }


def group_json(group: Group) -> dict[str, Any]:
    return {"session": session_json(group.session), "hits": [hit_json(hit) for hit in group.hits], "hit_count": group.hit_count}


def hit_json(hit: Hit) -> dict[str, Any]:
    """`snippet` is plain text; `marks` are the places in it, [start, end), that match."""
    marks, position = [], 0
    for segment in hit.snippet:
        if segment.hit:
            marks.append([position, position + len(segment.text)])
        position += len(segment.text)
    snippet = "".join(segment.text for segment in hit.snippet)
    return {"event": hit.event, "kind": hit.kind.value, "at": iso(hit.at), "snippet": snippet, "marks": marks}
