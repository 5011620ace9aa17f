"""Who may ask, and what a browser may do with the answer.

A page of another site cannot read from this server nor write to it: it can name this machine in a request, but not send our
`Host` (DNS rebinding) nor our `Origin` (forged forms). The Unix socket is out of every browser's reach and asks for neither.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from zerg.errors import Forbidden
from zerg.web.answer import json_bytes, problem

Environ = dict[str, Any]
Start = Callable[..., Any]
Wsgi = Callable[[Environ, Start], Iterable[bytes]]

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
HEADERS = [
    (
        "Content-Security-Policy",
        (
            "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self'; connect-src 'self'; "
            "font-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        ),
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
]
log = logging.getLogger("zerg.web")


class Guard:
    """Lets requests through to `app` whose Host is one of ours and whose Origin, if there is one, is too."""

    def __init__(self, app: Wsgi, port: int, names: Iterable[str] = ()) -> None:
        self.app = app
        self.hosts = {f"{name}:{port}" for name in (*LOOPBACK, *names)}
        if port == 80:
            self.hosts |= {*LOOPBACK, *names}
        self.origins = {f"http://{host}" for host in self.hosts}

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        def guarded(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            given = {name for name, _ in headers}
            return start(status, headers + [pair for pair in HEADERS if pair[0] not in given], *rest)

        error = self.objection(environ)
        if error is None:
            return self.app(environ, guarded)
        log.warning("refused %s %s: %s", environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")[:200], error)
        body = json_bytes(problem(error))
        guarded("403 Forbidden", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    def objection(self, environ: Environ) -> Forbidden | None:
        """Why a request is refused; None if it is not."""
        host, origin = environ.get("HTTP_HOST", ""), environ.get("HTTP_ORIGIN")
        if host.lower() not in self.hosts:
            return Forbidden(
                f"this server is not called {host[:100]!r}: name it in [server] names of config.toml if it should be"
            )
        if origin is not None and origin.lower() not in self.origins:
            return Forbidden(f"a page of {origin[:100]!r} may not use this server")
        return None
