"""The serving process: one thread that owns the database and answers everything, and beside it the Shipper's."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from shipper import machine
from shipper.server import Server, ShipperError
from shipper.ship import Progress, Report, Shipper
from shipper.transcript import roots
from zerg.config import Settings
from zerg.daemon.listener import Listeners
from zerg.daemon.lock import Lock
from zerg.errors import Unavailable, ZergError
from zerg.store import open_store
from zerg.web import app
from zerg.web.guard import Guard
from zerg.web.site import Site

IDLE = 0.5  # seconds between two looks for a signal while nothing happens
TOGETHER = 8  # pushes that share a commit, at the most
AGE = 0.1  # seconds that a push waits for its commit, at the most
log = logging.getLogger("zerg.daemon")


def serve(settings: Settings, *, ship: bool, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT. `on_ready` is called with the URL once requests are taken."""
    with (
        Lock(settings.home.make()) as lock,
        opened(settings, shipping=ship) as site,
        contextlib.closing(Listeners()) as listeners,
    ):
        url = listen(listeners, site)
        lock.note(url=url)
        stop = threading.Event()
        stopping(stop)
        with shipping(settings, url, stop) if ship else contextlib.nullcontext():
            on_ready(url)
            run(listeners, site, stop)


@contextlib.contextmanager
def opened(settings: Settings, *, shipping: bool) -> Iterator[Site]:
    store = open_store(settings.database_url)
    try:
        yield Site(settings, store, shipping=shipping)
    finally:
        store.close()


def listen(listeners: Listeners, site: Site) -> str:
    """Open the port and the socket; the URL of the port."""
    server, application = site.settings.server, app.make(site)
    found = listeners.tcp(server.host, server.port)
    port: int = found.getsockname()[1]
    listeners.listen(Guard(application, port, server.names), sockets=[found])
    if hasattr(socket, "AF_UNIX"):
        listeners.unix(application, site.settings.home.socket)
    return f"http://{'localhost' if server.host == '127.0.0.1' else server.host}:{port}"


def stopping(stop: threading.Event) -> None:
    """Let SIGTERM and SIGINT end the loop instead of the process: what is under way is finished."""
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())


def run(listeners: Listeners, site: Site, stop: threading.Event) -> None:
    """Answer requests; what is left to do is done in small steps while there are none."""
    timeout = IDLE
    while not stop.is_set():
        busy = listeners.turn(timeout)
        if site.store.held >= TOGETHER or (site.store.held and time.monotonic() - site.store.held_at > AGE):
            survive(site.store.settle)
        elif not busy and not site.store.held:
            busy = survive(site.upkeep.step)
        timeout = AGE if site.store.held else 0.0 if busy else IDLE


def survive(step: Callable[[], bool | None]) -> bool:
    """Do what nobody waits for; whether there was more to do. A full disk or the like stops the step, not the server."""
    try:
        return bool(step())
    except ZergError as error:
        log.error("%s", error)
        return False


@contextlib.contextmanager
def shipping(settings: Settings, url: str, stop: threading.Event) -> Iterator[None]:
    """The Shipper of this machine, in a thread of its own: a client of the server like any other."""
    folders = [Path(root) for root in settings.shipper.roots] or roots()
    shipper = Shipper(Server(address(settings, url)), settings.home.machine(), machine.label(), folders)
    thread = threading.Thread(target=shipper.watch, args=(stop,), name="shipper", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(3)


def address(settings: Settings, url: str) -> str:
    return f"unix:{settings.home.socket}" if hasattr(socket, "AF_UNIX") else url


def import_once(settings: Settings, folders: Sequence[Path], progress: Callable[[int, int], None]) -> Report:
    """Archive `folders` and return the Shipper's report: a server that listens on the socket alone, for as long as it takes."""
    with Lock(settings.home.make()), opened(settings, shipping=True) as site, contextlib.closing(Listeners()) as listeners:
        url = listen_privately(listeners, site)
        stop = threading.Event()
        shipper = Shipper(Server(url, stop=stop), settings.home.machine(), machine.label(), folders, told(progress))
        with ThreadPoolExecutor(1, "shipper") as pool:
            report = pool.submit(shipper.run_once)
            report.add_done_callback(lambda _: stop.set())
            try:
                run(listeners, site, stop)
            finally:
                stop.set()  # nobody would answer the Shipper any more
        return outcome(report)


def told(progress: Callable[[int, int], None]) -> Callable[[Progress], None]:
    return lambda now: progress(now.done_bytes, now.total_bytes)


def outcome(report: Future[Report]) -> Report:
    """What the Shipper reports, or why it could not go on, as an error of ours."""
    try:
        return report.result()
    except ShipperError as error:
        raise Unavailable(str(error)) from error


def listen_privately(listeners: Listeners, site: Site) -> str:
    if hasattr(socket, "AF_UNIX"):
        listeners.unix(app.make(site), site.settings.home.socket)
        return f"unix:{site.settings.home.socket}"
    found = listeners.tcp("127.0.0.1", 0)
    port: int = found.getsockname()[1]
    listeners.listen(Guard(app.make(site), port), sockets=[found])
    return f"http://127.0.0.1:{port}"
