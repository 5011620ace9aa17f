"""One zerg server as its clients see it: a connection that is kept, the requests of the push protocol, and the errors.

ShipperError
├── Stopped       somebody set the event that stops us
├── Unreachable   no answer, or "not now": try again later
├── Refused       this is no zerg server, or it does not want us: somebody has to do something
├── Conflict      the push does not fit what the server has; carries what that is
├── Rejected      the server will not take this file as it is
└── Failed        the server failed over this push
"""

from __future__ import annotations

import http.client
import json
import os
import selectors
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from shipper.slice import Body

CONNECT_TIMEOUT = 5.0  # seconds
ANSWER_TIMEOUT = 60.0  # seconds; a server that is migrating or checking a large file is slow, not gone
PAGE = 500  # sources in one answer
LATER = (408, 425, 429, 502, 503, 504)
AS_IT_IS = (400, 410, 413)


class ShipperError(Exception):
    """A push did not succeed."""


class Stopped(ShipperError):
    """Told to stop while there was something left to do."""


class Unreachable(ShipperError):
    """The server does not answer, or says that it cannot just now."""


class Refused(ShipperError):
    """What answers is not a zerg server, or does not want to hear us."""


class Rejected(ShipperError):
    """The server does not take this file as it is; others it does."""


class Failed(ShipperError):
    """The server failed over this push; perhaps not the next time."""


class Conflict(ShipperError):
    """The push does not fit. `known` is what the server has; `rewritten`: the bytes in common differ."""

    def __init__(self, message: str, known: Known, rewritten: bool) -> None:
        super().__init__(message)
        self.known = known
        self.rewritten = rewritten


class Known(NamedTuple):
    """What the server has of one source. Hashes are SHA-256, in hex."""

    generation: int
    offset: int  # bytes stored
    head: str  # of the first 4 KiB, or less, before offset
    tail: str  # of the last 4 KiB, or less, before offset
    digest: str | None = None  # of all before offset; None: not at hand

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Known:
        return cls(answer["generation"], answer["offset"], answer["head"], answer["tail"], answer.get("digest"))


class Stored(NamedTuple):
    """The server's answer to a push that it took."""

    generation: int
    offset: int  # bytes stored


class Server:
    """The server at `address`: `http://host:port`, `https://…` or `unix:/path/of/socket`. For use in one thread.

    `stop` interrupts waiting for an answer (`Stopped`).
    """

    def __init__(self, address: str, token: str = "", stop: threading.Event | None = None) -> None:
        self.address = address
        self.stop = stop or threading.Event()
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._connection, self._prefix = _connection(address)

    def boot(self, machine: str) -> str:
        """The id of the server's present run: another one means that what it told before may no longer hold."""
        with self._protocol():
            boot: str = self._get(machine=machine, limit=1)["boot"]
            return boot

    def sources(self, machine: str) -> tuple[str, dict[str, Known]]:
        """The id of the server's run, and what it has of each file of `machine`: {path: …}; without digests, to save memory."""
        known: dict[str, Known] = {}
        boot, cursor = "", ""
        while True:
            with self._protocol():
                page = self._get(machine=machine, limit=PAGE, cursor=cursor)
                if boot and page["boot"] != boot:
                    raise Unreachable(f"{self.address} was restarted meanwhile")
                boot, cursor = page["boot"], page["next"] or ""
                known.update((source["path"], Known.of(source)._replace(digest=None)) for source in page["sources"])
                if not cursor:
                    return boot, known

    def source(self, machine: str, path: str) -> Known | None:
        """What the server has of the file at `path`, with the digest; None if it does not know it."""
        with self._protocol():
            found = self._get(machine=machine, path=path)["sources"]
            return Known.of(found[0]) if found else None

    def scan(self, report: Mapping[str, Any]) -> None:
        """Tell what a pass over all files found."""
        self._send("POST", "/api/agents/scan", json.dumps(report).encode(), {"Content-Type": "application/json"})
        self._receive()

    def push(self, body: Body, **about: object) -> None:
        """Send a slice. `stored` must be called next, but may be called later: meanwhile the server works."""
        headers = {"Content-Type": "application/octet-stream"}
        if body.encoding:
            headers["Content-Encoding"] = body.encoding
        self._send("POST", "/api/agents/ingest?" + _query(about), body.data, headers)

    def stored(self) -> Stored:
        """Wait for the answer to the last push."""
        with self._protocol():
            answer = self._receive()
            return Stored(answer["generation"], answer["offset"])

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        self._connection.close()

    @contextmanager
    def _protocol(self) -> Iterator[None]:
        try:
            yield
        except (KeyError, TypeError) as error:
            raise Refused(f"{self.address} does not speak zerg's protocol ({error})") from error

    def _get(self, **query: object) -> Any:
        target = "/api/agents/sources?" + _query(query)
        fresh = self._connection.sock is None
        try:
            return self._ask(target)
        except Unreachable:
            if fresh:
                raise
            return self._ask(target)  # the server had closed a connection that was idle: that says nothing

    def _ask(self, target: str) -> Any:
        self._send("GET", target)
        return self._receive()

    def _send(self, method: str, target: str, body: bytes | None = None, headers: Mapping[str, str] = {}) -> None:
        try:
            self._connection.timeout = CONNECT_TIMEOUT
            if self._connection.sock is None:
                self._connection.connect()
            self._connection.sock.settimeout(ANSWER_TIMEOUT)
            self._connection.request(method, self._prefix + target, body, {**self._headers, **headers})
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unreachable(f"{self.address}: {_reason(error)}") from error

    def _receive(self) -> Any:
        try:
            self._await()
            response = self._connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unreachable(f"{self.address}: {_reason(error)}") from error
        return self._understand(response.status, body)

    def _await(self) -> None:
        """Wait until the answer begins, but not for long once `stop` is set."""
        until = time.monotonic() + ANSWER_TIMEOUT
        with selectors.DefaultSelector() as selector:
            selector.register(self._connection.sock, selectors.EVENT_READ)
            while not selector.select(0.1):
                if self.stop.is_set():
                    self.close()
                    raise Stopped
                if time.monotonic() > until:
                    raise TimeoutError(f"no answer in {ANSWER_TIMEOUT:.0f} s")

    def _understand(self, status: int, body: bytes) -> Any:
        answer = _decoded(body)
        error = answer.get("error")
        message, code = (error.get("message"), error.get("code")) if isinstance(error, dict) else (f"HTTP {status}", "")
        if status == 200 and answer:
            return answer
        if status == 200 and body.strip() == b"{}":
            return {}
        if status == 409 and "generation" in answer:
            raise Conflict(str(message), Known.of(answer), code == "rewritten")
        if status in AS_IT_IS and code:
            raise Rejected(message)
        if status in LATER:
            raise Unreachable(f"{self.address}: {message}")
        if status >= 500:
            raise Failed(message)
        raise Refused(f"{self.address} answers {status}: {message}")


def _decoded(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`; {} if there is none, as in the error pages of proxies."""
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _query(values: Mapping[str, object]) -> str:
    """Paths go as the bytes that the system has for them, which need not be UTF-8."""
    return urlencode({name: os.fsencode(str(value)) for name, value in values.items() if value != ""}, quote_via=quote)


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _connection(address: str) -> tuple[http.client.HTTPConnection, str]:
    """A connection to `address`, not opened yet, and what goes before each path."""
    if address.startswith("unix:"):
        return _UnixConnection(address[len("unix:") :]), ""
    url = urlsplit(address)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError(f"{address!r} is neither http://host:port nor https://host nor unix:/path")
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    return kind(url.hostname, url.port), url.path.rstrip("/")


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        try:
            self.sock.settimeout(self.timeout)
            self.sock.connect(self._path)
        except OSError:
            self.close()
            raise
