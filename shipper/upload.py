"""One file on its way to the server: compared with what the server has, then cut into slices."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from typing import BinaryIO, NamedTuple

from shipper.server import Known
from shipper.slice import LIMIT, Body, cut, pack
from shipper.transcript import Stamp

EDGE = 4096  # bytes of the head and the tail that are compared
BLOCK = 1024 * 1024  # bytes read at once to hash a whole file


class Slice(NamedTuple):
    """A piece of an upload, ready to be sent."""

    upload: Upload
    offset: int
    length: int  # bytes of the file
    body: Body

    @property
    def end(self) -> int:
        """Bytes of the file up to the end of this slice."""
        return self.offset + self.length


class Upload:
    """The file at `path` as it was when opened: what is appended later waits for the next upload.

    `go_on` or `replace` say where it begins (else: a file that is new to the server). `over`: nothing more of it shall be sent.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._file: BinaryIO = open(path, "rb", buffering=0, opener=_no_pipe)  # noqa: SIM115 - closed by close()
        found = os.fstat(self._file.fileno())
        if not stat.S_ISREG(found.st_mode):
            self._file.close()
            raise OSError(errno.EINVAL, "not a regular file")
        self.stamp = Stamp.of(found)
        self.generation = 1  # what the server is believed to have
        self.replaces: int | None = None  # the generation that this file is not
        self.reach = 0  # bytes up to which slices are cut, or the server has them
        self.short = False  # the file turned out shorter than it was when opened
        self.tries = 0  # how often this file was begun anew in this run
        self.over = False
        self._head = self._tail = b""
        self._begun = False

    def matches(self, known: Known, whole: bool) -> bool:
        """Whether the file begins with what the server has: by its first and last 4 KiB, or by the `whole` digest."""
        if self.stamp.size < known.offset:
            return False
        if whole and known.digest is not None:
            return self._digest(known.offset) == known.digest
        return (_sha(self._read(0, min(EDGE, known.offset))), _sha(self._before(known.offset))) == (known.head, known.tail)

    def go_on(self, known: Known) -> None:
        """The server has the file up to `known.offset`: send the rest, if there is any."""
        self.generation, self.reach = known.generation, known.offset
        self._head, self._tail = self._read(0, min(EDGE, known.offset)), self._before(known.offset)
        self._begun = True

    def replace(self, known: Known) -> None:
        """The server has something else at this path: send all."""
        self.generation = self.replaces = known.generation

    @property
    def complete(self) -> bool:
        """Whether all is cut into slices, or on the server already."""
        return self._begun and self.reach >= self.stamp.size

    def cut(self) -> Slice | None:
        """The next slice; None when there is no more. An empty file that is new to the server makes one empty slice."""
        if self.over or self.complete:
            return None
        wanted = min(LIMIT, self.stamp.size - self.reach)
        data = self._read(self.reach, wanted)
        if len(data) < wanted:
            self.short = self.over = True
            return None
        return self._slice(cut(data, ends=self.reach + wanted == self.stamp.size))

    def _slice(self, data: bytes) -> Slice:
        made = Slice(self, self.reach, len(data), pack(data))
        self._begun = True
        self.reach += len(data)
        self._head = (self._head + data[:EDGE])[:EDGE]
        self._tail = (self._tail + data[-EDGE:])[-EDGE:]
        return made

    def known(self) -> Known:
        """What the server has once it took every slice that was cut."""
        return Known(self.generation, self.reach, _sha(self._head), _sha(self._tail))

    def close(self) -> None:
        """Close the file; nothing can be cut from it any more."""
        self._file.close()

    def _before(self, offset: int) -> bytes:
        start = max(0, offset - EDGE)
        return self._read(start, offset - start)

    def _read(self, offset: int, length: int) -> bytes:
        """`length` bytes from `offset`; fewer where the file has been cut off meanwhile."""
        self._file.seek(offset)
        data = self._file.read(length)
        while len(data) < length:
            more = self._file.read(length - len(data))
            if not more:
                break
            data += more
        return data

    def _digest(self, length: int) -> str:
        """Of the first `length` bytes, read in blocks."""
        sha = hashlib.sha256()
        for start in range(0, length, BLOCK):
            sha.update(self._read(start, min(BLOCK, length - start)))
        return sha.hexdigest()


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _no_pipe(path: str, flags: int) -> int:
    """Open without waiting: a named pipe has no writer to wait for, and is none of ours."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
