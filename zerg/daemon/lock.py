"""One server per home: a lock file that dies with its process, and says whose it is."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from zerg.errors import InUse
from zerg.paths import Home, private_file

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

RANGE = 1 << 30  # on Windows a byte behind the text is locked, so that others can read the text


class Lock:
    """Held while the context lasts. Raises InUse, naming the holder, where somebody else holds it."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.file: int | None = None

    def __enter__(self) -> Self:
        self.file = os.open(private_file(self.home.lock), os.O_RDWR)
        try:
            take(self.file)
        except OSError:
            os.close(self.file)
            self.file = None
            raise InUse(held_by(self.home)) from None
        self.note()
        return self

    def note(self, **about: Any) -> None:
        """Say who holds the lock, and `about` it what others want to know."""
        assert self.file is not None
        text = json.dumps({"pid": os.getpid(), **about}).encode()
        os.lseek(self.file, 0, os.SEEK_SET)
        os.truncate(self.file, 0)
        os.write(self.file, text)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.file is not None:
            os.truncate(self.file, 0)
            os.close(self.file)


def take(file: int) -> None:
    """Lock without waiting; OSError where it is taken."""
    if sys.platform == "win32":
        os.lseek(file, RANGE, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def holder(path: Path) -> dict[str, Any]:
    """What the holder says of itself: pid, url; {} where nobody does."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def held_by(home: Home) -> str:
    about = holder(home.lock)
    where = f" and serves {about['url']}" if about.get("url") else ""
    who = f"process {about.get('pid', '?')} holds it{where}"
    return f"{home.path} is in use: {who}; stop that one first, or set ZERG_HOME to another folder"
