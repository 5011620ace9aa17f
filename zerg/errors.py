"""Every error that zerg raises on purpose. The web layer and the command line map them by class, in one place each.

ZergError
├── ConfigError         a setting is misspelt, has a bad value, or cannot be read
├── InUse               another process holds the home, or the port is taken
├── NotFound            no such session, event, source or page
├── BadRequest          a request that cannot be understood
│   └── UnknownProvider
├── Forbidden           the Host or Origin of a request is not one of ours
├── TooLarge            a body beyond its limit
├── Conflict            a push that does not fit what is stored; carries where the server stands
├── Forgotten           the user had these bytes removed; they are refused for ever
├── Unavailable         disk full, database locked or read-only, server not reachable: try again
├── NewerDatabase       written by a later zerg
└── MissingExtra        an optional part is not installed
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ZergError(Exception):
    """Something went wrong."""

    status = 500  # of HTTP
    exit_code = 1
    code = "error"  # in {"error": {"code", "message"}}

    def __init__(self, message: str = "", **extra: Any) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())
        self.extra: Mapping[str, Any] = extra  # further fields of the JSON answer


class ConfigError(ZergError):
    """The configuration cannot be used."""

    exit_code = 2
    code = "config"


class InUse(ZergError):
    """Somebody else holds it."""

    status = 503
    code = "in_use"


class NotFound(ZergError):
    """There is no such thing here."""

    status = 404
    code = "not_found"


class BadRequest(ZergError):
    """The request cannot be understood."""

    status = 400
    exit_code = 2
    code = "bad_request"


class UnknownProvider(BadRequest):
    """zerg does not know this provider."""

    code = "unknown_provider"


class Forbidden(ZergError):
    """The request does not come from a page of this server."""

    status = 403
    code = "forbidden"


class TooLarge(ZergError):
    """The body is too large."""

    status = 413
    code = "too_large"


class Conflict(ZergError):
    """The push does not fit what is stored."""

    status = 409
    code = "conflict"


class Forgotten(ZergError):
    """This was removed by `zerg forget` and is not taken again."""

    status = 410
    code = "forgotten"


class Unavailable(ZergError):
    """Not possible just now; try again."""

    status = 503
    code = "unavailable"


class NewerDatabase(ZergError):
    """The database was written by a later zerg; install that one."""

    code = "newer_database"


class MissingExtra(ZergError):
    """An optional part of zerg is not installed."""

    code = "missing_extra"
