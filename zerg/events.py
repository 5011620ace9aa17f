"""The vocabulary of zerg: frozen values that know nothing of storage, formats or pages.

A *provider* is an agent whose transcripts zerg reads (``claude``). A *source* is one file of it, archived byte for byte.
A *record* is one JSON object of a source (usually a line), and an *event* is one thing that a record says: a prompt, an
answer, a tool call. Events form *sessions*; a prompt with all that follows it up to the next one is a *turn*.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

NAMESPACE = uuid.UUID("6d0e7f3c-4f0f-5b51-9d39-3d3f0f6c2a57")  # of every uuid5 that zerg makes; must never change
OVERSIZE = 8 * 1024 * 1024  # bytes; a longer line is archived whole and parsed not at all
OVERSIZE_TEXT = 64 * 1024  # bytes of an oversize or broken line that are shown and searched


class Kind(StrEnum):
    """What an event is. The values are the vocabulary of the database, the API, the query language and the CSS."""

    PROMPT = "prompt"  # typed by a person, queued prompts included
    ANSWER = "answer"
    THINKING = "thinking"
    TOOL_CALL = "tool_call"
    TOOL_RESULT = "tool_result"
    OUTPUT = "output"  # a piece of a tool's output that was spilled into a file of its own
    COMMAND = "command"  # slash commands, `!` commands and what they printed
    COMPACTION = "compaction"  # the boundary, and the summary that follows it
    INTERRUPT = "interrupt"
    ERROR = "error"  # of the API: failures and retries
    NOTICE = "notice"  # text that nobody typed: meta, hooks, reminders, recaps, task notifications
    TITLE = "title"
    UNKNOWN = "unknown"  # a record of a type that this version does not know
    BROKEN = "broken"  # a line that is not JSON
    OVERSIZE = "oversize"  # a line over OVERSIZE bytes


class Verdict(StrEnum):
    """What became of a record: every byte of a source is accounted for by one of these."""

    EVENT = "event"
    SKIPPED = "skipped"  # known, and holds nothing to show or search that is not elsewhere
    UNKNOWN = "unknown"
    BROKEN = "broken"
    BLANK = "blank"  # white space only; comment lines (``//``) are skipped


class Record(NamedTuple):
    """One object of a source, as framed: ``data`` is its exact bytes, line end included."""

    offset: int  # bytes from the start of the source
    length: int  # bytes; greater than len(data) only for an oversize record
    data: bytes
    value: Any  # the decoded JSON object, or None where there is none
    oversize: bool = False


class Event(NamedTuple):
    """One thing that a record says. Depends on the bytes of that record alone, never on what came before."""

    slot: int  # position in the record: with source and offset the event's public id
    kind: Kind
    text: str  # what is searched, counted as content and exported: never holds base64 or system reminders
    tool: str = ""  # name of the tool of a call
    call: str = ""  # id that joins a tool call, its result and its spilled output
    error: bool = False
    image: bool = False
    label: str = ""  # finer than the kind, for display: "queued", "caveat", "hook_success", "retry"
    data: Mapping[str, Any] = {}  # what rendering wants beyond the text: tool input, structured result, images


class Usage(NamedTuple):
    """Tokens of one message of a model, as last reported; counted once per message id over the whole archive."""

    message: str  # the API's message id (and request id when there is one)
    model: str
    input: int
    output: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    lower_bound: bool = False  # the version that wrote it is known to write placeholders for output


class Identity(NamedTuple):
    """Which session a record belongs to."""

    session: str  # UUID
    parent: str = ""  # UUID of the session that started this one as a subagent
    agent: str = ""  # the subagent's own id


class Parsed(NamedTuple):
    """What one record means."""

    verdict: Verdict
    identity: Identity
    events: tuple[Event, ...] = ()
    key: str = ""  # the record's own UUID where it has one: equal in every copy of the record
    at: int | None = None  # milliseconds since 1970 UTC, as written in the record
    model: str = ""
    usage: Usage | None = None
    copied: bool = False  # the record says that it was first written in another session (resume, fork, progress)
    facts: Mapping[str, str] = {}  # about the session: see FACTS


# What Parsed.facts may say of its session. A later record overrides an earlier one, but for those marked "first".
FACTS = (
    "cwd",  # first
    "branch",
    "version",  # of the agent program
    "entrypoint",  # cli, sdk-ts, claude-vscode …
    "title_custom",  # given by the person
    "title_ai",  # made by the agent
    "title_agent",  # of a subagent: the description of its task
    "title_prompt",  # first: the first human prompt, without the context that editors put before it
    "agent_type",
    "pr",  # URL of a pull request
    "leaf",  # a title for whichever session holds the record with this UUID; the event of kind title holds its text
)


def public_id(source: int, offset: int, slot: int) -> str:
    """The id of an event in links, citations and the API: it never changes, also not by a rebuild."""
    return f"{source}-{offset}-{slot}"


def named_session(*names: str) -> str:
    """The UUID of a session whose id is not a UUID by itself, from names that identify it."""
    return str(uuid.uuid5(NAMESPACE, "\n".join(names)))
