"""A server that speaks the push protocol and keeps what it gets in memory, for the tests of the shipper.

It can be told to misbehave: `faults` holds what happens to the next pushes, one word each:
`cut before` (the connection ends, nothing stored), `cut after` (stored, but the answer is lost), or a status such as `503`.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import socketserver
import threading
import zlib
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

LIMIT = 256 * 1024

Answer = tuple[int, dict[str, Any]]
Query = dict[str, str]


def sha(data: bytes | bytearray) -> str:
    return hashlib.sha256(data).hexdigest()


class Source:
    """The generations of one file, and which is current."""

    def __init__(self) -> None:
        self.generations: list[bytearray] = [bytearray()]
        self.current = 1

    @property
    def data(self) -> bytearray:
        return self.generations[self.current - 1]

    def state(self, digest: bool = True) -> dict[str, Any]:
        data = self.data
        edges = {"head": sha(data[:4096]), "tail": sha(data[-4096:]), "digest": sha(data) if digest else None}
        return {"generation": self.current, "offset": len(data), **edges}

    def conflict(self, code: str) -> Answer:
        return 409, {"error": {"code": code, "message": code}, **self.state()}

    def push(self, query: Query, body: bytes) -> Answer:
        offset, generation = int(query["offset"]), int(query["generation"])
        if "replaces" in query:
            return self._replace(int(query["replaces"]), body)
        if generation != self.current or offset > len(self.data):
            return self.conflict("conflict")
        common = self.data[offset : offset + len(body)]
        if body[: len(common)] != common:
            return self.conflict("rewritten")
        self.data.extend(body[len(common) :])
        return self._stored()

    def _replace(self, replaced: int, body: bytes) -> Answer:
        if replaced != self.current:
            return self.conflict("conflict")
        for number, data in enumerate(self.generations, 1):
            if number != replaced and data and body.startswith(data):
                self.current = number
                return self.push({"offset": "0", "generation": str(number)}, body)
        self.generations.append(bytearray(body))
        self.current = len(self.generations)
        return self._stored()

    def _stored(self) -> Answer:
        stored = {"generation": self.current, "offset": len(self.data)}
        return 200, {"source": 1, **stored, "events_inserted": 0, "events_skipped": 0}


class StandIn:
    """The server. `address` is for clients; `sources` is what it has: {(machine, path): Source}."""

    def __init__(self, path: Path | None = None, port: int = 0) -> None:
        self.sources: dict[tuple[str, str], Source] = {}
        self.scans: list[dict[str, Any]] = []
        self.requests: list[tuple[str, Query]] = []  # (path, query) of all
        self.faults: deque[str] = deque()
        self.instead: Callable[[Query], Answer | None] = lambda query: None  # an answer that is given without storing
        self.boot = "first"
        self.digests = True  # whether listings carry them
        self.token = ""
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._http = self._listen(path, port)
        self.address = f"unix:{path}" if path else f"http://127.0.0.1:{self._http.server_address[1]}"  # type: ignore[index]
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()

    def _listen(self, path: Path | None, port: int) -> socketserver.BaseServer:
        stand = self

        class Handler(_Handler):
            server_is = stand

        class Tcp(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True

        class Unix(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True

        return Unix(str(path), Handler) if path else Tcp(("127.0.0.1", port), Handler)

    def close(self) -> None:
        """Stop listening and cut every connection, as a process that is killed does."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
        for connection in list(self._connections):
            _cut(connection)

    def data(self, path: Path | str) -> bytearray:
        """What is stored of the file at `path`, whatever the machine."""
        return next(source.data for (_, name), source in self.sources.items() if name == os.path.realpath(path))

    def paths(self) -> list[str]:
        """The stored paths in the order of their arrival."""
        return [path for _, path in self.sources]

    def pushes(self) -> list[Query]:
        """The queries of all pushes."""
        return [query for path, query in self.requests if path.endswith("/ingest")]

    def answer(self, method: str, path: str, query: Query, body: bytes) -> Answer:
        with self._lock:
            self.requests.append((path, query))
            if path == "/api/agents/sources":
                return 200, self._sources(query)
            if path == "/api/agents/scan":
                self.scans.append(json.loads(body))
                return 200, {}
            if path == "/api/agents/ingest":
                return self._ingest(query, body)
            return 404, {"error": {"code": "not_found", "message": "no such page"}}

    def _sources(self, query: Query) -> dict[str, Any]:
        mine = {path: source for (machine, path), source in self.sources.items() if machine == query["machine"]}
        if "path" in query:
            found = [{"provider": "claude", "path": path, **mine[path].state()} for path in mine if path == query["path"]]
            return {"machine": query["machine"], "boot": self.boot, "sources": found, "next": None}
        start, limit = int(query.get("cursor", 0)), int(query.get("limit", 100))
        page = list(mine)[start : start + limit]
        sources = [{"provider": "claude", "path": path, **mine[path].state(self.digests)} for path in page]
        following = str(start + limit) if start + limit < len(mine) else None
        return {"machine": query["machine"], "boot": self.boot, "sources": sources, "next": following}

    def _ingest(self, query: Query, body: bytes) -> Answer:
        instead = self.instead(query)
        if instead is not None:
            return instead
        if len(body) > LIMIT:
            return 413, {"error": {"code": "too_large", "message": "too large"}}
        return self.sources.setdefault((query["machine"], query["path"]), Source()).push(query, body)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer goes out as a whole, or the client waits for its second half
    server_is: StandIn

    def setup(self) -> None:
        super().setup()
        self.server_is._connections.add(self.connection)

    def finish(self) -> None:
        self.server_is._connections.discard(self.connection)
        with suppress(OSError):  # the connection was cut on purpose
            super().finish()

    def do_GET(self) -> None:
        self._respond()

    def do_POST(self) -> None:
        self._respond()

    def _respond(self) -> None:
        stand, url = self.server_is, urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "deflate":
            body = zlib.decompress(body)
        query = dict(parse_qsl(url.query, encoding="utf-8", errors="surrogateescape"))
        fault = stand.faults.popleft() if url.path.endswith("/ingest") and stand.faults else ""
        if stand.token and self.headers.get("Authorization") != f"Bearer {stand.token}":
            fault = "403"
        if fault.isdigit():
            self._send(int(fault), {"error": {"code": "fault", "message": f"fault {fault}"}})
        elif fault == "cut before":
            self._end()
        else:
            status, answer = stand.answer(self.command, url.path, query, body)
            if fault == "cut after":
                self._end()
            else:
                self._send(status, answer)

    def _send(self, status: int, answer: dict[str, Any]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _end(self) -> None:
        self.close_connection = True
        _cut(self.connection)

    def address_string(self) -> str:
        return "client"

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):  # closed already
        connection.shutdown(socket.SHUT_RDWR)
