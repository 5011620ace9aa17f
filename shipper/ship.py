"""The Shipper: brings all transcripts of this machine to a zerg server, and then what is written to them."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from shipper.backlog import LONGEST, Backlog, Backoff, Behind
from shipper.courier import Courier
from shipper.server import Failed, Refused, Server, ShipperError, Stopped, Unreachable
from shipper.transcript import cleanup_days, newest_first
from shipper.tree import Tree

TICK = 0.5  # seconds between two looks at what is being written
ASK = 5.0  # seconds between two looks whether the server is still in its run: it may have lost what it had
WHOLE = 300.0  # seconds between two passes over everything
SETTLE = 5.0  # seconds between two passes that only report that files are gone

log = logging.getLogger("shipper")


class Progress(NamedTuple):
    """How far a pass has come. Bytes of the transcripts, not of the wire."""

    files: int
    total_bytes: int
    done_bytes: int  # the server has them, from before or from now
    path: str  # the last file of which something was stored


class Report(NamedTuple):
    """What a pass found and did."""

    files: int
    bytes: int
    stored_bytes: int  # that the server had not had before
    missing: int  # files that the server has and this machine no longer
    behind: tuple[Behind, ...]


class Status(NamedTuple):
    """Where the Shipper stands."""

    server: str  # its address
    error: str  # why it cannot be reached; "" if it can
    files: int
    bytes: int
    behind: tuple[Behind, ...]


class Shipper:
    """Ships the transcripts under `roots` to `server`, as those of `machine`, an id that people know by its `label`.

    It runs in one thread; `status` may be called from any. `on_progress` is called in the thread that ships. Where the roots are
    files, the server is asked for these only and gets no report, which is about a whole machine.
    """

    def __init__(
        self,
        server: Server,
        machine: str,
        label: str,
        roots: Sequence[str | os.PathLike[str]],
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self._server = server
        self._machine = machine
        self._label = label
        self._on_progress = on_progress or (lambda progress: None)
        self._tree = Tree(roots)
        self._backlog = Backlog()
        self._backoff = Backoff()
        self._courier = Courier(server, machine, self._backlog, self._count)
        self._few = self._courier.asks = all(os.path.isfile(root) for root in roots)
        self._boot = ""  # the run of the server whose answers we remember
        self._told: dict[str, Any] = {}  # the last scan report of a whole pass
        self._error = ""
        self._progress = Progress(0, 0, 0, "")
        self._found = (0, 0)  # files and bytes of the last pass
        self._stored_at = self._looked = 0.0  # time.monotonic

    def run_once(self, patience: float = 20.0) -> Report:
        """One pass over all files. Raises `Unreachable` if the server did not answer for `patience` seconds, or `Refused`.

        Files that the server fails over are tried again for as long.
        """
        self._stored_at, self._courier.sent = time.monotonic(), 0
        try:
            return self._persist(patience)
        finally:
            self._server.close()

    def _persist(self, patience: float) -> Report:
        """Passes until one leaves nothing that is worth waiting for."""
        while True:
            try:
                report = self._pass()
                wait = self._next_due()
                if wait is None and self._server.boot(self._machine) != self._boot:
                    wait = 0.0  # the server could not keep what it had taken
            except (Unreachable, Failed) as error:
                self._lost(error)
                if self._impatient(patience):
                    raise
                wait = self._backoff.next()
            else:
                if wait is None or self._impatient(patience - wait):
                    return report
            if self._server.stop.wait(wait):
                raise Stopped

    def watch(self, stop: threading.Event) -> None:
        """Ship everything, then all that is written, until `stop` is set. Waits for a server that is away for ever."""
        self._server.stop = stop
        while not stop.is_set():
            try:
                self._pass()
                self._tail(time.monotonic() + WHOLE)
            except Stopped:
                break
            except ShipperError as error:
                self._lost(error)
                stop.wait(LONGEST if isinstance(error, Refused) else self._backoff.next())
        self._server.close()

    def status(self) -> Status:
        """Where the Shipper stands now, and what is behind and why."""
        unread = tuple(Behind(folder, 0, f"cannot be read: {reason}") for folder, reason in list(self._tree.errors.items()))
        return Status(self._server.address, self._error, *self._found, unread + self._backlog.snapshot())

    def _pass(self) -> Report:
        anew = self._greet()
        self._tree.scan()
        self._looked = time.monotonic()
        files = self._tree.files
        self._backlog.keep(files)
        self._found = len(files), sum(stamp.size for stamp in files.values())
        wanted = self._wanted(files, anew)
        self._progress = Progress(*self._found, self._found[1] - sum(files[path].size for path in wanted), "")
        missing = self._missing()
        if wanted:
            self._tell(missing, complete=False)
        self._ship(wanted)
        self._tell(missing, complete=True)
        self._backoff.reset()
        return Report(*self._found, self._courier.sent, len(missing), self._backlog.snapshot())

    def _greet(self) -> bool:
        """Ask the server what it has, unless it is still in the run in which it told us. Whether it was asked."""
        if self._boot and self._server.boot(self._machine) == self._boot:
            return False
        if self._few:
            self._boot, self._courier.known = self._server.boot(self._machine), {}
        else:
            self._boot, self._courier.known = self._server.sources(self._machine)
        self._told = {}
        if self._error:
            log.info("%s answers again", self._server.address)
        self._error = ""
        return True

    def _wanted(self, paths: Iterable[str], anew: bool = False) -> list[str]:
        """Those of `paths` that changed since they were compared or are behind, all if `anew`; without those set aside."""
        files, equal, backlog, now = self._tree.files, self._courier.equal, self._backlog, time.monotonic()
        unsettled = [path for path in paths if path in files and (anew or equal.get(path) != files[path] or path in backlog)]
        return [path for path in unsettled if not backlog.is_held(path, files[path], now)]

    def _missing(self) -> list[str]:
        return sorted(path for path in self._courier.known if path not in self._tree.files and not os.path.lexists(path))

    def _ship(self, paths: Sequence[str]) -> None:
        self._courier.run(self._queued(paths), self._written)

    def _queued(self, paths: Sequence[str]) -> list[str]:
        for path in paths:
            self._backlog.wait(path, self._tree.files[path])
        return newest_first(self._tree.files, paths)

    def _written(self) -> list[str]:
        """What was written since the last look: it goes before the old sessions of a long pass."""
        now = time.monotonic()
        if now - self._looked < TICK:
            return []
        self._looked = now
        return self._queued(self._wanted(self._tree.look(now)))

    def _count(self, path: str, stored: int, new: bool) -> None:
        if new:  # a server that tells what it has but takes nothing is not well
            self._backoff.reset()
            self._stored_at = time.monotonic()
        done = min(self._progress.done_bytes + stored, self._progress.total_bytes)  # a file may be compared more than once
        self._progress = self._progress._replace(done_bytes=done, path=path)
        self._on_progress(self._progress)

    def _tell(self, missing: list[str], complete: bool) -> None:
        """Report the pass to the server, unless it knows all that from the last one."""
        report = {
            "machine": self._machine,
            "label": self._label,
            "roots": self._tree.roots,
            "files": self._found[0],
            "bytes": self._found[1],
            "missing": missing,
            "cleanup_days": cleanup_days(self._tree.roots),
            "complete": complete,
        }
        if report != self._told and not self._few:
            self._server.scan(report)
            self._told = report

    def _tail(self, until: float) -> None:
        """Ship what is written, until it is time for a whole pass or the server has been restarted."""
        begun = asked = time.monotonic()
        while not self._server.stop.wait(TICK):
            self._looked = now = time.monotonic()
            wanted = self._wanted(self._tree.look(now) | self._backlog.due(now))
            if wanted or now - asked > ASK:
                asked = now
                if self._server.boot(self._machine) != self._boot:
                    return
            if wanted:
                self._ship(wanted)
            if now > until or (self._tree.gone and now - begun > SETTLE):
                return

    def _lost(self, error: ShipperError) -> None:
        """What the server had told may no longer hold."""
        if not self._error:
            log.warning("%s", error)
        self._boot, self._error = "", str(error)
        self._server.close()

    def _next_due(self) -> float | None:
        """Seconds until a file that was postponed is tried again; None if there is none."""
        due = self._backlog.next_due()
        return None if due is None else max(0.0, due - time.monotonic())

    def _impatient(self, patience: float) -> bool:
        return time.monotonic() - self._stored_at > patience
