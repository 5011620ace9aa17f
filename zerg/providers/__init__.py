"""The transcript formats that zerg reads: one module each, pure, bytes of records in, events out.

A provider never touches the database, the clock or the file system, and never raises for bad data. To add one, write a
module with a class that fulfils `Provider` and name it in `PROVIDERS`; the shipper needs its folders (`shipper/`).
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, MutableMapping, Sequence
from functools import cache
from typing import Any, Protocol

from zerg.errors import UnknownProvider
from zerg.events import Parsed, Record

State = MutableMapping[str, Any]  # JSON-able, small, owned by the reader; {} at the start of a source


class Reader(Protocol):
    """Reads one source, record by record. Routing (which session) may depend on what came before, through `state`;
    the events of a record (kind, text, data) depend on its bytes alone."""

    state: State

    def frame(self, data: bytes, offset: int, at_end: bool) -> Iterator[Record]:
        """Cut `data`, which starts at byte `offset` of the source at the start of a record, into records.

        What comes after the last record is an unterminated line; it is a record only if `at_end` and it is whole JSON objects.
        """
        ...

    def read(self, record: Record) -> Parsed:
        """What `record` means."""
        ...


class Provider(Protocol):
    """One transcript format."""

    name: str  # in URLs, the database and the query language
    title: str  # for people
    version: int  # of the parser: raise it when it derives something else from the same bytes

    def reader(self, path: str, state: State) -> Reader | None:
        """The reader of the source at `path` as the machine that wrote it spells it; None if it is not a transcript nor a
        sidecar (its bytes are archived all the same)."""
        ...

    def image(self, value: Any, path: Sequence[str | int]) -> tuple[str, bytes]:
        """Media type and bytes of the image at `path` of a record's value, from `data["images"]` of an event. Raises NotFound."""
        ...


PROVIDERS = ("claude",)


@cache
def provider(name: str) -> Provider:
    """The provider called `name`, imported on first use."""
    if name not in PROVIDERS:
        raise UnknownProvider(f"unknown provider {name!r}; known: {', '.join(PROVIDERS)}")
    found: Provider = importlib.import_module(f"zerg.providers.{name}").PROVIDER
    return found
