"""What the import of a home costs from the start of the process until all is in: once alone, once while it is looked at."""

from __future__ import annotations

import re
import tempfile
import threading
import time
from pathlib import Path

from bench import home, page
from bench.figure import Figure, Figures, quantile
from bench.server import Server

BETWEEN = 0.1  # seconds between two visits
POLL = 0.1  # seconds between two questions whether all is in


class Visitor(threading.Thread):
    """Looks at the Timeline and at the session on top of it, over and over, while the server fills."""

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self.server = server
        self.enough = threading.Event()
        self.first = float("nan")  # seconds from the start of the process to the first Timeline with a session
        self.seconds: list[float] = []

    def run(self) -> None:
        connection = self.server.connect()
        while not self.enough.wait(BETWEEN):
            timeline = self.server.get("/", connection)
            self.seconds.append(timeline.seconds)
            session = re.search(rb'href="(/s/[0-9a-f-]{36})', timeline.body)
            if session:
                if self.first != self.first:  # not a number: nothing seen before
                    self.first = time.perf_counter() - self.server.started
                self.seconds.append(self.server.get(session[1].decode(), connection).seconds)
        connection.close()


def filled(claude: Path, into: Path) -> Figures:
    """Import `claude` into the empty home `into`, with nobody looking."""
    source = home.size(claude)
    with Server(into, claude) as server:
        seconds = until_idle(server)
        speed = {
            "answers after": Figure(server.ready, "s", most=1.0),
            "import": Figure(source / 1e6 / seconds, "MB/s", least=40),
            "import, processor time": Figure(server.processor(), "s"),
        }
        peak, _ = server.memory()
        pages = page.looked_at(server)
        highest, now = server.memory()
    database = sum(file.stat().st_size for file in into.glob("zerg.db"))
    memory = {
        "memory, peak of the import": Figure(peak, "MB", most=90),
        "memory, peak of the pages": Figure(highest, "MB", most=90),
        "memory, then": Figure(now, "MB", most=90),
    }
    return {**speed, **pages, **memory, "database / source": Figure(database / source, "", most=0.4)}


def visited(claude: Path, into: Path) -> Figures:
    """The same, while somebody looks."""
    with Server(into, claude) as server:
        visitor = Visitor(server)
        visitor.start()
        seconds = until_idle(server)
        visitor.enough.set()
        visitor.join()
    return {
        "first Timeline with sessions": Figure(visitor.first, "s", most=1.5),
        "import while looked at": Figure(home.size(claude) / 1e6 / seconds, "MB/s"),
        "page meanwhile, p50": Figure(quantile(visitor.seconds, 0.5) * 1e3, "ms"),
        "page meanwhile, p95": Figure(quantile(visitor.seconds, 0.95) * 1e3, "ms", most=100),
    }


def until_idle(server: Server) -> float:
    """Seconds from the start of the process until all is in."""
    while not server.idle():
        time.sleep(POLL)
    return time.perf_counter() - server.started


def cold(claude: Path) -> Figures:
    """Both, into homes that are thrown away."""
    figures: dict[str, Figure] = {}
    for measure in (filled, visited):
        with tempfile.TemporaryDirectory(prefix="zerg-bench-") as into:
            figures |= measure(claude, Path(into))
    return figures
