"""The transcripts under some roots, and which of them changed since one last looked.

Watching is polling that costs little: a folder whose mtime stands has no new files, and of the sessions that have been quiet
for long only so many are looked at each time. So what is written to a session of the last hour is seen at once, also to any
other one where there are few, a new session within a second, and an old one of ten thousand that goes on after half a minute.
"""

from __future__ import annotations

import logging
import os
import stat
import time
from collections.abc import Iterator, Sequence

from shipper.transcript import SKIPPED_FOLDERS, Stamp, is_transcript, place, session_of

HOT = 3600.0  # seconds after its last change in which a session is looked at every time
FOLDERS = 1.0  # seconds between two looks at the folders where sessions begin
QUIET = 300  # files and folders of quiet sessions that are looked at each time; 3 µs each
UNSETTLED = 2 * 10**9  # nanoseconds; a folder changed less long ago may change again without another mtime
ABSENT = -1  # in place of the mtime of a folder that is not there or cannot be read

log = logging.getLogger("shipper")


class Tree:
    """The transcripts under `roots`. `files` are those of the last look: {resolved path: stamp}."""

    def __init__(self, roots: Sequence[str | os.PathLike[str]]) -> None:
        self._roots = roots
        self.errors: dict[str, str] = {}  # folders that cannot be read, and why
        self._clear()

    def _clear(self) -> None:
        self.roots = list(dict.fromkeys(place(root) for root in self._roots))
        self.files: dict[str, Stamp] = {}
        self.gone = False  # whether a file vanished since the last scan
        self._folders: dict[str, int] = {}  # path: mtime in ns when it was read
        self._top: list[str] = []  # folders where sessions begin
        self._sessions: dict[str, set[str]] = {}  # session: its files and folders
        self._hot: dict[str, float] = {}  # session: until when (time.monotonic)
        self._round: Iterator[str] = iter(())  # the quiet sessions whose turn is still to come
        self._folders_at = time.monotonic()

    def scan(self) -> None:
        """Look at everything."""
        self._clear()
        for root in self.roots:
            if os.path.isfile(root):
                self._file(root)
                beside = session_of(root)
                if beside != root and os.path.isdir(beside):
                    self._enter(beside, 2)
            else:
                self._enter(root, 0)

    def look(self, now: float) -> set[str]:
        """The files that are new or changed since the last look. `now` is of time.monotonic."""
        changed: set[str] = set()
        if now - self._folders_at >= FOLDERS:
            self._folders_at = now
            for folder in list(self._top):
                changed |= self._folder(folder, 0 if folder in self.roots else 1)
        for session in [*self._active(now), *self._quiet()]:
            changed |= self._session(session)
        return changed

    def _active(self, now: float) -> list[str]:
        for session in [session for session, until in self._hot.items() if until < now]:
            del self._hot[session]
        return list(self._hot)

    def _quiet(self) -> Iterator[str]:
        """The next few of all sessions, so that each has its turn."""
        left = QUIET
        for session in self._round:
            yield session
            left -= len(self._sessions[session])
            if left <= 0:
                return
        self._round = iter(list(self._sessions))

    def _session(self, session: str) -> set[str]:
        changed: set[str] = set()
        for member in list(self._sessions[session]):
            changed |= self._folder(member, 2) if member in self._folders else self._file(member)
        return changed

    def _folder(self, folder: str, depth: int) -> set[str]:
        """What changed in `folder` and below it, if its mtime says that something did."""
        try:
            mtime = os.stat(folder).st_mtime_ns
        except OSError:
            mtime = ABSENT
        if mtime == self._folders[folder]:
            return set()
        return self._enter(folder, depth)

    def _enter(self, folder: str, depth: int) -> set[str]:
        """Read `folder`, which lies `depth` levels below a root; go down into folders that are new. The files that changed."""
        self._admit(folder, depth)
        changed: set[str] = set()
        for entry in self._list(folder):
            path = os.path.realpath(entry.path) if entry.is_symlink() else entry.path
            if entry.is_dir():
                if path not in self._folders and entry.name not in SKIPPED_FOLDERS:
                    changed |= self._enter(path, depth + 1)
            elif is_transcript(path):
                changed |= self._file(path)
        return changed

    def _admit(self, folder: str, depth: int) -> None:
        if folder in self._folders:
            return
        self._folders[folder] = ABSENT
        if depth <= 1:
            self._top.append(folder)
        else:
            self._sessions.setdefault(session_of(folder), set()).add(folder)

    def _list(self, folder: str) -> list[os.DirEntry[str]]:
        """The entries of `folder`; none if it cannot be read, which is told once."""
        try:
            mtime = os.stat(folder).st_mtime_ns
            with os.scandir(folder) as entries:
                found = list(entries)
        except FileNotFoundError:
            self._folders[folder] = ABSENT
            self.errors.pop(folder, None)
            return []
        except OSError as error:
            if folder not in self.errors:
                log.warning("cannot read %s: %s", folder, error.strerror)
            self.errors[folder] = error.strerror or str(error)
            return []
        self.errors.pop(folder, None)
        self._folders[folder] = mtime if time.time_ns() - mtime > UNSETTLED else ABSENT
        return found

    def _file(self, path: str) -> set[str]:
        """{path} if the file is new or changed, else nothing."""
        before, after = self.files.get(path), _stamp(path)
        if after == before:
            return set()
        session = session_of(path)
        if after is None:
            del self.files[path]
            self._sessions[session].discard(path)
            self.gone = True
            return set()
        self.files[path] = after
        self._sessions.setdefault(session, set()).add(path)
        quiet = 0.0 if before else max(0.0, time.time() - after.mtime / 1e9)
        if quiet < HOT:
            self._hot[session] = time.monotonic() + HOT - quiet
        return {path}


def _stamp(path: str) -> Stamp | None:
    """None if there is no such file, or if it is none that could be read to an end (a pipe would block for ever)."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return Stamp.of(found) if stat.S_ISREG(found.st_mode) else None
