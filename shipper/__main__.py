"""Ship the transcripts of this machine to a zerg server."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from shipper import machine
from shipper.server import Server, ShipperError
from shipper.ship import Shipper
from shipper.transcript import roots


def main(argv: Sequence[str] | None = None) -> int:
    """0: all is on the server; 1: something is behind, told on stderr; 2: wrong usage."""
    parser = _parser()
    options = parser.parse_args(argv)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO if options.watch else logging.WARNING)
    try:
        shipper, stop = _shipper(options)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    try:
        return _watch(shipper, stop) if options.watch else _once(shipper)
    except ShipperError as error:
        print(f"shipper: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("shipper", description=__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--url", help="http://host:port or https://host of the server")
    where.add_argument("--socket", metavar="PATH", help="the server's Unix socket")
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="holds the token for a server on another machine")
    parser.add_argument("--machine", metavar="ID", help="default: kept in the file `machine` in ~/.zerg")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--once", action="store_true", help="send what is new and end (default)")
    how.add_argument("--watch", action="store_true", help="go on sending what is written, until interrupted")
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="files or folders; default: those of Claude Code")
    return parser


def _shipper(options: argparse.Namespace) -> tuple[Shipper, threading.Event]:
    token = options.token_file.read_text("utf-8").strip() if options.token_file else os.environ.get("ZERG_TOKEN", "")
    for path in options.paths:
        if not path.exists():
            raise ValueError(f"no such file or folder: {path}")
    stop = threading.Event()
    server = Server(options.url or f"unix:{options.socket}", token, stop)
    name = options.machine or machine.identity(machine.home())
    return Shipper(server, name, machine.label(), options.paths or roots()), stop


def _watch(shipper: Shipper, stop: threading.Event) -> int:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    shipper.watch(stop)
    return 0


def _once(shipper: Shipper) -> int:
    report = shipper.run_once()
    for behind in report.behind:
        print(f"shipper: {behind.path}: {behind.reason}", file=sys.stderr)
    print(f"{report.files} files, {report.bytes / 1e6:.1f} MB; {report.stored_bytes / 1e6:.1f} MB sent")
    return 1 if report.behind else 0


if __name__ == "__main__":
    sys.exit(main())
