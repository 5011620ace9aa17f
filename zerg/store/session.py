"""Derived: sessions, and the lists of them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, NamedTuple

from zerg.events import Identity
from zerg.store.base import Row, Store

NOW_AND_THEN = 2**62


class Tokens(NamedTuple):
    """What a session used. Each message of the archive is counted in one session only."""

    input: int
    output: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    messages: int  # counted here
    duplicates: int  # messages of this session that another one counts
    lower_bound: bool  # some output is known only as a lower bound


@dataclass(frozen=True, slots=True)
class Session:
    """A session as lists and pages show it. Times are ms UTC."""

    rowid: int
    id: str
    provider: str
    project: str
    cwd: str
    branch: str
    title: str
    at: int  # what lists are ordered by
    started_at: int | None
    ended_at: int | None
    mtime: int
    machine: str  # label
    prompts: int
    answers: int
    tool_calls: int
    errors: int
    events: int
    subagents: int
    models: tuple[str, ...]
    tokens: Tokens
    raw: dict[str, int]  # tokens summed over all records, before messages were counted once
    cost_microdollars: int | None  # None: nothing priced
    unpriced: int  # messages of models without a price
    parent_id: str
    agent: str
    agent_type: str
    version: str
    entrypoint: str
    pr: str
    strip: str
    noise: str
    broken: int
    unknown: int
    only_here: bool  # its file is gone from its machine


class Filter(NamedTuple):
    """Which sessions a list holds. Empty: all. Times are ms UTC, [after, before)."""

    project: str = ""
    provider: str = ""
    machine: str = ""  # label
    model: str = ""
    branch: str = ""
    after: int = 0
    before: int = NOW_AND_THEN
    errors: bool = False
    noise: bool = True  # also what lists fold
    parent: str = ""  # the subagents of this session instead of the sessions that stand by themselves


class Cursor(NamedTuple):
    """Where a list goes on: behind the session with this time and row id."""

    at: int
    rowid: int


FIRST = Cursor(NOW_AND_THEN, 0)

COLUMNS = """session.id, uuid, session.provider, project, cwd, branch, title, at, started_at, ended_at, session.mtime,
    coalesce((SELECT label FROM machine WHERE machine.id = session.machine), session.machine),
    prompts, answers, tool_calls, errors, events, (SELECT count(*) FROM session AS child WHERE child.parent = session.uuid),
    models, input, output, cache_read, cache_write_5m, cache_write_1h, messages, duplicates, lower_bound, raw, cost, unpriced,
    parent, agent, agent_type, version, entrypoint, pr, strip, noise, broken, unknown,
    coalesce((SELECT min(missing) FROM source JOIN part ON part.source = source.id
              WHERE part.session = session.id AND source.current = 1
              AND part.own = (SELECT max(own) FROM part WHERE part.session = session.id)), 0)"""

WHERE = """at >= :after AND at < :before
    AND (CAST(:project AS TEXT) = '' OR project = :project) AND (CAST(:provider AS TEXT) = '' OR session.provider = :provider)
    AND (CAST(:branch AS TEXT) = '' OR branch = :branch)
    AND (CAST(:model AS TEXT) = '' OR models LIKE :like_model ESCAPE '!')
    AND (CAST(:machine AS TEXT) = ''
         OR session.machine IN (SELECT machine.id FROM machine WHERE label = :machine OR machine.id = :machine))
    AND (CAST(:errors AS INTEGER) = 0 OR errors > 0) AND (CAST(:noise AS INTEGER) = 1 OR noise = '')"""


def where(filter: Filter) -> str:
    """The condition of a filter. What an index can answer stands first, and without an OR, or it would not be used."""
    return f"{'parent = :parent' if filter.parent else 'top = 1'} AND {WHERE}"


def made(row: Row) -> Session:
    """A Session of a row of COLUMNS."""
    models, counts, raw, cost, unpriced, rest = row[18], row[19:27], row[27], row[28], row[29], row[30:]
    tokens = Tokens._make((*counts[:-1], counts[-1] > 0))
    priced = cost if tokens.messages > unpriced else None
    return Session(*(*row[:18], tuple(json.loads(models)), tokens, json.loads(raw), priced, unpriced, *rest[:-1], bool(rest[-1])))


def params(filter: Filter) -> dict[str, Any]:
    return {
        **filter._asdict(),
        "errors": int(filter.errors),
        "noise": int(filter.noise or bool(filter.parent)),
        "like_model": f"%{literal(json.dumps(filter.model))}%",
    }


def literal(text: str) -> str:
    """`text` as it stands, in a LIKE pattern whose escape character is `!`."""
    return re.sub("[!%_]", r"!\g<0>", text)


def by_uuid(store: Store, uuid: str) -> Session | None:
    row = store.row(f"SELECT {COLUMNS} FROM session WHERE uuid = :uuid", uuid=uuid)
    return made(row) if row else None


def by_rowids(store: Store, rowids: set[int]) -> dict[int, Session]:
    names = {f"i{number}": rowid for number, rowid in enumerate(rowids)}
    if not names:
        return {}
    sql = f"SELECT {COLUMNS} FROM session WHERE session.id IN ({', '.join(':' + name for name in names)})"
    return {row[0]: made(row) for row in store.rows(sql, **names)}


def page(store: Store, filter: Filter, cursor: Cursor, limit: int) -> list[Session]:
    """Sessions, newest first, behind `cursor`."""
    sql = f"""SELECT {COLUMNS} FROM session WHERE {where(filter)} AND (at, session.id) < (:at, :rowid)
              ORDER BY at DESC, session.id DESC LIMIT :limit"""
    return [made(row) for row in store.rows(sql, **params(filter), at=cursor.at, rowid=cursor.rowid, limit=limit)]


def times(store: Store, filter: Filter) -> list[tuple[int, int]]:
    """(time, cost in micro-dollars) of all sessions of a filter, newest first: for counts by day."""
    sql = f"SELECT at, cost FROM session WHERE {where(filter)} ORDER BY at DESC"
    return [(row[0], row[1]) for row in store.rows(sql, **params(filter))]


def total(store: Store, filter: Filter) -> tuple[int, int]:
    """(number, how many of them are noise) of the sessions of a filter, were noise not folded."""
    sql = f"SELECT count(*), coalesce(sum(CASE WHEN noise = '' THEN 0 ELSE 1 END), 0) FROM session WHERE {where(filter)}"
    row = store.row(sql, **params(filter._replace(noise=True)))
    assert row
    return row[0], row[1]


def values(store: Store, name: str, filter: Filter) -> list[tuple[str, int]]:
    """The values of project, provider, branch or machine with how many sessions have each: the most frequent first."""
    column = {"project": "project", "provider": "session.provider", "branch": "branch", "machine": "machine"}[name]
    sql = f"SELECT {column}, count(*) FROM session WHERE {where(filter)} AND {column} <> '' GROUP BY {column} ORDER BY 2 DESC, 1"
    found: list[tuple[str, int]] = [(row[0], row[1]) for row in store.rows(sql, **params(filter))]
    if name != "machine":
        return found
    labels: dict[str, str] = {row[0]: row[1] for row in store.rows("SELECT id, label FROM machine")}
    return [(labels.get(machine, machine), count) for machine, count in found]


def models(store: Store, filter: Filter) -> list[tuple[str, int]]:
    """The models with how many sessions used each: the most frequent first."""
    counts: dict[str, int] = {}
    for names, count in store.rows(
        f"SELECT models, count(*) FROM session WHERE {where(filter)} GROUP BY models", **params(filter)
    ):
        for name in json.loads(names):
            counts[name] = counts.get(name, 0) + count
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def count(store: Store) -> int:
    """Sessions that stand by themselves."""
    found: int = store.value("SELECT count(*) FROM session WHERE top = 1")
    return found


def rowid(store: Store, uuid: str) -> int | None:
    found: int | None = store.value("SELECT id FROM session WHERE uuid = :uuid", uuid=uuid)
    return found


def add(store: Store, identity: Identity, provider: str, machine: str, folder: str, mtime: int) -> int:
    """A new session that says nothing yet; its row id."""
    new: int = (store.value("SELECT max(id) FROM session") or 0) + 1
    top = int(not identity.parent or rowid(store, identity.parent) is None)
    store.run(
        """INSERT INTO session (id, uuid, provider, parent, agent, top, machine, folder, at, mtime, project, cwd, branch, version,
               entrypoint, agent_type, pr, title, title_summary, prompts, answers, tool_calls, errors, events, broken, unknown,
               models, strip, noise, raw)
           VALUES (:id, :uuid, :provider, :parent, :agent, :top, :machine, :folder, :mtime, :mtime, '', '', '', '',
               '', '', '', '', '', 0, 0, 0, 0, 0, 0, 0, '[]', '', 'empty', '{}')""",
        id=new, uuid=identity.session, provider=provider, parent=identity.parent, agent=identity.agent, top=top,
        machine=machine, folder=folder, mtime=mtime,
    )  # fmt: skip
    store.run("UPDATE session SET top = 0 WHERE parent = :uuid", uuid=identity.session)
    return new


SUMMARY = (
    "at", "started_at", "ended_at", "project", "cwd", "branch", "version", "entrypoint", "agent_type", "pr", "title", "prompts",
    "answers", "tool_calls", "errors", "events", "broken", "unknown", "models", "strip", "noise", "raw",
)  # fmt: skip


def save(store: Store, session: int, summary: dict[str, Any], mtime: int) -> None:
    """Write what is known of a session: `summary` has a value for each of SUMMARY."""
    changes = ", ".join(f"{name} = :{name}" for name in SUMMARY)
    store.run(
        f"UPDATE session SET {changes}, mtime = max(mtime, :mtime) WHERE id = :session", **summary, mtime=mtime, session=session
    )


def title_summary(store: Store, session: int) -> str:
    found: str = store.value("SELECT title_summary FROM session WHERE id = :session", session=session)
    return found


def set_title_summary(store: Store, session: int, title: str) -> None:
    store.run("UPDATE session SET title_summary = :title WHERE id = :session", title=title, session=session)


def mtime(store: Store, session: int) -> int:
    found: int = store.value("SELECT mtime FROM session WHERE id = :session", session=session)
    return found


def remove(store: Store, session: int) -> None:
    """Remove a session that nothing speaks of any more; its subagents stand by themselves then."""
    store.run("UPDATE session SET top = 1 WHERE parent = (SELECT uuid FROM session WHERE id = :session)", session=session)
    store.run("DELETE FROM session WHERE id = :session", session=session)
