"""A connection: statements, transactions, and a counter of changes. What differs between databases is in its subclasses."""

from __future__ import annotations

import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

Params = Mapping[str, Any]
Row = tuple[Any, ...]


class Store(ABC):
    """One connection, used by one thread. Statements are portable SQL with `:name` parameters."""

    def __init__(self) -> None:
        self.boot = secrets.token_hex(4)  # tells this process's counter from that of the one before
        self.changes = 0  # one up per transaction that wrote
        self.held = 0  # transactions that wait to be committed together
        self.held_at = 0.0  # time.monotonic of the first of them
        self.wary = False  # what was held was lost: until a commit succeeds none is shared, so that pushers hear of it
        self.unindexed: list[Params] = []  # rows for the index, until the commit

    @abstractmethod
    def rows(self, sql: str, **params: Any) -> list[Row]:
        """All rows of a query."""

    @abstractmethod
    def run(self, sql: str, **params: Any) -> int:
        """Execute one statement; the number of rows it changed."""

    @abstractmethod
    def run_many(self, sql: str, rows: Iterable[Params]) -> None:
        """Execute one statement for each of `rows`."""

    @abstractmethod
    def index(self, rows: Sequence[Params]) -> None:
        """Add rows of {id, text, scope} to the search index, in ascending order of their ids."""

    @abstractmethod
    def script(self, name: str) -> None:
        """Execute the script `schema/<database>/<name>.sql` within the transaction."""

    @abstractmethod
    def begin(self) -> None: ...

    @abstractmethod
    def commit(self) -> None: ...

    @abstractmethod
    def rollback(self) -> None: ...

    @abstractmethod
    def close(self) -> None: ...

    def row(self, sql: str, **params: Any) -> Row | None:
        """The first row of a query."""
        found = self.rows(sql, **params)
        return found[0] if found else None

    def value(self, sql: str, **params: Any) -> Any:
        """The first column of the first row; None where there is no row."""
        found = self.row(sql, **params)
        return found[0] if found else None

    @contextmanager
    def transaction(self, *, hold: bool = False) -> Iterator[None]:
        """Commit what happens inside, or roll back all of it. Does not nest.

        `hold`: leave the commit to `settle`, so that several share one: a third of the cost of an import is in commits. This
        connection sees what is held. A failure rolls back all that is held; pushers find out and push it again.
        """
        hold = hold and not self.wary
        if not hold:
            self.settle()
        if not self.held:
            self.begin()
            self.held_at = time.monotonic()
        try:
            yield
            if not hold:
                self.finish()
        except BaseException:
            self.undo()
            raise
        self.held += hold
        self.changes += 1

    def settle(self) -> None:
        """Commit what is held."""
        if self.held:
            try:
                self.finish()
            except BaseException:
                self.undo()
                raise
            self.held = 0

    def undo(self) -> None:
        """Roll back, with it all that was held: pushers then see another `boot`, and ask where each file stands."""
        if self.held:
            self.boot = secrets.token_hex(4)
            self.wary = True
        self.held, self.unindexed = 0, []
        self.rollback()

    def finish(self) -> None:
        """Index what is to be indexed, in the order of the ids: the index flushes when an id goes backwards. Then commit."""
        rows, self.unindexed = sorted(self.unindexed, key=lambda row: row["id"]), []
        if rows:
            self.index(rows)
        self.commit()
        self.wary = False
