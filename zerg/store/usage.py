"""Derived: tokens and cost. A message is counted once in the whole archive, in one of the sessions that hold it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from zerg.store.base import Store


class Claim(NamedTuple):
    """The tokens of one message as one session reports them: a row of `usage`."""

    message: int
    session: int
    copied: int
    counted: int
    model: str
    at: int
    input: int
    output: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    lower_bound: int
    cost: int | None


COLUMNS = ", ".join(Claim._fields)
TOKENS = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h", "lower_bound")
TOTALS = (*TOKENS, "messages", "duplicates", "unpriced", "cost")


def claim(store: Store, claims: Sequence[Claim]) -> None:
    """Note what sessions report of messages; the last report of a session wins where it is not smaller.

    Who counts a message, and the totals of the sessions concerned, are set right.
    """
    known = of_messages(store, {new.message for new in claims})
    after = {message: dict(rows) for message, rows in known.items()}
    for new in claims:
        rows = after[new.message]
        old = rows.get(new.session)
        if not old or old.output <= new.output:
            rows[new.session] = new._replace(copied=min(old.copied, new.copied)) if old else new
    settle(store, known, after)


def withdraw(store: Store, session: int, messages: set[int]) -> None:
    """A session no longer holds these messages."""
    known = of_messages(store, messages)
    after = {message: {key: row for key, row in rows.items() if key != session} for message, rows in known.items()}
    settle(store, known, after)


Rows = dict[int, dict[int, Claim]]  # by message, by session


def settle(store: Store, known: Rows, after: Rows) -> None:
    """Bring the rows of messages, and the totals of their sessions, from `known` to `after`."""
    gone: list[Claim] = []
    come: list[Claim] = []
    for message, rows in after.items():
        first = min(rows.values(), key=lambda row: (row.copied, row.session), default=None)
        counted = {session: row._replace(counted=int(row is first)) for session, row in rows.items()}
        gone += [row for session, row in known[message].items() if counted.get(session) != row]
        come += [row for session, row in counted.items() if known[message].get(session) != row]
    store.run_many("DELETE FROM usage WHERE message = :message AND session = :session", [row._asdict() for row in gone])
    names = ", ".join(f":{name}" for name in Claim._fields)
    store.run_many(f"INSERT INTO usage ({COLUMNS}) VALUES ({names})", [row._asdict() for row in come])
    total(store, gone, come)


def total(store: Store, gone: Sequence[Claim], come: Sequence[Claim]) -> None:
    """Add what claims count to their sessions, and take away what those before them did."""
    sums: dict[int, Counter[str]] = {}
    for sign, rows in ((-1, gone), (1, come)):
        for row in rows:
            each = sums.setdefault(row.session, Counter())
            if row.counted:
                each.update({name: sign * getattr(row, name) for name in TOKENS})
                each.update({"messages": sign, "unpriced": sign * (row.cost is None), "cost": sign * (row.cost or 0)})
            else:
                each["duplicates"] += sign
    changes = ", ".join(f"{name} = {name} + :{name}" for name in TOTALS)
    store.run_many(
        f"UPDATE session SET {changes} WHERE id = :session",
        [{"session": session, **{name: each[name] for name in TOTALS}} for session, each in sums.items()],
    )


def of_messages(store: Store, messages: set[int]) -> Rows:
    found: Rows = {message: {} for message in messages}
    for row in store.rows(f"SELECT {COLUMNS} FROM usage WHERE message IN ({', '.join(map(str, messages))})") if messages else ():
        found[row[0]][row[1]] = Claim._make(row)
    return found


def messages(store: Store, session: int) -> set[int]:
    """The messages that a session holds."""
    return {row[0] for row in store.rows("SELECT message FROM usage WHERE session = :session", session=session)}
