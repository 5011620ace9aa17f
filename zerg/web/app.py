"""The web application: pages and API behind one guard."""

from __future__ import annotations

from bottle import Bottle

from zerg.store import source
from zerg.web import api, finding, pages
from zerg.web.answer import Answers
from zerg.web.site import Site


def make(site: Site) -> Bottle:
    """The application of one server."""
    app = Bottle()
    app.install(Answers(pages.error_page))
    api.mount(app, site)
    finding.mount(app, site)
    pages.mount(app, site.store, site.zone, lambda: importing(site))
    return app


def importing(site: Site) -> pages.Import | None:
    """The import, while it runs."""
    found = site.progress(source.totals(site.store)[1])
    return pages.Import(found["done_bytes"], found["total_bytes"]) if found["state"] == "running" else None
