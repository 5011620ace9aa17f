"""Reading a transcript: which session a record belongs to, what it says, what it cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from zerg.events import OVERSIZE_TEXT, Event, Identity, Kind, Parsed, Record, Verdict, named_session
from zerg.providers import State, jsonl
from zerg.providers.claude import message, notice, queue, sidechain
from zerg.providers.claude.fact import ENVELOPE, Facts
from zerg.providers.claude.message import SYNTHETIC
from zerg.providers.claude.place import Place, Role
from zerg.providers.claude.usage import usage_of
from zerg.providers.claude.value import mapping, pick, string

_EVENTS: Mapping[str, Callable[[Mapping[str, Any]], tuple[Event, ...]]] = {
    "assistant": message.answer,
    "user": message.heard,
    "system": notice.system,
    "attachment": notice.attachment,
    "queue-operation": notice.queue,
    "pr-link": notice.link,
} | dict.fromkeys(notice.TITLES, notice.title)
YEAR_9999 = 253_370_764_800_000  # ms since 1970; in its last hours some zones are in a year that Python cannot count
_REPEATED = ("custom-title", "ai-title", "pr-link")  # written again at every turn


class Transcript:
    """The reader of a session's or a subagent's file.

    State: `end`: of the last record; `parent`, `agent`: as the last record said; `last`: the last title of each sort; the
    rest belongs to `queue`, `sidechain` and `fact`. It counts only for the record that follows in the file: one that is read
    out of order, to show it again, is never taken for a repeat.
    """

    def __init__(self, place: Place, path: str, state: State) -> None:
        self.state = state
        self._place = place
        self._path = path
        self._own = Identity(place.session)
        self._facts = Facts(state)

    def frame(self, data: bytes, offset: int, at_end: bool) -> Iterator[Record]:
        return jsonl.frame(data, offset, at_end)

    def read(self, record: Record) -> Parsed:
        if self.state.get("end", record.offset) != record.offset:
            self.state.clear()
        self.state["end"] = record.offset + record.length
        value = record.value
        if value is None:
            return without_value(record, self._identity({}))
        kind = string(value.get("type"))
        if kind == "progress":
            return self._progress(value)
        identity = self._identity(value)
        if kind in notice.SKIPPED:
            return Parsed(Verdict.SKIPPED, identity, key=string(value.get("uuid")))
        events = _EVENTS[kind](value) if kind in _EVENTS else notice.unknown(value)
        events = self._new(kind, value, events)
        return self._parsed(identity, value, events)

    def _identity(self, value: Mapping[str, Any]) -> Identity:
        agent = string(value.get("agentId"))
        if self._place.role is Role.AGENT:
            return self._subagent(value, agent)
        if value.get("isSidechain") is not True:
            return self._own
        agent = agent or sidechain.agent(self.state, string(value.get("uuid")), string(value.get("parentUuid")))
        return subagent(self._own.session, agent)

    def _subagent(self, value: Mapping[str, Any], agent: str) -> Identity:
        """Of a record in a subagent's own file; records that do not name it belong with the last one that did."""
        parent = self._place.session or string(value.get("sessionId")).lower()
        if parent:
            self.state["parent"] = parent
        if agent:
            self.state["agent"] = agent
        parent, agent = self.state.get("parent", ""), self.state.get("agent", self._place.name)
        return subagent(parent, agent) if parent else Identity(named_session("claude", self._path), "", agent)

    def _progress(self, value: Mapping[str, Any]) -> Parsed:
        """A subagent's message as its parent's file repeats it; other progress is what a later record says in full."""
        data = mapping(value.get("data"))
        agent = string(data.get("agentId"))
        inner = mapping(data.get("message"))
        kind = string(inner.get("type"))
        if data.get("type") != "agent_progress" or not agent or kind not in ("user", "assistant"):
            return Parsed(Verdict.SKIPPED, self._identity(value), key=string(value.get("uuid")))
        inner = {**pick(value, ENVELOPE), **inner, "isSidechain": True}
        events = (message.answer if kind == "assistant" else message.heard)(inner, ("data", "message", *message.CONTENT))
        parent = self._identity(value) if self._place.role is Role.AGENT else self._own
        identity = subagent(parent.parent or parent.session, agent)
        return self._parsed(identity, inner, events)._replace(copied=True)

    def _new(self, kind: str, value: Mapping[str, Any], events: tuple[Event, ...]) -> tuple[Event, ...]:
        """`events` without those that repeat what an earlier record said."""
        if kind == "queue-operation":
            queue.note(self.state, value)
        elif kind in ("user", "attachment"):
            return tuple(event for event in events if not self._queued(event, kind == "attachment"))
        elif kind in _REPEATED and events:
            last: dict[str, str] = self.state.setdefault("last", {})
            if last.get(kind) == events[0].text:
                return ()
            last[kind] = events[0].text
        return events

    def _queued(self, event: Event, taken: bool) -> bool:
        prompt = event.kind is Kind.PROMPT and not event.image
        return prompt and queue.repeats(self.state, event.text, taken)

    def _parsed(self, identity: Identity, value: Mapping[str, Any], events: tuple[Event, ...]) -> Parsed:
        model = string(mapping(value.get("message")).get("model"))
        return Parsed(
            verdict(events), identity, events,
            key=string(value.get("uuid")),
            at=milliseconds(value.get("timestamp")),
            model="" if model == SYNTHETIC else model,
            usage=usage_of(value) if model else None,
            copied=self._copied(value),
            facts=self._facts.of(value, events),
        )  # fmt: skip

    def _copied(self, value: Mapping[str, Any]) -> bool:
        session = string(value.get("sessionId"))
        return self._place.named and self._place.session not in ("", session.lower()) and session != ""


def subagent(parent: str, agent: str) -> Identity:
    """The identity of the subagent `agent` of session `parent`."""
    return Identity(named_session(parent, agent), parent, agent)


def verdict(events: tuple[Event, ...]) -> Verdict:
    """Of a record that is an object."""
    if any(event.kind is Kind.UNKNOWN for event in events):
        return Verdict.UNKNOWN
    return Verdict.EVENT if events else Verdict.SKIPPED


def without_value(record: Record, identity: Identity) -> Parsed:
    """What a record means that holds no object."""
    if jsonl.blank(record):
        return Parsed(Verdict.BLANK, identity)
    if record.data.lstrip().startswith(b"//") and not record.oversize:
        return Parsed(Verdict.SKIPPED, identity)
    kind = Kind.OVERSIZE if record.oversize else Kind.BROKEN
    text = record.data[:OVERSIZE_TEXT].decode("utf-8", "replace")
    return Parsed(Verdict.EVENT if record.oversize else Verdict.BROKEN, identity, (Event(0, kind, text),))


def milliseconds(timestamp: Any) -> int | None:
    """An ISO 8601 time as milliseconds since 1970 UTC; None if it is none, or one that calendars have trouble with."""
    try:
        moment = datetime.fromisoformat(timestamp)
    except (ValueError, TypeError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    at = round(moment.timestamp() * 1000)
    return at if 0 <= at < YEAR_9999 else None
