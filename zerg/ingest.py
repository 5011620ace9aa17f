"""Bytes pushed → facts → events, in one transaction. The server decides what a generation is; the pusher keeps nothing."""

from __future__ import annotations

import hashlib
import zlib
from collections import OrderedDict
from typing import Any, NamedTuple

from zerg import archive, derive
from zerg.errors import BadRequest, Conflict, TooLarge
from zerg.providers import provider
from zerg.store import Store, source
from zerg.store.source import CHUNK, WHOLE, Source

EDGE = 4096  # bytes at both ends of a source whose hashes tell whether a file still begins and goes on as stored
HASHERS = 512  # sources whose running hash is kept in memory
NOTHING = hashlib.sha256().digest()


class Push(NamedTuple):
    """A slice of a file, as its machine sends it."""

    provider: str
    machine: str
    path: str
    generation: int
    offset: int  # of `data` in the file
    size: int  # bytes, of the file when it was read
    mtime: int  # ms UTC
    data: bytes  # up to 256 KiB
    packed: bytes | None = None  # the same, as zlib packed it for the way
    replaces: int | None = None  # the generation that the file no longer continues


class Answer(NamedTuple):
    """What became of a push: the next one starts at `offset` of `generation`."""

    source: int
    generation: int
    offset: int
    events_inserted: int
    events_skipped: int


def unpacked(body: bytes) -> bytes:
    """The bytes of a deflated body. Raises TooLarge before it has inflated more than a push may hold."""
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(body, CHUNK + 1)
    except zlib.error as error:
        raise BadRequest(f"the body is not in zlib format: {error}") from error
    if len(data) > CHUNK:
        raise TooLarge(f"the body inflates to more than {CHUNK} bytes: push it in slices")
    if not inflater.eof or inflater.unused_data:
        raise BadRequest("the body is not one whole zlib stream")
    return data


class Ingest:
    """The one way in. Lives as long as the server, for the hashes that it keeps running."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.hashers: OrderedDict[int, tuple[int, Any]] = OrderedDict()  # source: (bytes hashed, SHA-256)
        self.outdated = True  # sources may wait to be derived again

    def push(self, push: Push, now: int) -> Answer:
        """Take a slice. Raises Conflict, with where the source stands, where it does not fit; `now` is ms UTC."""
        provider(push.provider)
        if len(push.data) > CHUNK:
            raise TooLarge(f"the body has more than {CHUNK} bytes: push it in slices")
        known = source.generations(self.store, push.machine, push.provider, push.path)
        current = next((one for one in known if one.current), None)
        self.check(push, current)
        if current and push.replaces is None and self.repeated(push, current):
            return Answer(current.id, current.generation, current.offset, 0, 0)
        with self.store.transaction(hold=True):
            source.ensure_machine(self.store, push.machine, push.machine, now)
            return self.append(self.target(push, known, current, now), push, now)

    def check(self, push: Push, current: Source | None) -> None:
        """Raise Conflict, before anything is written, where a push does not fit what is stored."""
        if current is None:
            if push.offset:
                raise conflict("conflict", "nothing of this file is stored", None, push)
        elif push.replaces is not None:
            if push.offset or push.replaces != current.generation:
                raise conflict("conflict", f"generation {current.generation} is current", current, push)
        elif push.generation != current.generation:
            raise conflict("conflict", f"generation {current.generation} is current", current, push)
        elif push.offset > current.offset:
            raise conflict("conflict", f"only {current.offset} bytes are stored", current, push)
        elif not push.data.startswith(
            archive.read(self.store, current.id, push.offset, min(current.offset, push.offset + len(push.data)))
        ):
            raise conflict("rewritten", "the file differs from what is stored", current, push)

    def repeated(self, push: Push, current: Source) -> bool:
        """Whether there is nothing in a push that fits which is not known: then nothing is written."""
        known = push.offset + len(push.data) <= current.offset
        return known and not current.missing and (push.size, push.mtime) == (current.size, current.mtime)

    def target(self, push: Push, known: list[Source], current: Source | None, now: int) -> Source:
        """The generation that the push belongs to, made or made current where need be."""
        if current is None:
            return source.add(self.store, new_source(push, 1, now))
        return current if push.replaces is None else self.replaced(push, known, current, now)

    def replaced(self, push: Push, known: list[Source], current: Source, now: int) -> Source:
        """The generation after the current one, or an older one that the file continues as far as one push can show."""
        derive.supersede(self.store, current)
        self.outdated = True  # copies of what is superseded
        for older in reversed(known):
            if older is not current and 0 < older.offset <= len(push.data) and self.begins(older, push):
                source.make_current(self.store, older)
                return older._replace(current=1)
        return source.add(self.store, new_source(push, known[-1].generation + 1, now))

    def begins(self, older: Source, push: Push) -> bool:
        return archive.read(self.store, older.id, 0, older.offset) == push.data[: older.offset]

    def append(self, target: Source, push: Push, now: int) -> Answer:
        """Store what of the push is new, and derive it."""
        overlap = target.offset - push.offset
        new, packed = push.data[overlap:], None if overlap else push.packed
        grown = self.stored(target, new, packed)._replace(size=push.size, mtime=push.mtime, missing=0, pushed_at=now)
        source.update(self.store, grown)
        count = self.derived(target, grown, new)
        return Answer(grown.id, grown.generation, grown.offset, *count)

    def stored(self, old: Source, new: bytes, packed: bytes | None) -> Source:
        """The source with `new` behind its bytes."""
        if not new:
            return old
        source.add_chunk(self.store, old.id, old.offset, new, packed)
        offset = old.offset + len(new)
        edge = archive.read(self.store, old.id, max(0, offset - EDGE), old.offset) + new if len(new) < EDGE else new
        head = old.head_hash
        if old.offset < EDGE:
            head = hashlib.sha256((archive.read(self.store, old.id, 0, old.offset) + new)[:EDGE]).digest()
        digest, digested = self.digested(old, new)
        grown = old._replace(
            offset=offset, head_hash=head, tail_hash=hashlib.sha256(edge[-EDGE:]).digest(), digest=digest, digested=digested
        )
        return merged(self.store, grown, WHOLE)

    def digested(self, old: Source, new: bytes) -> tuple[bytes, int]:
        """The digest of all that is stored, where the hash so far is in memory; else as far as it was known."""
        done, hasher = self.hashers.pop(old.id, (0, hashlib.sha256()))
        if done != old.offset:
            return old.digest, old.digested
        running = hasher.copy()  # the transaction may yet fail
        running.update(new)
        self.hashers[old.id] = (old.offset + len(new), running)
        if len(self.hashers) > HASHERS:
            self.hashers.popitem(last=False)
        return running.digest(), old.offset + len(new)

    def derived(self, old: Source, grown: Source, new: bytes) -> derive.Count:
        """Derive the new bytes, unless the source waits to be derived again as a whole."""
        work = derive.Derivator(self.store, grown)
        if not work.follows(old.offset):
            if not work.fresh or old.offset > CHUNK:
                self.outdated = True
                return derive.Count(0, 0)
            new = archive.read(self.store, old.id, 0, grown.offset)  # a small file that is back at what it was
        work.take(new, at_end=grown.offset >= grown.size)
        return work.finish()

    def digest(self, found: Source) -> Source:
        """The source with its digest up to date, from its bytes where need be."""
        while found.digested < found.offset:
            found = self.digest_more(found)
        return found

    def digest_more(self, found: Source) -> Source:
        """Hash one more chunk of a source whose digest is behind."""
        done, hasher = self.hashers.get(found.id, (0, hashlib.sha256()))
        if done > found.offset:
            done, hasher = 0, hashlib.sha256()
        hasher = hasher.copy()
        hasher.update(archive.read(self.store, found.id, done, min(done + CHUNK, found.offset)))
        done = min(done + CHUNK, found.offset)
        self.hashers[found.id] = (done, hasher)
        if done < found.offset:
            return found
        with self.store.transaction():
            source.set_digest(self.store, found.id, hasher.digest(), done)
        return found._replace(digest=hasher.digest(), digested=done)


def new_source(push: Push, generation: int, now: int) -> Source:
    return Source(
        0,
        push.machine,
        push.provider,
        push.path,
        generation,
        1,
        0,
        push.size,
        push.mtime,
        0,
        NOTHING,
        NOTHING,
        NOTHING,
        0,
        0,
        now,
        now,
    )


def merged(store: Store, found: Source, enough: int) -> Source:
    """The source with its small chunks at the end made one, if together they have `enough` bytes."""
    tail = source.chunks(store, found.id, found.tail, found.offset)
    if found.offset - found.tail < enough:
        return found
    if len(tail) > 1:
        data = archive.read(store, found.id, found.tail, found.offset)
        source.remove_chunks(store, found.id, found.tail, found.offset)
        for start in range(0, len(data), CHUNK):
            source.add_chunk(store, found.id, found.tail + start, data[start : start + CHUNK])
    return found._replace(tail=found.offset)


def conflict(code: str, message: str, stands: Source | None, push: Push) -> Conflict:
    """What a pusher needs to go on in the right place."""
    error = Conflict(
        f"{push.path}: {message}",
        generation=stands.generation if stands else 1,
        offset=stands.offset if stands else 0,
        head=stands.head_hash.hex() if stands else NOTHING.hex(),
        tail=stands.tail_hash.hex() if stands else NOTHING.hex(),
        digest=None if stands and stands.digested < stands.offset else (stands.digest if stands else NOTHING).hex(),
    )
    error.code = code
    return error
