"""What the daemon relies on in waitress: two listeners on one map and one dispatcher, all of it in one thread."""

from __future__ import annotations

import http.client
import os
import socket
import stat
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from zerg.daemon.client import UnixConnection
from zerg.daemon.listener import ADJUSTMENTS, Listeners
from zerg.errors import ConfigError, InUse

LONG = 20_000_000  # bytes
PATIENCE = 30  # seconds until a test gives up; nothing is measured by it


def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """/thread names the thread that answers, /echo repeats the body, /long is long, /parts has no length."""
    body = environ["wsgi.input"].read()
    answer: list[bytes] = {
        "/thread": [b"%d %d" % (threading.get_ident(), threading.active_count())],
        "/echo": [body],
        "/long": [bytes(LONG)],
        "/parts": [b"one ", b"two"],
    }[environ["PATH_INFO"]]
    length = [] if environ["PATH_INFO"] == "/parts" else [("Content-Length", str(sum(map(len, answer))))]
    start("200 OK", [("Content-Type", "text/plain"), *length])
    return answer


class Loop:
    """Listeners on a port and a Unix socket, and the one thread that serves them."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "socket"
        self.listeners = Listeners()
        found = self.listeners.tcp("127.0.0.1", 0)
        self.address: tuple[str, int] = found.getsockname()
        self.listeners.listen(app, sockets=[found])
        self.listeners.unix(app, self.path)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self) -> None:
        with closing(self.listeners):
            while not self.stop.is_set():
                self.listeners.turn(0.05)

    def tcp(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(*self.address, timeout=PATIENCE)

    def raw(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=PATIENCE)


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    found = Loop(tmp_path)
    found.thread.start()
    try:
        yield found
    finally:
        found.stop.set()
        found.thread.join()


def ask(connection: http.client.HTTPConnection, target: str, body: Any = None, **more: Any) -> bytes:
    connection.request("GET" if body is None else "POST", target, body, **more)
    with connection.getresponse() as found:
        assert found.status == 200
        return found.read()


@contextmanager
def connected(*connections: http.client.HTTPConnection) -> Iterator[None]:
    try:
        yield
    finally:
        for connection in connections:
            connection.close()


def until(connection: socket.socket, what: bytes, times: int = 1) -> bytes:
    """What arrives, until it holds `what` so many times."""
    found = b""
    while found.count(what) < times:
        data = connection.recv(1 << 16)
        assert data, found
        found += data
    return found


def test_port_and_socket_are_answered_by_the_one_thread(loop: Loop) -> None:
    before = threading.active_count()
    tcp, unix = loop.tcp(), UnixConnection(loop.path)
    with connected(tcp, unix):
        expected = b"%d %d" % (loop.thread.ident or 0, before)
        assert [ask(one, "/thread") for one in (tcp, unix, tcp, unix)] == [expected] * 4


def test_the_socket_is_private_and_goes_with_the_listeners(loop: Loop) -> None:
    assert stat.S_IMODE(loop.path.stat().st_mode) == 0o600
    loop.stop.set()
    loop.thread.join()
    assert not loop.path.exists()


def test_a_live_socket_is_never_replaced_and_a_stale_one_is(loop: Loop) -> None:
    with closing(Listeners()) as second, pytest.raises(InUse):
        second.unix(app, loop.path)
    unix = UnixConnection(loop.path)
    with connected(unix):
        assert ask(unix, "/echo", b"alive") == b"alive"
    stale = loop.path.with_name("stale")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(stale))
    with closing(Listeners()) as third:
        third.unix(app, stale)
        assert stale.exists()


def test_only_loopback_is_listened_on() -> None:
    with pytest.raises(ConfigError):
        Listeners().tcp("0.0.0.0", 0)


def test_a_connection_is_kept(loop: Loop) -> None:
    tcp = loop.tcp()
    with connected(tcp):
        ask(tcp, "/echo", b"1")
        kept = tcp.sock
        assert ask(tcp, "/echo", b"2") == b"2" and tcp.sock is kept


def test_requests_that_come_at_once_are_answered_in_their_order(loop: Loop) -> None:
    with loop.raw() as connection:
        connection.sendall(b"".join(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n#%d" % n for n in range(9)))
        found = until(connection, b"200 OK", 9)
        while b"#8" not in found:
            found += connection.recv(1 << 16)
    assert [found.index(b"#%d" % n) for n in range(9)] == sorted(found.index(b"#%d" % n) for n in range(9))


def test_chunked_bodies_go_both_ways(loop: Loop) -> None:
    tcp = loop.tcp()
    with connected(tcp):
        sent = [os.urandom(100_000) for _ in range(8)]  # more than is kept in memory
        assert ask(tcp, "/echo", iter(sent), encode_chunked=True, headers={"Transfer-Encoding": "chunked"}) == b"".join(sent)
        assert ask(tcp, "/parts") == b"one two"


def test_a_client_that_waits_for_leave_to_send_gets_it(loop: Loop) -> None:
    with loop.raw() as connection:
        connection.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert until(connection, b"\r\n\r\n").startswith(b"HTTP/1.1 100 Continue")
        connection.sendall(b"hello")
        assert until(connection, b"hello").startswith(b"HTTP/1.1 200 OK")


def test_a_slow_reader_of_a_long_answer_does_not_block_others(loop: Loop) -> None:
    tcp = loop.tcp()
    with connected(tcp), loop.raw() as slow:
        slow.sendall(b"GET /long HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        head: bytes = slow.recv(4096)
        for number in range(20):
            assert ask(tcp, "/echo", b"%d" % number) == b"%d" % number
        rest = len(head) - head.index(b"\r\n\r\n") - 4
        while data := slow.recv(1 << 20):
            rest += len(data)
    assert rest == LONG


def test_a_client_that_goes_away_amid_an_answer_does_no_harm(loop: Loop) -> None:
    tcp = loop.tcp()
    with connected(tcp):
        for _ in range(3):
            with loop.raw() as away:
                away.sendall(b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
                away.recv(10)
        assert ask(tcp, "/echo", b"still") == b"still"


def test_a_body_beyond_the_limit_is_refused_before_it_is_read(loop: Loop) -> None:
    with loop.raw() as connection:
        length = ADJUSTMENTS["max_request_body_size"] + 1
        connection.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length)
        assert until(connection, b"\r\n\r\n").startswith(b"HTTP/1.1 413")
