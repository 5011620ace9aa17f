"""Which machine this is: an id that is kept in zerg's folder, because host names change and repeat."""

from __future__ import annotations

import os
import socket
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path


def home(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of zerg: `ZERG_HOME`, or `~/.zerg`."""
    return Path(environ.get("ZERG_HOME") or "~/.zerg").expanduser()


def identity(folder: Path) -> str:
    """The id of this machine, kept in `folder`/machine; made at the first call, also when several make it at once."""
    path = folder / "machine"
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _keep(path, str(uuid.uuid4()))
    return path.read_text("ascii").strip()


def _keep(path: Path, text: str) -> None:
    """Write a whole file that nobody has written yet: linking fails where renaming would overwrite."""
    handle, name = tempfile.mkstemp(dir=path.parent)
    try:
        with open(handle, "w", encoding="ascii") as file:
            file.write(text + "\n")
        os.link(name, path)
    except FileExistsError:
        pass  # another process was faster, and its id is as good
    finally:
        os.unlink(name)


def label() -> str:
    """How people call this machine."""
    return socket.gethostname()
