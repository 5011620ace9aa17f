"""How far a long command is: a bar on a terminal, elsewhere one line at the end. Both go to stderr."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self, TextIO

WIDTH = 30  # characters
PAUSE = 0.1  # seconds between two drawings


class Progress:
    """Called with what is done and what there is in all, both in bytes."""

    def __init__(self, verb: str, stream: TextIO | None = None) -> None:
        self.verb = verb  # past tense: "archived"
        self.stream = stream or sys.stderr
        self.started = self.drawn = time.monotonic()
        self.done = self.total = 0

    def __enter__(self) -> Self:
        return self

    def __call__(self, done: int, total: int) -> None:
        self.done, self.total = done, max(done, total)
        now = time.monotonic()
        if self.stream.isatty() and now - self.drawn >= PAUSE:
            self.drawn = now
            self._write(f"\r{self.bar()}")

    def bar(self) -> str:
        """As `████████░░░░ 61 %  12.3 of 20.1 MB`."""
        share = self.done / self.total if self.total else 1.0
        full = round(share * WIDTH)
        return f"{'█' * full}{'░' * (WIDTH - full)} {share:4.0%}  {megabytes(self.done)} of {megabytes(self.total)} MB "

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.stream.isatty():
            self._write("\r\x1b[K")
        if error is None:
            self._write(f"{self.verb} {megabytes(self.done)} MB in {time.monotonic() - self.started:.1f} s\n")

    def _write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()


def megabytes(count: int) -> str:
    return f"{count / 1e6:.1f}"
