"""A connection: statements, transactions, and a counter of changes. What differs between databases is in its subclasses."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

Params = Mapping[str, Any]
Row = tuple[Any, ...]


class Store(ABC):
    """One connection, used by one thread. Statements are portable SQL with `:name` parameters."""

    def __init__(self) -> None:
        self.boot = secrets.token_hex(4)  # tells this process's counter from that of the one before
        self.changes = 0  # one up per commit that wrote

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
    def transaction(self) -> Iterator[None]:
        """Commit what happens inside, or roll back all of it. Does not nest."""
        self.begin()
        try:
            yield
        except BaseException:
            self.rollback()
            raise
        self.commit()
        self.changes += 1
