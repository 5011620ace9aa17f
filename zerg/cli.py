"""The command line: one function per command, each importing what it needs when it runs.

Errors end here: one line on stderr, and the exit code of their class.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from zerg import __version__
from zerg.errors import BadRequest, Unavailable, ZergError

Options = argparse.Namespace
INTERRUPTED = 130  # as shells count SIGINT
CUT = 141  # … and SIGPIPE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    try:
        options = parser().parse_args(arguments)
        code: int | None = options.command(options)
        sys.stdout.flush()
        return code or 0
    except ZergError as error:
        return fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it flushes at exit
        return CUT
    except OSError as error:
        return fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except Exception as error:  # the last boundary: a person gets a line, and a way to see more
        if os.environ.get("ZERG_DEBUG"):
            raise
        return fail(f"unexpected {type(error).__name__}: {error} (this is a bug; ZERG_DEBUG=1 shows where)")


def fail(message: str, code: int = 1) -> int:
    print(f"zerg: {message}", file=sys.stderr)
    return code


def parser() -> argparse.ArgumentParser:
    """All commands and flags."""
    top = argparse.ArgumentParser(prog="zerg", description="A local archive of the transcripts of coding agents.")
    top.add_argument("--version", action=Version, nargs=0, help="versions of zerg, Python and SQLite, and how it is installed")
    commands = top.add_subparsers(metavar="COMMAND", required=True)

    def command(run: Callable[[Options], int | None], name: str, help: str, **more: Any) -> Callable[..., argparse.Action]:
        made = commands.add_parser(name, help=help, description=f"{help[0].upper()}{help[1:]}.", **more)
        made.set_defaults(command=run)
        return made.add_argument

    flag = command(serve, "serve", "archive this machine's transcripts and show them in the browser")
    flag("--host", help="address to listen on (default: 127.0.0.1)")
    flag("--port", type=int, help="port to listen on; 0 picks a free one (default: 8080)")
    flag("--database", metavar="URL", help="sqlite:///PATH (default: zerg.db in the home)")
    flag("--demo", action="store_true", help="a few made-up sessions in a home of their own, gone when it stops")
    flag("--no-ship", action="store_true", help="show what is archived and read no transcripts")
    flag("--open", action="store_true", help="open the browser")

    flag = command(import_, "import", "archive transcripts now, and exit")
    flag("paths", nargs="*", type=Path, metavar="PATH", help="files or folders (default: what `serve` reads)")

    flag = command(search, "search", "find what was ever said, called or printed", add_help=False)
    flag("-h", "--help", action=SearchHelp, nargs=0, help="this, and the whole query language")
    flag("query", nargs="+", metavar="QUERY", help='words, "phrases", -not, OR, prefix*, field:value')
    flag("--limit", type=int, default=20, help="sessions at most (default: 20)")
    flag("--json", action="store_true", help="for programs")

    flag = command(export, "export", "write the exact bytes of a session's transcript")
    flag("session", metavar="SESSION", help="its id")
    flag("-o", "--output", type=Path, metavar="FILE", help="where to (default: standard output)")
    flag("--source", type=int, help="another one of the files that hold the session")
    flag("--generation", type=int, help="the file as it was before it was rewritten")

    flag = command(status, "status", "is a server running, and how far is it")
    flag("--json", action="store_true", help="for programs")

    flag = command(ship, "ship", "push this machine's transcripts to a server and keep doing so")
    flag("--url", help="of the server (default: the one on this machine)")
    flag("--once", action="store_true", help="one pass, then exit")

    command(rebuild, "rebuild", "derive sessions, events and the search index again from the archived bytes")
    flag = command(config_, "config", "show every setting and where its value comes from")
    flag("what", choices=["show"], help="show: as TOML, secrets masked")
    return top


class Version(argparse.Action):
    """`--version`: worked out only when somebody asks."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        import platform
        import sqlite3

        print(f"zerg {__version__} (Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {installation()})")
        parser.exit()


class SearchHelp(argparse.Action):
    """`zerg search --help`: with the query language, from the table that the parser of queries goes by."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from zerg.search.query import FIELDS, SYNTAX

        rows = [f"  {row.form:14} {row.meaning}  ({row.example})" for row in (*SYNTAX, *FIELDS.values())]
        hint = "Quote a query for the shell; put -- before one that begins with a minus."
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.epilog = "\n".join(["queries:", *rows, "", hint])
        parser.print_help()
        parser.exit()


def installation() -> str:
    """How this zerg came here."""
    from importlib import metadata

    here = Path(__file__).parent
    if any(".pyz" in part for part in here.parts):
        return "one file"
    try:
        found = metadata.distribution("zerg")
    except metadata.PackageNotFoundError:
        return f"run from {here.parent}"
    inside = Path(str(found.locate_file("zerg"))).resolve() == here.resolve()
    return f"installed in {sys.prefix}" if inside else f"checkout {here.parent}"


def serve(options: Options) -> None:
    from zerg import config
    from zerg.daemon import process

    if options.demo:
        demo(options)
        return
    settings = config.load(server_flags(options))
    process.serve(settings, ship=settings.shipper.enabled and not options.no_ship, on_ready=greeting(options))


def server_flags(options: Options) -> dict[str, Any]:
    return {"server.host": options.host, "server.port": options.port, "database.url": options.database}


def greeting(options: Options) -> Callable[[str], None]:
    """What to do with the server's URL once it answers."""

    def ready(url: str) -> None:
        print(f"zerg answers at {url} (Ctrl-C stops it)", flush=True)
        if options.open:
            import threading
            import webbrowser

            # A browser for terminals would hold the server's only thread.
            threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()

    return ready


def demo(options: Options) -> None:
    """Serve made-up sessions from a temporary home: nothing of the real one is read or written."""
    import tempfile
    import time

    from zerg import config
    from zerg.daemon import process
    from zerg.demo import transcripts
    from zerg.paths import Home

    if options.database:
        raise BadRequest("--demo has a database of its own: leave out --database")
    with tempfile.TemporaryDirectory(prefix="zerg-demo-") as folder:
        claude, home = Path(folder, "claude"), Home(Path(folder, "home")).make()
        transcripts(claude / "projects", time.time())
        apart = {"shipper.roots": (str(claude),), "llm.anthropic_api_key": "", "server.auth": ""}
        flags = server_flags(options) | apart | {"server.port": options.port or 0, "database.url": str(home.database)}
        settings = config.load(flags, at=home)
        process.import_once(settings, [claude], lambda done, total: None)
        process.serve(settings, ship=False, on_ready=greeting(options))


def import_(options: Options) -> int:
    """Through the running server where there is one: it owns the database."""
    from shipper.transcript import roots
    from zerg import config
    from zerg.daemon import client, process
    from zerg.progress import Progress

    settings = config.load()
    given = [path.resolve(strict=True) for path in options.paths]
    folders = given or [Path(root) for root in settings.shipper.roots] or roots()
    with Progress("read") as progress:
        try:
            if client.running(settings.home):
                return push(f"unix:{settings.home.socket}", folders, progress)
        except Unavailable:
            if client.running(settings.home):
                raise
            # what answered was stopped, or was another import, and has done its part
        return told(process.import_once(settings, folders, progress))


def push(address: str, folders: Sequence[Path], progress: Callable[[int, int], None]) -> int:
    """One pass of the Shipper."""
    from shipper import machine
    from shipper.server import Server, ShipperError
    from shipper.ship import Shipper
    from zerg.paths import home

    def step(now: Any) -> None:
        progress(now.done_bytes, now.total_bytes)

    try:
        return told(Shipper(Server(address), home().machine(), machine.label(), folders, step).run_once())
    except ShipperError as error:
        raise Unavailable(str(error)) from error


def told(report: Any) -> int:
    """1 if the Shipper's report says that something could not be stored, after saying what."""
    for behind in report.behind:
        fail(f"{behind.path}: {behind.reason}")
    return 1 if report.behind else 0


def export(options: Options) -> None:
    from zerg.export import export as exact

    with archive() as store, output(options.output) as out:
        out.writelines(exact(store, options.session, options.source, options.generation).chunks)


@contextmanager
def archive() -> Iterator[Any]:
    """The store of the home, to read from beside a server that may be writing."""
    from zerg import config
    from zerg.store import open_store

    store = open_store(config.load().database_url, read_only=True)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def output(file: Path | None) -> Iterator[BinaryIO]:
    """Standard output, or `file`, which is there whole or not at all."""
    if file is None:
        yield sys.stdout.buffer
        return
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with draft.open("wb") as out:
            yield out
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def search(options: Options) -> None:
    """Beside a running server, too: it only reads."""
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from zerg import config, console
    from zerg.search import engine

    named = config.load().server.timezone
    zone = ZoneInfo(named) if named else None
    with archive() as store:
        found = engine.search(store, " ".join(options.query), limit=options.limit, now=datetime.now(zone).astimezone(zone))
    if options.json:
        import json

        from zerg.web.finding import results_json

        print(json.dumps(results_json(found)))
        return
    colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    print("\n".join(console.lines(found, console.COLOURS if colours else console.PLAIN, zone)))


def status(options: Options) -> int:
    """0 where a server runs, else 1."""
    import json

    from zerg import config
    from zerg.daemon import client

    settings = config.load()
    server = client.running(settings.home)
    if server is None:
        found = {"status": "stopped", "home": str(settings.home.path), "database": settings.database_url}
    else:
        found = server.get("/api/health")
    print(json.dumps(found) if options.json else "\n".join(f"{name:10} {value}" for name, value in flat(found)))
    return 0 if server else 1


def flat(found: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested fields as `import.state`."""
    for name, value in found.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def ship(options: Options) -> int:
    from shipper.__main__ import main as shipper
    from zerg.paths import home

    where = ["--url", options.url] if options.url else ["--socket", str(home().socket)]
    return shipper([*where, "--once" if options.once else "--watch"])


def rebuild(options: Options) -> None:
    from zerg import config
    from zerg.daemon import client
    from zerg.daemon.lock import Lock
    from zerg.derive import rebuild as again
    from zerg.progress import Progress
    from zerg.store import open_store

    settings = config.load()
    if server := client.running(settings.home):
        server.post("/api/rebuild")
        print("the server derives everything again; sessions come back as it goes on")
        return
    with Lock(settings.home.make()), closing(open_store(settings.database_url)) as store, Progress("derived") as progress:
        again(store, progress)


def config_(options: Options) -> None:
    from zerg import config

    print("\n".join(config.show(config.load())).rstrip())
