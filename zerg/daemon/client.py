"""Talks to the running server of a home, over its socket."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any

from zerg import errors
from zerg.daemon.lock import holder
from zerg.errors import Unavailable, ZergError
from zerg.paths import Home

TIMEOUT = 60  # seconds


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT)
        self.sock.connect(str(self.path))


class Client:
    """The server at an address: `get` and `post` return its JSON, and raise its errors as ours."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self.connection = connection

    def get(self, target: str) -> Any:
        return self.ask("GET", target)

    def post(self, target: str, body: Any = None) -> Any:
        return self.ask("POST", target, json.dumps(body).encode())

    def ask(self, method: str, target: str, body: bytes | None = None) -> Any:
        try:
            self.connection.request(method, target, body)
            response = self.connection.getresponse()
            found = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unavailable(f"the server does not answer: {error}") from error
        if response.status != 200:
            raise failure(found.get("error", {}))
        return found


def running(home: Home) -> Client | None:
    """A client of the server that runs on this home; None where none does."""
    connection = UnixConnection(home.socket) if hasattr(socket, "AF_UNIX") else tcp_connection(home)
    try:
        connection.connect()
    except OSError:
        return None
    return Client(connection)


def tcp_connection(home: Home) -> http.client.HTTPConnection:
    """Where there are no Unix sockets the holder of the lock says where it serves."""
    return http.client.HTTPConnection(holder(home.lock).get("url", "http://127.0.0.1:1").removeprefix("http://"), timeout=TIMEOUT)


def failure(about: dict[str, str]) -> ZergError:
    kinds = {kind.code: kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ZergError)}
    return kinds.get(about.get("code", ""), ZergError)(about.get("message", ""))
