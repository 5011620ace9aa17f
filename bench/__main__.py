"""`python3 build.py bench`: tables of figures with the bounds that they should keep."""

from __future__ import annotations

import argparse
import platform
import random
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench import fill, home, page, rival
from bench.figure import Figures, median, table
from bench.server import Server


def main() -> int:
    options = arguments()
    options.folder.mkdir(parents=True, exist_ok=True)
    print(f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, median of {options.runs}\n")
    if options.events:
        print(table(f"{options.events:,} events", {"zerg": events(options)}))
    else:
        print(table("archive of", sizes(options)))
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="build.py bench", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 400], metavar="MB", help="archives (default: 100 400)")
    parser.add_argument("--events", type=int, metavar="N", help="instead: pages and searches of an archive of N generated events")
    parser.add_argument("--runs", type=int, default=3, help="the median of so many is shown (default: 3)")
    parser.add_argument("--rival", metavar="PROGRAM", help="agentsview, to compare with (default: the one on the path)")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir(), "zerg-bench"), help="where homes are kept")
    return parser.parse_args()


def sizes(options: argparse.Namespace) -> dict[str, Figures]:
    columns: dict[str, Figures] = {}
    for megabytes in options.sizes:
        claude = home.copies(options.folder, megabytes)
        columns[f"{megabytes} MB"] = repeated(options.runs, partial(fill.cold, claude))
        if program := rival.command(options.rival):
            columns[f"{megabytes} MB, agentsview"] = repeated(options.runs, partial(rival.cold, program, claude))
    return columns


def repeated(runs: int, measure: Callable[[], Figures]) -> Figures:
    done = []
    for number in range(runs):
        print(f"run {number + 1} of {runs} …", file=sys.stderr)
        done.append(measure())
    return median(done)


def events(options: argparse.Namespace) -> Figures:
    """The archive is filled through the real import once and kept."""
    claude, archive = home.generated(options.folder, options.events), options.folder / f"archive-{options.events}"
    figures: dict[str, Figures] = {}
    if not archive.is_dir():
        draft = archive.with_suffix(".draft")
        figures["import"] = fill.filled(claude, draft)
        draft.rename(archive)
    seed = random.randrange(10**6)
    print(f"queries drawn with seed {seed}", file=sys.stderr)
    with Server(archive, None) as server:
        asked = page.searched(server, page.generated_queries(seed))
        return {**figures.get("import", {}), **page.looked_at(server), **asked}


if __name__ == "__main__":
    sys.exit(main())
