"""The SQLite connection: WAL mode, autocommit with explicit transactions, files that only their owner reads."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from zerg.errors import NewerDatabase, Unavailable, ZergError
from zerg.store.base import Params, Row, Store

APPLICATION_ID = 0x7A657267  # "zerg"
MIGRATIONS = ("0001_facts",)  # append only; PRAGMA user_version counts those applied
# No mmap: it counts as memory of the process and gave no speed. 8 MB of cache hold the upper levels of every index.
PRAGMAS = ("journal_mode = WAL", "synchronous = NORMAL", "cache_size = -8000", "wal_autocheckpoint = 4000", "temp_store = MEMORY")


class SqliteStore(Store):
    """`path` is made, with its folder, if it does not exist."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        super().__init__()
        self.path = path
        try:
            self.connection = connect_reading(path) if read_only else connect_writing(path)
        except sqlite3.Error as error:
            raise translation(path, error) from error
        except OSError as error:
            raise Unavailable(f"{path}: {error.strerror}") from error
        if not read_only:
            try:
                self.open()
            except BaseException:
                self.connection.close()
                raise

    def open(self) -> None:
        """Make it ready to be written, unless it is not ours: then nothing in it is changed."""
        owner, version = self.value("PRAGMA application_id"), self.value("PRAGMA user_version")
        if owner != APPLICATION_ID and (owner or version or self.value("SELECT 1 FROM sqlite_master LIMIT 1")):
            raise ZergError(f"{self.path} is a database of another program")
        for pragma in PRAGMAS:
            self.run(f"PRAGMA {pragma}")
        self.migrate(version)

    def rows(self, sql: str, **params: Any) -> list[Row]:
        try:
            return self.connection.execute(sql, params).fetchall()
        except sqlite3.Error as error:
            raise translation(self.path, error) from error

    def run(self, sql: str, **params: Any) -> int:
        try:
            return self.connection.execute(sql, params).rowcount
        except sqlite3.Error as error:
            raise translation(self.path, error) from error

    def run_many(self, sql: str, rows: Iterable[Params]) -> None:
        try:
            self.connection.executemany(sql, rows)
        except sqlite3.Error as error:
            raise translation(self.path, error) from error

    def index(self, rows: Sequence[Params]) -> None:
        self.run_many("INSERT INTO event_index (rowid, text, scope) VALUES (:id, :text, :scope)", rows)

    def script(self, name: str) -> None:
        for statement in statements(name):
            self.run(statement)

    def begin(self) -> None:
        self.run("BEGIN IMMEDIATE")

    def commit(self) -> None:
        self.run("COMMIT")

    def rollback(self) -> None:
        if self.connection.in_transaction:  # SQLite has rolled back by itself where the disk is full
            self.run("ROLLBACK")

    def close(self) -> None:
        try:
            self.settle()
        finally:
            self.connection.close()

    def migrate(self, done: int) -> None:
        """Bring the schema of facts and kept to the newest version, each step in one transaction with its number."""
        if done > len(MIGRATIONS):
            raise NewerDatabase(
                f"{self.path} was written by a later zerg (schema {done}, this one knows {len(MIGRATIONS)}): upgrade zerg"
            )
        if 0 < done < len(MIGRATIONS):
            self.keep_copy(done)
        for number, name in enumerate(MIGRATIONS[done:], done + 1):
            with self.transaction():
                self.script(name)
                self.run(f"PRAGMA user_version = {number}")
                self.run(f"PRAGMA application_id = {APPLICATION_ID}")

    def keep_copy(self, version: int) -> None:
        """A copy of the file as it was before an upgrade, beside it."""
        copy = self.path.with_name(f"{self.path.name}.bak-{version}")
        if not copy.exists():
            self.run("VACUUM INTO :copy", copy=str(copy))
            copy.chmod(0o600)


def connect_writing(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # -wal and -shm take their mode from it
    return sqlite3.connect(path, isolation_level=None, cached_statements=256)


def connect_reading(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{path.as_posix().replace('?', '%3f').replace('#', '%23')}?mode=ro", uri=True, isolation_level=None
    )
    connection.executescript("PRAGMA query_only=1; PRAGMA cache_size=-8000; PRAGMA busy_timeout=5000")
    return connection


def statements(name: str) -> Iterator[str]:
    """The statements of a script, one by one: `executescript` would commit the transaction that they belong to."""
    statement = ""
    for line in files("zerg.store").joinpath(f"schema/sqlite/{name}.sql").read_text("utf-8").splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def translation(path: Path, error: sqlite3.Error) -> ZergError:
    """SQLite's error as ours, naming the file. OperationalError is what passes: disk full, locked, read-only."""
    kind = Unavailable if isinstance(error, sqlite3.OperationalError) else ZergError
    return kind(f"{path}: {error}")
