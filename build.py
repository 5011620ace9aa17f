#!/usr/bin/env python3
"""The developer's commands. Needs nothing but Python: python3 build.py COMMAND [ARGUMENT…]

run      make .venv, install the checkout and start `zerg serve` with the ARGUMENTs
test     make .venv with the development tools, then ruff, mypy and pytest with the ARGUMENTs
wheel    dist/zerg-VERSION-py3-none-any.whl
size     where every megabyte of an installation goes
bench    speed, memory and size on archives of real size (bench --help)
soak     the tests at full length: mutated lines, kills, cuts and hostile queries by the thousand
shots    screenshots of every page in dist/shots/
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 (all of this file is parsed by older ones too)
    sys.exit("zerg needs Python 3.11 or later; this is {}.{} ({})".format(*sys.version_info[:2], sys.executable))

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = str(VENV / ("Scripts" if os.name == "nt" else "bin") / "python")
SOAK = {"ZERG_SOAK": "1", "ZERG_EXAMPLES": "10000"}  # tests that can run longer do so where these are set


def main(arguments: list[str]) -> int:
    """Run one command; the exit code."""
    name = arguments[0] if arguments else ""
    if name not in COMMANDS:
        print(__doc__)
        return 0 if name in ("-h", "--help", "help") else 2
    os.chdir(ROOT)
    return COMMANDS[name](arguments[1:])


def run(arguments: list[str]) -> int:
    install("")
    return call(PYTHON, "-m", "zerg", "serve", *arguments)


def test(arguments: list[str]) -> int:
    install("dev")
    for check in (["ruff", "check", "--quiet", "."], ["mypy", "--no-error-summary"], ["pytest", *arguments]):
        if call(PYTHON, "-m", *check):
            return fail(f"{check[0]} found something")
    return 0


def wheel(arguments: list[str]) -> int:
    install("dev")
    return call(PYTHON, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", "dist", *arguments, ".")


def size(arguments: list[str]) -> int:
    install("dev")
    with tempfile.TemporaryDirectory() as folder:
        code = call(PYTHON, "-m", "pip", "install", "--quiet", "--target", folder, *arguments, ".")
        return code or call(PYTHON, "-m", "bench.size", folder)


def bench(arguments: list[str]) -> int:
    install("dev")
    return call(PYTHON, "-m", "bench", *arguments)


def soak(arguments: list[str]) -> int:
    install("dev")
    return call(PYTHON, "-m", "pytest", *arguments, more=SOAK)


def shots(arguments: list[str]) -> int:
    install("dev")
    return call(PYTHON, "-m", "bench.shots", *arguments)


COMMANDS = {"run": run, "test": test, "wheel": wheel, "size": size, "bench": bench, "soak": soak, "shots": shots}


def install(extra: str) -> None:
    """The checkout in .venv, editable, with the packages of an extra; nothing happens where all that is there."""
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + sys.version.encode()).hexdigest()
    stamps = [VENV / "installed", VENV / "installed-dev"] if extra else [VENV / "installed"]
    if any(stamp.exists() and stamp.read_text() == wanted for stamp in (stamps[-1], VENV / "installed-dev")):
        return
    make_venv()
    print(f"installing zerg into {VENV} …", file=sys.stderr)
    pip = [PYTHON, "-m", "pip"] if works(PYTHON, "-m", "pip", "--version") else [sys.executable, "-m", "pip", "--python", PYTHON]
    package = f".[{extra}]" if extra else "."
    if call(*pip, "install", "--quiet", "--disable-pip-version-check", "--editable", package):
        sys.exit(fail("pip could not install it: see above"))
    for stamp in stamps:
        stamp.write_text(wanted)


def make_venv() -> None:
    """An environment of our own. Where Debian keeps pip from `venv`, the system's pip fills it from outside."""
    if works(PYTHON, "-c", f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"):
        return
    for options in ([], ["--without-pip"]) if works(sys.executable, "-m", "pip", "--version") else ([],):
        shutil.rmtree(VENV, ignore_errors=True)
        if works(sys.executable, "-m", "venv", *options, str(VENV)):
            return
    shutil.rmtree(VENV, ignore_errors=True)
    package = "python{}.{}-venv".format(*sys.version_info[:2])
    sys.exit(fail(f"this Python cannot make virtual environments; on Debian and Ubuntu: apt install {package}"))


def works(*command: str) -> bool:
    """Does it run and succeed? What it prints is of no interest."""
    try:
        return subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def call(*command: str, more: dict[str, str] | None = None) -> int:
    """Run it on our terminal, with `more` in the environment; the exit code."""
    try:
        return subprocess.run(command, check=False, env=os.environ | (more or {})).returncode
    except KeyboardInterrupt:
        return 130


def fail(message: str) -> int:
    print(f"build.py: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
