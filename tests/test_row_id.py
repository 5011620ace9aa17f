"""The row ids of events: by time, one for each, however many events share a second."""

from __future__ import annotations

from pathlib import Path

from soak import chance, times

from zerg.store import open_store
from zerg.store.event import EPOCH, EventRow, floor_of, insert, new_ids

SECONDS = 1_770_000_000
BATCH = 2500  # events; 4096 fit into a second


def test_batches_that_overflow_their_seconds_never_meet(tmp_path: Path) -> None:
    dice = chance("row ids")
    store = open_store(str(tmp_path / "zerg.db"))
    given: set[int] = set()
    for number in range(times(200)):
        begin, span = SECONDS + dice.randrange(4), dice.choice((1, 1, 2, 9))
        moments = sorted(1000 * (begin + dice.randrange(span)) + dice.randrange(1000) for _ in range(BATCH))
        with store.transaction():
            ids = new_ids(store, moments)
            rows = [EventRow(id, 1, 1, offset, 1, number, "prompt", "", None, id, 0, 0) for offset, id in enumerate(ids)]
            insert(store, rows, [""] * BATCH)  # the primary key refuses what is taken
        assert ids == sorted(set(ids)) and all(id >= floor_of(at / 1000) for id, at in zip(ids, moments, strict=True))
        given |= set(ids)
    assert len(given) == BATCH * times(200) and min(given) >= (SECONDS - EPOCH) << 12
    store.close()
