"""Reading a transcript: which session a record belongs to, what it says, what it cost."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from zerg.events import OVERSIZE_TEXT, Event, Identity, Kind, Parsed, Record, Usage, Verdict, named_session
from zerg.providers import State, jsonl
from zerg.providers.claude import message, notice, queue, sidechain, tag, tool
from zerg.providers.claude.message import SYNTHETIC
from zerg.providers.claude.place import Place, Role
from zerg.providers.claude.value import count, mapping, pick, string

_TITLE = 200  # characters of a prompt that serve as a title
_TASKS = 16  # started subagents that are remembered until their first record
_PLACEHOLDERS = ((2, 1, 1), (2, 1, 42))  # first and last version that wrote placeholders as output tokens
_ENVELOPE = ("cwd", "gitBranch", "version", "entrypoint")
_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})\.(\d{1,4})")

_EVENTS: Mapping[str, Callable[[Mapping[str, Any]], tuple[Event, ...]]] = {
    "assistant": message.answer,
    "user": message.heard,
    "system": notice.system,
    "attachment": notice.attachment,
    "queue-operation": notice.queue,
    "pr-link": notice.link,
} | dict.fromkeys(notice.TITLES, notice.title)
_REPEATED = ("custom-title", "ai-title", "pr-link")  # written again at every turn


class Transcript:
    """The reader of a session's or a subagent's file.

    State: `end`: of the last record; `parent`, `agent`: as the last record said; `queue`, `sidechains`: see those modules;
    `tasks`: the subagents that were started, by their prompt; `last`: the last title of each sort. It counts only for the
    record that follows in the file: one that is read out of order, to show it again, is never taken for a repeat.
    """

    def __init__(self, place: Place, path: str, state: State) -> None:
        self.state = state
        self._place = place
        self._path = path
        self._own = Identity(place.session)
        self._seen: tuple[tuple[Any, ...], dict[str, str]] = ((), {})

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
        inner = {**pick(value, _ENVELOPE), **inner, "isSidechain": True}
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
        body = mapping(value.get("message"))
        model = string(body.get("model"))
        return Parsed(
            verdict(events), identity, events,
            key=string(value.get("uuid")),
            at=milliseconds(value.get("timestamp")),
            model="" if model == SYNTHETIC else model,
            usage=_usage(value, body, model) if "usage" in body else None,
            copied=self._copied(value),
            facts=self._all_facts(value, events),
        )  # fmt: skip

    def _copied(self, value: Mapping[str, Any]) -> bool:
        session = string(value.get("sessionId"))
        return self._place.named and self._place.session not in ("", session.lower()) and session != ""

    def _all_facts(self, value: Mapping[str, Any], events: tuple[Event, ...]) -> Mapping[str, str]:
        facts, more = self._facts(value), self._more_facts(value, events)
        return {**facts, **more} if more else facts

    def _facts(self, value: Mapping[str, Any]) -> Mapping[str, str]:
        """Those of the envelope; the same object again for as long as they are the same."""
        found = tuple(map(value.get, _ENVELOPE))
        if found != self._seen[0]:
            pairs = zip(("cwd", "branch", "version", "entrypoint"), found, strict=True)
            self._seen = found, {name: text for name, text in pairs if isinstance(text, str) and text}
            if self._seen[1].get("branch") == "HEAD":  # no branch is checked out
                del self._seen[1]["branch"]
        return self._seen[1]

    def _more_facts(self, value: Mapping[str, Any], events: tuple[Event, ...]) -> dict[str, str]:
        kind, facts = string(value.get("type")), {}
        if kind == "assistant":
            self._note_tasks(value, events)
            if agent_type := string(value.get("attributionAgent")):
                facts["agent_type"] = agent_type
        elif kind == "summary":
            facts["leaf"] = string(value.get("leafUuid"))
        elif kind in notice.TITLES and events:
            facts[notice.TITLES[kind][0]] = events[0].text
        elif kind == "pr-link":
            facts["pr"] = string(value.get("prUrl"))
        for event in events:
            if event.kind is Kind.PROMPT:
                facts |= self._prompt_facts(event)
        return {name: text for name, text in facts.items() if text}

    def _note_tasks(self, value: Mapping[str, Any], events: tuple[Event, ...]) -> None:
        """Remember the subagents that a message starts."""
        if not any(event.tool in ("Task", "Agent") for event in events):
            return
        tasks: dict[str, list[str]] = self.state.setdefault("tasks", {})
        for prompt, description, agent_type in tool.agents(message.blocks(value)):
            tasks[queue.digest(prompt)] = [description, agent_type]
        while len(tasks) > _TASKS:
            del tasks[next(iter(tasks))]

    def _prompt_facts(self, event: Event) -> dict[str, str]:
        """A title of the session; of a subagent inside this file also what its parent calls it."""
        facts = {"title_prompt": " ".join(tag.without_context(event.text)[: 4 * _TITLE].split())[:_TITLE]}
        if event.label == "task" and (tasks := self.state.get("tasks")):
            facts["title_agent"], facts["agent_type"] = tasks.get(queue.digest(event.text), ("", ""))
        return facts


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
    """An ISO 8601 time as milliseconds since 1970 UTC; None if it is none."""
    try:
        moment = datetime.fromisoformat(timestamp)
    except (ValueError, TypeError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def _usage(value: Mapping[str, Any], body: Mapping[str, Any], model: str) -> Usage | None:
    name, usage = string(body.get("id")), mapping(body.get("usage"))
    if not name or not model or model == SYNTHETIC:
        return None
    request = string(value.get("requestId"))
    written = mapping(usage.get("cache_creation"))
    short, long = count(written.get("ephemeral_5m_input_tokens")), count(written.get("ephemeral_1h_input_tokens"))
    return Usage(
        f"{name}:{request}" if request else name, model,
        input=count(usage.get("input_tokens")),
        output=count(usage.get("output_tokens")),
        cache_read=count(usage.get("cache_read_input_tokens")),
        cache_write_5m=short if short or long else count(usage.get("cache_creation_input_tokens")),
        cache_write_1h=long,
        lower_bound=body.get("stop_reason") is None and _placeholder(string(value.get("version"))),
    )  # fmt: skip


@lru_cache(maxsize=64)
def _placeholder(version: str) -> bool:
    """Whether this version is known to write placeholders for output tokens."""
    found = _VERSION.match(version)
    return found is not None and _PLACEHOLDERS[0] <= tuple(map(int, found.groups())) <= _PLACEHOLDERS[1]
