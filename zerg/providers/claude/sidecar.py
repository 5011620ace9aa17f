"""The files beside a transcript: spilled tool output, what a subagent is, the journal of a workflow."""

from __future__ import annotations

from collections.abc import Iterator

from zerg.events import Event, Identity, Kind, Parsed, Record, Verdict
from zerg.providers import State, jsonl
from zerg.providers.claude import notice
from zerg.providers.claude.place import Place
from zerg.providers.claude.tag import printed
from zerg.providers.claude.transcript import subagent, verdict, without_value
from zerg.providers.claude.value import string

PIECE = 16 * 1024  # bytes; a piece of output ends with the line that reaches this size
LONGEST = 4 * PIECE  # bytes; a longer line is cut between two characters


class Output:
    """The reader of a tool's output that was spilled into a file: pieces of whole lines.

    Such a file is written once. Should it grow, the piece that was its end stays a piece.
    """

    def __init__(self, place: Place, state: State) -> None:
        self.state = state
        self._identity = Identity(place.session)
        self._call = place.name

    def frame(self, data: bytes, offset: int, at_end: bool) -> Iterator[Record]:
        start = 0
        while end := _end_of_piece(data, start) or (len(data) if at_end and start < len(data) else 0):
            yield Record(offset + start, end - start, data[start:end], None)
            start = end

    def read(self, record: Record) -> Parsed:
        text = record.data.decode("utf-8", "replace")
        if not text.strip():
            return Parsed(Verdict.BLANK, self._identity)
        return Parsed(Verdict.EVENT, self._identity, (printed(Event(0, Kind.OUTPUT, text, call=self._call)),))


def _end_of_piece(data: bytes, start: int) -> int:
    """Where the piece that begins at `start` ends; 0 if `data` does not hold its end."""
    end = data.find(b"\n", start + PIECE - 1, start + LONGEST) + 1
    if end or len(data) <= start + LONGEST:
        return end
    end = start + LONGEST
    while end > start + PIECE and data[end] & 0xC0 == 0x80:  # inside a UTF-8 character
        end -= 1
    return end


class Meta:
    """The reader of a subagent's `.meta.json`: one JSON object, over however many lines, and nothing until it is whole."""

    def __init__(self, place: Place, state: State) -> None:
        self.state = state
        self._identity = subagent(place.session, place.name)

    def frame(self, data: bytes, offset: int, at_end: bool) -> Iterator[Record]:
        value = jsonl.document(data) if at_end else None
        if value is not None:
            yield Record(offset, len(data), data, value)

    def read(self, record: Record) -> Parsed:
        if record.value is None:
            return without_value(record, self._identity)
        description, agent_type = (string(record.value.get(key)) for key in ("description", "agentType"))
        facts = {"title_agent": description, "agent_type": agent_type}
        events = (Event(0, Kind.TITLE, description, label="agent", data=record.value),) if description else ()
        return Parsed(verdict(events), self._identity, events, facts={name: text for name, text in facts.items() if text})


class Journal:
    """The reader of a workflow's `journal.jsonl`: which agents it started, and what they handed back."""

    def __init__(self, place: Place, state: State) -> None:
        self.state = state
        self._session = place.session

    def frame(self, data: bytes, offset: int, at_end: bool) -> Iterator[Record]:
        return jsonl.frame(data, offset, at_end)

    def read(self, record: Record) -> Parsed:
        if record.value is None:
            return without_value(record, Identity(self._session))
        kind, agent = string(record.value.get("type")), string(record.value.get("agentId"))
        if kind == "started":
            return Parsed(Verdict.SKIPPED, Identity(self._session))
        identity = subagent(self._session, agent) if agent else Identity(self._session)
        events = notice.result(record.value) if kind == "result" else notice.unknown(record.value)
        return Parsed(verdict(events), identity, events)
