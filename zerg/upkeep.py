"""What the server does while nobody asks for anything, in steps of some milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from zerg import derive
from zerg.errors import ZergError
from zerg.ingest import Ingest, merged
from zerg.store import Store, make_derived, source

QUIET = 600_000  # ms after which a tail of small chunks is merged
LOOK = 60_000  # ms between looks for such tails


class Upkeep:
    """Derives again what an older parser derived, completes digests, merges small chunks."""

    def __init__(self, ingest: Ingest, clock: Callable[[], int]) -> None:
        self.ingest = ingest
        self.store: Store = ingest.store
        self.clock = clock  # ms UTC
        self.outdated: list[int] = []
        self.again: Iterator[None] = iter(())
        self.deriving = False  # a source is in the middle of it
        self.digested_at = -1  # change up to which all digests are complete
        self.merged_at = 0  # ms UTC

    def rebuild(self) -> None:
        """Drop what is derived; the next steps derive it anew."""
        self.again = iter(())
        make_derived(self.store)
        self.outdated = source.in_order(self.store)

    @property
    def behind(self) -> int:
        """How many sources wait to be derived again, or at least whether any may."""
        return len(self.outdated) + self.deriving or int(self.ingest.outdated)

    def step(self) -> bool:
        """Do a little of what is left; whether there was anything."""
        return self.derive() or self.digest() or self.merge()

    def derive(self) -> bool:
        try:
            for _ in self.again:
                return True
        except ZergError:
            self.ingest.outdated = True  # it starts over
            raise
        self.deriving = False
        if self.ingest.outdated:
            self.ingest.outdated = False
            self.outdated = derive.outdated(self.store)
        if not self.outdated:
            return False
        self.again = derive.again(self.store, self.outdated.pop(0))
        self.deriving = True
        return True

    def digest(self) -> bool:
        if self.digested_at == self.store.changes:
            return False
        behind = source.undigested(self.store, 1)
        if not behind:
            self.digested_at = self.store.changes
            return False
        found = source.by_id(self.store, behind[0])
        assert found
        self.ingest.digest_more(found)
        return True

    def merge(self) -> bool:
        """Merge the small chunks at the end of a source that has been quiet for long."""
        now = self.clock()
        if now - self.merged_at < LOOK:
            return False
        quiet = source.split_tails(self.store, now - QUIET, 1)
        if not quiet:
            self.merged_at = now
            return False
        found = source.by_id(self.store, quiet[0])
        assert found
        with self.store.transaction():
            source.update(self.store, merged(self.store, found, 0))
        return True
