"""Derived: tokens and cost. A message is counted once in the whole archive, in one of the sessions that hold it."""

from __future__ import annotations

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


def claim(store: Store, new: Claim) -> None:
    """Note what a session reports of a message; the last report of a session wins where it is not smaller.

    Who counts the message, and the totals of the sessions concerned, are set right.
    """
    others = {other.session: other for other in of_message(store, new.message)}
    old = others.get(new.session)
    if old and (old.output > new.output or new._replace(counted=old.counted) == old):
        return
    if old:
        new = new._replace(copied=min(old.copied, new.copied))
    settle(store, others, {**others, new.session: new})


def withdraw(store: Store, message: int, session: int) -> None:
    """A session no longer holds a message."""
    old = {other.session: other for other in of_message(store, message)}
    settle(store, old, {key: value for key, value in old.items() if key != session})


def settle(store: Store, old: dict[int, Claim], new: dict[int, Claim]) -> None:
    """Bring the rows of one message, and the totals of their sessions, from `old` to `new`."""
    first = min(new.values(), key=lambda row: (row.copied, row.session), default=None)
    new = {session: row._replace(counted=int(row is first)) for session, row in new.items()}
    for session, row in old.items():
        if session not in new:
            store.run("DELETE FROM usage WHERE message = :message AND session = :session", message=row.message, session=session)
        if new.get(session) != row:
            total(store, row, -1)
    for session, row in new.items():
        if old.get(session) != row:
            put(store, row)
            total(store, row, 1)


def put(store: Store, row: Claim) -> None:
    names = ", ".join(f":{name}" for name in Claim._fields)
    changes = ", ".join(f"{name} = excluded.{name}" for name in Claim._fields[2:])
    store.run(
        f"INSERT INTO usage ({COLUMNS}) VALUES ({names}) ON CONFLICT (message, session) DO UPDATE SET {changes}",
        **row._asdict(),
    )


def total(store: Store, row: Claim, sign: int) -> None:
    """Add what a claim counts to its session, or take it away."""
    if not row.counted:
        store.run("UPDATE session SET duplicates = duplicates + :sign WHERE id = :session", sign=sign, session=row.session)
        return
    store.run(
        """UPDATE session SET input = input + :input, output = output + :output, cache_read = cache_read + :cache_read,
           cache_write_5m = cache_write_5m + :cache_write_5m, cache_write_1h = cache_write_1h + :cache_write_1h,
           messages = messages + :sign, lower_bound = lower_bound + :lower_bound, unpriced = unpriced + :unpriced,
           cost = cost + :cost WHERE id = :session""",
        input=sign * row.input, output=sign * row.output, cache_read=sign * row.cache_read, cache_write_5m=sign * row.cache_write_5m,
        cache_write_1h=sign * row.cache_write_1h, sign=sign, lower_bound=sign * row.lower_bound,
        unpriced=sign * (row.cost is None), cost=sign * (row.cost or 0), session=row.session,
    )  # fmt: skip


def of_message(store: Store, message: int) -> list[Claim]:
    return [Claim._make(row) for row in store.rows(f"SELECT {COLUMNS} FROM usage WHERE message = :message", message=message)]


def messages(store: Store, session: int) -> set[int]:
    """The messages that a session holds."""
    return {row[0] for row in store.rows("SELECT message FROM usage WHERE session = :session", session=session)}


class ModelTotal(NamedTuple):
    model: str
    messages: int
    input: int
    output: int
    cache_read: int
    cache_write: int
    lower_bound: int
    unpriced: int
    cost: int


def by_model(store: Store, session: int) -> list[ModelTotal]:
    """What a session counts, by model: the largest cost first."""
    sql = """SELECT model, count(*), sum(input), sum(output), sum(cache_read), sum(cache_write_5m + cache_write_1h), sum(lower_bound),
             count(*) - count(cost), coalesce(sum(cost), 0) FROM usage WHERE session = :session AND counted = 1
             GROUP BY model ORDER BY 9 DESC, model"""
    return [ModelTotal._make(row) for row in store.rows(sql, session=session)]
