"""The same import by agentsview, the strongest other program of this kind, where it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from bench.figure import Figure, Figures
from bench.home import size


def command(named: str | None) -> str | None:
    """The program that was named, or the one on the path."""
    return shutil.which(named or "agentsview")


def cold(program: str, claude: Path) -> Figures:
    """A sync of `claude` into an empty database, in one process. It keeps no transcripts, so its database is no archive."""
    with tempfile.TemporaryDirectory(prefix="zerg-rival-") as folder:
        own = {"HOME": folder, "AGENTSVIEW_DATA_DIR": f"{folder}/data", "CLAUDE_PROJECTS_DIR": str(claude / "projects")}
        quiet = {"AGENTSVIEW_NO_DAEMON": "1", "DO_NOT_TRACK": "1"}
        before = time.perf_counter()
        silent = subprocess.DEVNULL
        process = subprocess.Popen([program, "sync"], env=os.environ | own | quiet, stdout=silent, stderr=silent)
        _, process.returncode, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - before
        if process.returncode:
            raise RuntimeError(f"{program} sync failed: {process.returncode}")
        database = sum(file.stat().st_size for file in Path(folder).rglob("sessions.db*"))
        return {
            "import": Figure(size(claude) / 1e6 / seconds, "MB/s"),
            "import, processor time": Figure(used.ru_utime + used.ru_stime, "s"),
            "memory, peak of the import": Figure(used.ru_maxrss / 1000, "MB"),
            "database / source": Figure(database / size(claude), ""),
        }
