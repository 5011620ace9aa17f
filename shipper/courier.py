"""The courier carries files to the server: one slice is on its way while the next one is read and compressed."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from shipper.backlog import LONGEST, Backlog
from shipper.server import Conflict, Failed, Known, Rejected, Server, Stopped, Stored
from shipper.transcript import PROVIDER, Stamp
from shipper.upload import Slice, Upload

TRIES = 5  # at one file in one run; the server and the file may disagree anew each time

log = logging.getLogger("shipper")


class Task(NamedTuple):
    """A file to carry."""

    path: str
    whole: bool = False  # compare all bytes that the server has, not only the first and the last
    replace: bool = False  # the server said that they differ
    tries: int = 0


class Courier:
    """Carries files of `machine` to `server`; those that it cannot deliver stay in `backlog`, with the reason.

    `known` is what the server has, as far as it told; `asks`: it has not told of every file, so ask where one is not known.
    `equal` is the state in which a file was last found to be all there.
    `on_stored(path, bytes, new)` is called for all that the server has; `new`: it had not had it before.
    """

    def __init__(self, server: Server, machine: str, backlog: Backlog, on_stored: Callable[[str, int, bool], None]) -> None:
        self.known: dict[str, Known] = {}
        self.equal: dict[str, Stamp] = {}
        self.asks = False
        self.sent = 0  # bytes that the server took
        self._server = server
        self._machine = machine
        self._backlog = backlog
        self._on_stored = on_stored
        self._queue: deque[Task] = deque()
        self._urgent: Callable[[], Sequence[str]] = list
        self._upload: Upload | None = None  # being cut
        self._flight: Slice | None = None  # sent, not yet answered

    def run(self, paths: Iterable[str], urgent: Callable[[], Sequence[str]]) -> None:
        """Deliver the files at `paths`, in this order; before each one, what `urgent` names.

        `Stopped`, `Unreachable` and `Refused` end it; running it again goes on.
        """
        self._queue, self._urgent = deque(map(Task, paths)), urgent
        try:
            while True:
                if self._server.stop.is_set():
                    raise Stopped
                piece = self._prepare()
                self._land()
                if piece is not None and not piece.upload.over:
                    self._launch(piece)
                elif piece is None and not self._queue:
                    break
        finally:
            self._drop()

    def _prepare(self) -> Slice | None:
        """The next slice, of the file at hand or of the next ones; None when there is no more."""
        while self._upload or self._queue:
            if self._upload is None:
                self._queue.extendleft(map(Task, reversed(self._urgent())))
                self._upload = self._open(self._queue.popleft())
                continue
            piece = self._upload.cut()
            if piece is not None:
                return piece
            if self._upload.short:
                self._again(self._upload)
            self._upload.close()
            self._upload = None
        return None

    def _open(self, task: Task) -> Upload | None:
        """The upload of a file, placed where the server stands; None if there is nothing to send."""
        if self._flight is not None and self._flight.upload.path == task.path:
            self._land()
        try:
            upload = Upload(task.path)
        except FileNotFoundError:
            self._backlog.done(task.path)
            return None
        except OSError as error:
            self._backlog.postpone(task.path, f"cannot be read: {error.strerror}", LONGEST)
            return None
        upload.tries = task.tries
        try:
            self._place(upload, task)
        except BaseException:
            upload.close()
            raise
        if upload.complete:
            self._delivered(upload)
            upload.close()
            return None
        return upload

    def _place(self, upload: Upload, task: Task) -> None:
        """Find out where the upload begins."""
        known = self.known.get(task.path)
        whole = task.whole or self._doubtful(upload)
        if (known is None and self.asks) or (whole and (known is None or known.digest is None)):
            self._land()  # one request at a time
            known = self._server.source(self._machine, task.path)
        if known is None:
            return
        self.known[task.path] = known
        if not task.replace and upload.matches(known, whole):
            upload.go_on(known)
            self._on_stored(task.path, known.offset, False)
        else:
            log.info("%s is no longer what the server has: sending all of it", task.path)
            upload.replace(known)

    def _doubtful(self, upload: Upload) -> bool:
        """Whether the file changed in another way than by growing."""
        before, after = self.equal.get(upload.path), upload.stamp
        return before is not None and before != after and (before.inode != after.inode or after.size <= before.size)

    def _launch(self, piece: Slice) -> None:
        upload = piece.upload
        self._server.push(
            piece.body,
            provider=PROVIDER,
            machine=self._machine,
            path=upload.path,
            generation=upload.generation,
            offset=piece.offset,
            size=upload.stamp.size,
            mtime=upload.stamp.mtime / 1e9,
            replaces="" if upload.replaces is None else upload.replaces,
        )
        self._flight = piece

    def _land(self) -> None:
        """Hear what became of the slice that is on its way, if one is."""
        piece, self._flight = self._flight, None
        if piece is None:
            return
        upload = piece.upload
        try:
            stored = self._server.stored()
        except Conflict as conflict:
            self.known[upload.path] = conflict.known
            self._again(upload, replace=conflict.rewritten)
        except Rejected as error:
            log.warning("%s is set aside: %s", upload.path, error)
            upload.over = True
            self._backlog.hold(upload.path, upload.stamp, str(error))
        except Failed as error:
            log.warning("%s: %s", upload.path, error)
            upload.over = True
            self._backlog.postpone(upload.path, str(error))
        else:
            self._stored(piece, stored)

    def _stored(self, piece: Slice, stored: Stored) -> None:
        upload = piece.upload
        if stored.offset != piece.end:  # another shipper was here, or the server took up an older generation
            self.known.pop(upload.path, None)
            self._again(upload)
            return
        upload.generation, upload.replaces = stored.generation, None
        self.sent += piece.length
        self._on_stored(upload.path, piece.length, True)
        if not upload.over and piece.end == upload.stamp.size:
            self.known[upload.path] = upload.known()
            self._delivered(upload)

    def _delivered(self, upload: Upload) -> None:
        self.equal[upload.path] = upload.stamp
        self._backlog.done(upload.path)

    def _again(self, upload: Upload, replace: bool = False) -> None:
        """Begin anew with the file of `upload`, comparing all of it."""
        upload.over = True
        if upload.tries < TRIES:
            self._queue.appendleft(Task(upload.path, True, replace, upload.tries + 1))
        else:
            self._backlog.postpone(upload.path, "changes faster than it can be sent, or another shipper sends it too")

    def _drop(self) -> None:
        if self._flight is not None:
            self._server.close()  # its answer would be taken for that of the next request
        if self._upload is not None:
            self._upload.close()
        self._flight = self._upload = None
        self._queue.clear()
