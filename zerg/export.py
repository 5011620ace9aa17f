"""Ways out. The exact one: the bytes of a transcript, as they were when zerg saw them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from zerg import archive
from zerg.errors import NotFound
from zerg.store import Store, source
from zerg.store.source import Source
from zerg.timeline import session


class Export(NamedTuple):
    """The exact bytes of one generation of one source."""

    source: Source
    name: str  # of the file it was
    chunks: Iterator[bytes]

    @property
    def digest_header(self) -> str:
        """The value of Content-Digest (RFC 9530), if the digest is known."""
        return f"sha-256=:{base64.b64encode(self.source.digest).decode()}:"


def sources(store: Store, uuid: str) -> list[Source]:
    """The sources of a session: the primary one first, which is its own newest and longest; sidecars of it last."""
    found = source.of_session(store, session(store, uuid).rowid)
    return sorted(found, key=lambda one: not one.path.endswith(".jsonl"))


def export(store: Store, uuid: str, source_id: int | None = None, generation: int | None = None) -> Export:
    """The bytes of a session: its primary source's newest generation, or another source or generation of it. Raises NotFound."""
    found = sources(store, uuid)
    chosen = next((one for one in found if source_id in (None, one.id)), None) or other(store, found, source_id)
    if chosen and generation is not None:
        known = source.generations(store, chosen.machine, chosen.provider, chosen.path)
        chosen = next((one for one in known if one.generation == generation), None)
    if not chosen:
        raise NotFound(f"session {uuid} has no such source or generation")
    return Export(with_digest(store, chosen), file_name(chosen.path), archive.stream(store, chosen.id, chosen.offset))


def other(store: Store, found: list[Source], source_id: int | None) -> Source | None:
    """An older generation of one of the sources, by its id."""
    wanted = source.by_id(store, source_id) if source_id is not None else None
    files = {(one.machine, one.provider, one.path) for one in found}
    return wanted if wanted and (wanted.machine, wanted.provider, wanted.path) in files else None


def with_digest(store: Store, found: Source) -> Source:
    if found.digested == found.offset:
        return found
    hasher = hashlib.sha256()
    for data in archive.stream(store, found.id, found.offset):
        hasher.update(data)
    return found._replace(digest=hasher.digest(), digested=found.offset)


def file_name(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]


def write(store: Store, uuid: str, out: BinaryIO, source: int | None = None, generation: int | None = None) -> int:
    """Write the exact bytes of a session to `out`; how many there are."""
    found = export(store, uuid, source, generation)
    return sum(out.write(data) for data in found.chunks)
