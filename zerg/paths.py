"""Where zerg keeps things: one private folder, and the files in it. Nothing here is made before somebody asks for it."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from shipper import machine
from zerg.errors import ConfigError

SOCKET_BYTES = 100  # a Unix socket's path must fit 104 bytes on macOS, 108 on Linux, the final NUL included


@dataclass(frozen=True, slots=True)
class Home:
    """The folder that holds everything that zerg remembers."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config.toml"

    @property
    def database(self) -> Path:
        return self.path / "zerg.db"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def logs(self) -> Path:
        """The system's place for logs; a home that is not the usual one keeps its own."""
        return platformdirs.user_log_path("zerg", appauthor=False) if self.path == usual() else self.path / "logs"

    @property
    def tag(self) -> str:
        """Ten characters that tell this home from any other one of the machine."""
        return hashlib.sha256(os.fsencode(os.path.realpath(self.path))).hexdigest()[:10]

    @property
    def socket(self) -> Path:
        """The Unix socket: in the runtime folder, or below the temporary one where that is missing or its name too long."""
        name, runtime, temporary = f"{self.tag}.sock", _runtime(), Path(tempfile.gettempdir())
        if temporary in runtime.parents or len(os.fsencode(runtime / name)) > SOCKET_BYTES:
            return temporary / f"zerg-{_user()}" / name
        return runtime / name

    def make(self) -> Home:
        """The same home, there and private."""
        private_folder(self.path)
        return self

    def machine(self) -> str:
        """The id of this machine: made once, whoever asks first."""
        return machine.identity(self.make().path)


def home() -> Home:
    """The home that `ZERG_HOME` names, else the usual one."""
    named = os.environ.get("ZERG_HOME")
    return Home(Path(named).expanduser().absolute() if named else usual())


def usual() -> Path:
    return Path.home() / ".zerg"


def _runtime() -> Path:
    with warnings.catch_warnings():  # platformdirs warns where it falls back to a temporary folder, which is all right here
        warnings.simplefilter("ignore")
        return platformdirs.user_runtime_path("zerg", appauthor=False)


def _user() -> str:
    """What tells the users of a shared temporary folder apart."""
    return str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")


def private_folder(path: Path) -> Path:
    """`path` as a folder that nobody else can look into, whatever the umask; refused if it belongs to somebody else."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _claim(path)
    except OSError as error:
        raise ConfigError(f"cannot use the folder {path}: {error.strerror or error}") from error
    return path


def private_file(path: Path) -> Path:
    """`path` as a file that only its owner can read; made empty where it is missing."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    if stat.S_IMODE(path.stat().st_mode) != 0o600:
        path.chmod(0o600)
    return path


def _claim(folder: Path) -> None:
    found = folder.stat()
    if hasattr(os, "getuid") and found.st_uid != os.getuid():
        raise ConfigError(f"the folder {folder} belongs to another user")
    if stat.S_IMODE(found.st_mode) != 0o700:
        folder.chmod(0o700)
