"""Answers: JSON, times, errors. The one place where an error becomes an HTTP status and a body."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from bottle import Bottle, HTTPError, HTTPResponse, request

from zerg.errors import BadRequest, NotFound, TooLarge, Unavailable, ZergError

log = logging.getLogger("zerg.web")


def json_bytes(value: Any) -> bytes:
    """ASCII, so that names which are not UTF-8 on their machine come back as they were."""
    return json.dumps(value, separators=(",", ":")).encode()


def iso(at: int | None) -> str | None:
    """A time (ms UTC) as ISO 8601 with Z; None stays None."""
    return (
        None if at is None else datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


def problem(error: ZergError) -> dict[str, Any]:
    """The body of an error."""
    return {"error": {"code": error.code, "message": str(error)}, **error.extra}


def answer(value: Any, status: int = 200, **headers: str) -> HTTPResponse:
    return HTTPResponse(json_bytes(value), status, {"Content-Type": "application/json", "Cache-Control": "no-store", **headers})


class Answers:
    """Bottle plugin: what a route returns or raises, as a response. Pages get `page` for their errors, the API gets JSON."""

    name = "answers"
    api = 2

    def __init__(self, page: Callable[[ZergError], str]) -> None:
        self.page = page

    def setup(self, app: Bottle) -> None:
        app.default_error_handler = self.unrouted

    def apply(self, callback: Callable[..., Any], route: Any) -> Callable[..., Any]:
        def answered(**arguments: Any) -> Any:
            try:
                found = callback(**arguments)
            except ZergError as error:
                return self.failed(error)
            except OSError as error:  # of the file system, under the database or under a temporary file
                return self.failed(Unavailable(f"{error.filename or 'the server'}: {error.strerror or error}"))
            except HTTPResponse:
                raise
            except Exception:  # the boundary: a bug of ours becomes a 500, is logged whole, and the server goes on
                log.exception("%s %s", request.method, request.path)
                return self.failed(ZergError("zerg failed over this request; its log says why"))
            return answer(found) if isinstance(found, dict) else found

        return answered

    def failed(self, error: ZergError) -> HTTPResponse:
        if request.path.startswith("/api/"):
            return answer(problem(error), error.status)
        return HTTPResponse(
            self.page(error), error.status, {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"}
        )

    def unrouted(self, error: HTTPError) -> Any:
        """What Bottle itself refuses: no such route, no such method, a body that is too large."""
        known = {404: NotFound, 405: BadRequest, 413: TooLarge}.get(error.status_code, BadRequest)
        ours = known(f"there is no {request.method} {request.path[:200]}" if error.status_code in (404, 405) else str(error.body))
        found = self.failed(ours)
        return HTTPResponse(found.body, error.status_code if error.status_code < 500 else ours.status, dict(found.headers))
