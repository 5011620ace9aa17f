"""What the import of a home costs from the start of the process until all is in, and what pages take meanwhile."""

from __future__ import annotations

import re
import shutil
import tempfile
import threading
import time
from pathlib import Path

from bench import home, page
from bench.figure import Figure, Figures, quantile
from bench.server import Server

BETWEEN = 1 / 30  # seconds between two pages


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
    """Import `claude` into the empty home `into`."""
    with Server(into, claude) as server:
        visitor = Visitor(server)
        visitor.start()
        while not server.idle():
            time.sleep(0.05)
        seconds = time.perf_counter() - server.started
        visitor.enough.set()
        visitor.join()
        source = home.size(claude)
        figures = {
            "answers after": Figure(server.ready, "s", most=1.0),
            "first Timeline with sessions": Figure(visitor.first, "s", most=1.5),
            "import": Figure(source / 1e6 / seconds, "MB/s", least=40),
            "page meanwhile, p50": Figure(quantile(visitor.seconds, 0.5) * 1e3, "ms"),
            "page meanwhile, p95": Figure(quantile(visitor.seconds, 0.95) * 1e3, "ms", most=100),
            **page.looked_at(server),
        }
        peak, now = server.memory()
    database = sum(file.stat().st_size for file in into.glob("zerg.db"))
    sizes = {"memory, peak": Figure(peak, "MB", most=90), "memory, then": Figure(now, "MB", most=90)}
    return figures | sizes | {"database / source": Figure(database / source, "", most=0.4)}


def cold(claude: Path) -> Figures:
    """The same, into a home that is thrown away."""
    into = Path(tempfile.mkdtemp(prefix="zerg-bench-"))
    try:
        return filled(claude, into)
    finally:
        shutil.rmtree(into)
