"""Static files, held in memory under a path that names their contents: a browser asks for each of them once, ever.

The style sheets are one file, joined in the order of SHEETS. Modules of JavaScript import each other by relative paths, which
keep the digest: so there is nothing to build.
"""

from __future__ import annotations

import hashlib
import mimetypes
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple

from bottle import Bottle, HTTPResponse

from zerg.errors import NotFound

SHEETS = (
    *("tokens", "base", "layout", "bar", "activity", "timeline", "strip", "session", "prose", "code", "tool"),
    *("stats", "dialog", "print"),
)
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}  # not left to the machine's own tables
FOREVER = "public, max-age=31536000, immutable"


class Assets(NamedTuple):
    """The static files by name (`js/main.js`), and the digest of all of them."""

    digest: str
    files: dict[str, bytes]

    def address(self, name: str) -> str:
        """Where `name` is served."""
        return f"/static/{self.digest}/{name}"


@cache
def assets() -> Assets:
    """The static files of this version."""
    found = dict(_read(files("zerg") / "static"))
    sheets = [found.pop(f"css/{name}.css") for name in SHEETS]
    found["app.css"] = b"\n".join(sheets)
    digest = hashlib.sha256(b"\0".join(name.encode() + b"\0" + found[name] for name in sorted(found)))
    return Assets(digest.hexdigest()[:16], found)


def mount(app: Bottle) -> None:
    """Serve the static files on `app`."""
    app.get("/static/<digest>/<name:path>", callback=_serve)
    app.get("/favicon.ico", callback=lambda: _serve(assets().digest, "favicon.svg"))


def _serve(digest: str, name: str) -> HTTPResponse:
    data = assets().files.get(name)
    if data is None:
        raise NotFound(f"no file {name!r}")
    # A page of the version before may still be open: it gets today's file, which it must ask for again next time.
    lasting = FOREVER if digest == assets().digest else "no-cache"
    return HTTPResponse(data, 200, {"Content-Type": _type(name), "Cache-Control": lasting, "X-Content-Type-Options": "nosniff"})


def _type(name: str) -> str:
    kind = TYPES.get("." + name.rpartition(".")[2]) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


def _read(folder: Traversable, prefix: str = "") -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for item in folder.iterdir():
        if item.is_dir():
            found += _read(item, f"{prefix}{item.name}/")
        else:
            found.append((prefix + item.name, item.read_bytes()))
    return found
