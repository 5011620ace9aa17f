"""What every request works on: the store, the way in, and how far the import is."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from zerg.config import Settings
from zerg.ingest import Ingest
from zerg.store import Store
from zerg.upkeep import Upkeep


class Site:
    """One per server. `shipping`: a Shipper of its own will scan this machine, so the import runs until it has."""

    def __init__(self, settings: Settings, store: Store, *, shipping: bool) -> None:
        self.settings = settings
        self.store = store
        self.ingest = Ingest(store)
        self.upkeep = Upkeep(self.ingest, self.clock)
        self.zone = zone_of(settings.server.timezone)
        self.waiting = shipping
        self.scans: dict[str, int] = {}  # bytes that a machine has, until its first whole scan is in
        self.known: set[str] = set()  # machines whose first whole scan is in

    def clock(self) -> int:
        """Now: ms UTC."""
        return time.time_ns() // 1_000_000

    def scanned(self, machine: str, size: int, complete: bool) -> None:
        """A Shipper begins or ends a pass over the `size` bytes of its machine."""
        if complete:
            self.known.add(machine)
            self.scans.pop(machine, None)
            self.waiting = False
        elif machine not in self.known:
            self.scans[machine] = size

    def progress(self, stored: int) -> dict[str, Any]:
        """How far the import is, given how many bytes are stored."""
        total = max(sum(self.scans.values()), stored)
        running = self.waiting or any(size > 0 for size in self.scans.values())
        return {"state": "running" if running else "idle", "done_bytes": stored, "total_bytes": total}


class HostZone(tzinfo):
    """The zone of this machine, with its summer times: the standard library has none that knows them."""

    def fromutc(self, at: datetime) -> datetime:
        local = time.localtime(at.replace(tzinfo=UTC).timestamp())
        return datetime(*local[:6], at.microsecond, tzinfo=self)

    def utcoffset(self, at: datetime | None) -> timedelta:
        return timedelta(seconds=self.local(at).tm_gmtoff)

    def dst(self, at: datetime | None) -> timedelta:
        return timedelta(hours=self.local(at).tm_isdst > 0)

    def tzname(self, at: datetime | None) -> str:
        return self.local(at).tm_zone

    def local(self, at: datetime | None) -> time.struct_time:
        assert at
        return time.localtime(time.mktime((at.year, at.month, at.day, at.hour, at.minute, at.second, 0, 0, -1)))


def zone_of(name: str) -> tzinfo:
    """The zone called `name`; "": that of this machine."""
    return ZoneInfo(name) if name else HostZone()
