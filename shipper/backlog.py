"""What is behind, and why. The shipper's thread writes it, others may read it at any time."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Container
from typing import NamedTuple

from shipper.transcript import Stamp

FIRST, LONGEST = 0.2, 30.0  # seconds between two tries
NOTHING = Stamp(0, 0, 0)


class Behind(NamedTuple):
    """A file whose bytes are not all on the server."""

    path: str
    bytes: int  # size of the file
    reason: str


class Held(NamedTuple):
    """A file that is set aside."""

    stamp: Stamp
    reason: str
    tries: int
    until: float | None  # time.monotonic; None: until the file changes


class Backoff:
    """How long to wait before the next try: twice as long each time, never at the same moment as others."""

    def __init__(self) -> None:
        self._tries = 0

    def reset(self) -> None:
        """All is well again."""
        self._tries = 0

    def next(self) -> float:
        """Seconds."""
        self._tries += 1
        return delay(self._tries)


def delay(tries: int) -> float:
    """Seconds to wait after so many failures: 0.2 to 30, of which up to half is chance."""
    return float(min(LONGEST, FIRST * 2 ** min(tries - 1, 16)) * random.uniform(0.5, 1.0))


class Backlog:
    """The files that wait for their turn, and those set aside."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, Stamp] = {}
        self._held: dict[str, Held] = {}

    def wait(self, path: str, stamp: Stamp) -> None:
        """`path` is to be sent."""
        with self._lock:
            self._waiting[path] = stamp

    def hold(self, path: str, stamp: Stamp, reason: str) -> None:
        """Leave `path` alone until it changes."""
        with self._lock:
            self._waiting.pop(path, None)
            self._held[path] = Held(stamp, reason, 0, None)

    def postpone(self, path: str, reason: str, least: float = 0.0) -> None:
        """Try `path` again after a while, of `least` seconds or more, which grows each time."""
        with self._lock:
            before = self._held.get(path)
            tries = before.tries + 1 if before else 1
            stamp = self._waiting.pop(path, None) or (before.stamp if before else NOTHING)
            self._held[path] = Held(stamp, reason, tries, time.monotonic() + max(least, delay(tries)))

    def done(self, path: str) -> None:
        """`path` is on the server, or no longer on the machine."""
        with self._lock:
            self._waiting.pop(path, None)
            self._held.pop(path, None)

    def keep(self, paths: Container[str]) -> None:
        """Forget the files that are not among `paths`."""
        with self._lock:
            self._waiting = {path: stamp for path, stamp in self._waiting.items() if path in paths}
            self._held = {path: held for path, held in self._held.items() if path in paths}

    def __contains__(self, path: str) -> bool:
        return path in self._held or path in self._waiting

    def is_held(self, path: str, stamp: Stamp, now: float) -> bool:
        """Whether `path` must not be tried now."""
        held = self._held.get(path)
        if held is None:
            return False
        return held.stamp == stamp if held.until is None else now < held.until

    def due(self, now: float) -> set[str]:
        """The files set aside whose time has come."""
        return {path for path, held in self._held.items() if held.until is not None and held.until <= now}

    def next_due(self) -> float | None:
        """When the first of them comes (time.monotonic); None if there is none."""
        return min((held.until for held in self._held.values() if held.until is not None), default=None)

    def snapshot(self) -> tuple[Behind, ...]:
        """All that is behind."""
        with self._lock:
            held = [Behind(path, held.stamp.size, held.reason) for path, held in self._held.items()]
            waiting = [Behind(path, stamp.size, "waiting") for path, stamp in self._waiting.items() if path not in self._held]
            return (*held, *waiting)
