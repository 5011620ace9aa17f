"""The listeners: a TCP port and a Unix socket, on one loop, in one thread.

waitress refuses to listen on both at once and runs tasks in threads of their own. Two of its servers can share one map of
sockets and one dispatcher, though, and a dispatcher that queues tasks for this very thread answers eight times as many
requests, because no two threads fight for the interpreter. Both hooks (`map`, `_dispatcher`) are half private: waitress is
pinned to 3.0.x, and tests hold what we rely on.
"""

from __future__ import annotations

import errno
import os
import socket
from collections import deque
from pathlib import Path
from typing import Any, Protocol

from waitress import wasyncore
from waitress.server import create_server

from zerg.errors import ConfigError, InUse
from zerg.paths import private_folder
from zerg.web.guard import Wsgi

ADJUSTMENTS: dict[str, Any] = {
    "connection_limit": 512,  # 20 browser tabs open 120 connections; the default of 100 stalls everybody
    "outbuf_high_watermark": 1 << 40,  # a slow reader of a long answer would block this only thread for ever
    "outbuf_overflow": 1 << 20,  # bytes of an answer that are held in memory; the rest goes to a temporary file
    "inbuf_overflow": 1 << 19,
    "recv_bytes": 1 << 17,  # a push arrives in one or two pieces
    "max_request_body_size": 1 << 23,  # routes have tighter limits and say so in JSON
    "max_request_header_size": 1 << 16,
    "channel_timeout": 60,
    "cleanup_interval": 10,
    "asyncore_use_poll": True,
    "ident": None,
    "clear_untrusted_proxy_headers": True,
}


class Task(Protocol):
    def service(self) -> None: ...
    def cancel(self) -> None: ...


class Inline:
    """A dispatcher without threads: tasks wait until the loop has turned, because a channel adds them while it holds its lock."""

    def __init__(self) -> None:
        self.tasks: deque[Task] = deque()

    def add_task(self, task: Task) -> None:
        self.tasks.append(task)

    def set_thread_count(self, count: int) -> None:
        """Always one: this one."""

    def shutdown(self, cancel_pending: bool = True, timeout: int = 5) -> bool:
        while cancel_pending and self.tasks:
            self.tasks.popleft().cancel()
        return True

    def drain(self) -> bool:
        """Answer all requests that are waiting; whether there were any."""
        busy = bool(self.tasks)
        while self.tasks:
            self.tasks.popleft().service()
        return busy


class Listeners:
    """The open listeners, and the loop that serves them."""

    def __init__(self) -> None:
        self.map: dict[int, Any] = {}
        self.dispatcher = Inline()
        self.sockets: list[Path] = []

    def listen(self, app: Wsgi, **where: Any) -> Any:
        return create_server(app, map=self.map, _dispatcher=self.dispatcher, threads=1, **where, **ADJUSTMENTS)

    def tcp(self, host: str, port: int) -> socket.socket:
        """A socket bound to a loopback address. Raises InUse where the port is taken."""
        if not loopback(host):
            raise ConfigError(f"{host} is no loopback address: other machines could read everything; use 127.0.0.1")
        found = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        if os.name == "posix":
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((host, port))
        except OSError as error:
            found.close()
            raise refusal(host, port, error) from error
        return found

    def unix(self, app: Wsgi, path: Path) -> None:
        """Listen on a Unix socket that only this user can open. A live one is never replaced, a stale one is."""
        private_folder(path.parent)
        if alive(path):
            raise InUse(f"another process answers at {path}")
        self.listen(app, unix_socket=str(path), unix_socket_perms="600")
        self.sockets.append(path)

    def turn(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds for something to do, and do it; whether requests were answered."""
        wasyncore.loop(timeout=timeout, use_poll=hasattr(__import__("select"), "poll"), map=self.map, count=1)
        return self.dispatcher.drain()

    def close(self) -> None:
        """Close every connection and listener, and remove the socket file."""
        self.dispatcher.shutdown()
        wasyncore.close_all(self.map, ignore_all=True)
        for path in self.sockets:
            path.unlink(missing_ok=True)


def loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


def refusal(host: str, port: int, error: OSError) -> InUse | ConfigError:
    if error.errno in (errno.EADDRINUSE, errno.EACCES):
        why = "is taken" if error.errno == errno.EADDRINUSE else "is not allowed to you"
        return InUse(f"port {port} {why}: choose another one with --port (0 picks a free one)")
    return ConfigError(f"cannot listen on {host}: {error.strerror}")


def alive(path: Path) -> bool:
    """Whether somebody answers at a Unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True
