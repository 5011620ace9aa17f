"""The Claude Code provider: the contract of every provider, and what each record type means."""

from __future__ import annotations

import base64
import json
import os
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zerg.errors import NotFound
from zerg.events import FACTS, Event, Kind, Parsed, Record, Verdict, named_session
from zerg.providers import Reader, provider
from zerg.providers.claude import image
from zerg.providers.claude.queue import digest

CLAUDE = provider("claude")
SAMPLES = Path(__file__).parent / "samples" / "claude"
FOLDER = "/home/ada/.claude/projects/-home-ada-engine"
SESSION = "5e55a000-0000-4000-8000-000000000001"
OLD = "5e55a000-0000-4000-8000-000000000002"
MAIN = f"{FOLDER}/{SESSION}.jsonl"
PNG = "iVBORw0KGgo"  # how one begins in base64
EXAMPLES = int(os.environ.get("ZERG_EXAMPLES", "1000"))
SEED = int(os.environ.get("ZERG_SEED") or random.SystemRandom().randrange(2**32))


# The contract


def files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())


def reader(path: Path | str, state: Mapping[str, Any] | None = None) -> Reader:
    found = CLAUDE.reader(str(path), json.loads(json.dumps(state or {})))
    assert found is not None
    return found


def whole(path: Path | str, data: bytes) -> list[tuple[Record, Parsed]]:
    one = reader(path)
    return [(record, one.read(record)) for record in one.frame(data, 0, True)]


def in_pieces(path: Path, data: bytes, cuts: list[int], ends: bool) -> Iterator[tuple[Record, Parsed]]:
    """As it is read when the file arrives in pieces, each by a reader that knows the state alone."""
    state: Mapping[str, Any] = {}
    done = 0
    for cut in [*cuts, len(data)]:
        one = reader(path, state)
        for record in one.frame(data[done:cut], done, cut == len(data) or ends):
            yield record, one.read(record)
            done += record.length
        state = one.state


def told(found: Iterator[tuple[Record, Parsed]] | list[tuple[Record, Parsed]]) -> list[tuple[int, Parsed]]:
    return [(record.offset, parsed) for record, parsed in found if parsed.verdict != Verdict.BLANK]


def check(path: Path, dice: random.Random) -> None:
    """Every byte in one record, every record with a verdict, the same in pieces, and each event a function of its record."""
    data = path.read_bytes()
    found = whole(path, data)
    end = 0
    for record, parsed in found:
        assert record.offset == end
        end += record.length
        check_parsed(parsed)
        assert record.value is None or not any(PNG in event.text for event in parsed.events)
    assert b"\n" not in data[end:], f"{path}: nothing said of {data[end : end + 80]!r}"
    cuts = sorted(dice.randrange(len(data) + 1) for _ in range(4))
    assert told(in_pieces(path, data, cuts, ends=path.suffix == ".jsonl")) == told(found), f"{path} cut at {cuts}"
    for record, parsed in dice.sample(found, min(len(found), 50)):
        alone = {event.slot: event for event in reader(path).read(record).events}
        assert all(alone[event.slot] == event for event in parsed.events), f"{path} at {record.offset}"


def check_parsed(parsed: Parsed) -> None:
    for event in parsed.events:
        event.text.encode()
    assert len({event.slot for event in parsed.events}) == len(parsed.events)
    assert parsed.verdict in (Verdict.EVENT, Verdict.UNKNOWN, Verdict.BROKEN) or not parsed.events
    assert parsed.events or parsed.verdict in (Verdict.SKIPPED, Verdict.BLANK)
    assert set(parsed.facts) <= set(FACTS)
    assert all(text and text.encode() for text in parsed.facts.values())


def test_samples_keep_the_contract() -> None:
    print("seed", SEED)
    for path in files(SAMPLES):
        check(path, random.Random(SEED))


def test_the_corpus_keeps_the_contract(corpus: Path) -> None:
    print("seed", SEED)
    dice = random.Random(SEED)
    for path in files(corpus / "claude"):
        if path.suffix in (".jsonl", ".json", ".txt"):
            check(path, dice)


def test_nothing_in_the_corpus_is_unknown(corpus: Path) -> None:
    for path in files(corpus / "claude" / "projects"):
        for record, parsed in whole(path, path.read_bytes()):
            assert parsed.verdict != Verdict.UNKNOWN, record.data[:200]
            assert all(event.kind != Kind.UNKNOWN for event in parsed.events), record.data[:200]


LINES = [line for path in files(SAMPLES) if path.suffix == ".jsonl" for line in path.read_bytes().splitlines()]
VALUES = [
    value for line in LINES if line.startswith(b"{") and line.endswith(b"}") and b"}{" not in line for value in [json.loads(line)]
]
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["", "text", "tool_use", "\ud83d", SESSION]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "text", "content", "id", "source"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.sampled_from(VALUES), st.randoms(use_true_random=False), JUNK, st.integers(1, 3))
def test_no_value_of_any_shape_raises(value: dict[str, Any], dice: random.Random, junk: Any, times: int) -> None:
    value = json.loads(json.dumps(value))
    for _ in range(times):
        replace(value, dice, junk)
    line = json.dumps(value).encode() + b"\n"
    for path in (
        MAIN,
        f"{FOLDER}/agent-1.jsonl",
        f"{FOLDER}/{SESSION}/subagents/agent-1.meta.json",
        f"{FOLDER}/{SESSION}/subagents/journal.jsonl",
    ):
        for _, parsed in whole(path, line):
            check_parsed(parsed)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.sampled_from(LINES), st.randoms(use_true_random=False), st.binary(max_size=4))
def test_no_bytes_raise(line: bytes, dice: random.Random, junk: bytes) -> None:
    start = dice.randrange(len(line) + 1)
    line = line[:start] + junk + line[start + dice.randrange(4) :]
    for _, parsed in whole(MAIN, line + b"\n"):
        check_parsed(parsed)


def replace(value: Any, dice: random.Random, junk: Any) -> None:
    """Put `junk` somewhere into `value`."""
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = dice.choice(keys)
        if not isinstance(value[key], (dict, list)) or dice.random() < 0.3:
            value[key] = json.loads(json.dumps(junk))
            return
        value = value[key]


# Behaviour


def read(*values: Mapping[str, Any], path: str = MAIN) -> list[Parsed]:
    """What records mean that follow each other in a file."""
    return [parsed for _, parsed in whole(path, b"".join(json.dumps(value).encode() + b"\n" for value in values))]


def events(*values: Mapping[str, Any], path: str = MAIN) -> list[Event]:
    return [event for parsed in read(*values, path=path) for event in parsed.events]


def said(content: Any, **more: Any) -> dict[str, Any]:
    envelope = {
        "sessionId": SESSION,
        "uuid": "u1",
        "timestamp": "2026-03-01T09:00:01.037Z",
        "version": "2.1.120",
        "cwd": "/home/ada",
    }
    return {**envelope, "type": "user", "message": {"role": "user", "content": content}, **more}


def answered(*content: Any, **more: Any) -> dict[str, Any]:
    usage = {"input_tokens": 3, "output_tokens": 50, "cache_read_input_tokens": 40, "cache_creation_input_tokens": 9}
    message = {"id": "msg_01", "model": "claude-opus-4-6", "content": content, "stop_reason": "end_turn", "usage": usage}
    return said("") | {"type": "assistant", "message": message, "requestId": "req_01"} | more


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def summed(found: list[Event]) -> list[tuple[str, str, str]]:
    return [(event.kind.value, event.label, event.text) for event in found]


def sample(name: str) -> list[tuple[Record, Parsed]]:
    (path,) = SAMPLES.rglob(name)
    return whole(path, path.read_bytes())


def test_a_prompt() -> None:
    (parsed,) = read(said("Why does it slip?\n"))
    assert summed(list(parsed.events)) == [("prompt", "", "Why does it slip?\n")]
    assert (parsed.verdict, parsed.key, parsed.at) == (Verdict.EVENT, "u1", 1772355601037)
    assert parsed.identity == (SESSION, "", "")
    assert parsed.facts == {"cwd": "/home/ada", "version": "2.1.120", "title_prompt": "Why does it slip?"}


def test_what_an_editor_adds_is_no_part_of_the_title() -> None:
    opened = "<ide_opened_file>The user opened wheel.py.</ide_opened_file>"
    (parsed,) = read(said([text(opened), text("Why?")]))
    assert summed(list(parsed.events)) == [("notice", "context", "The user opened wheel.py."), ("prompt", "", "Why?")]
    (parsed,) = read(said(f"{opened}\nWhy  not?"))
    assert parsed.facts["title_prompt"] == "Why not?"


def test_a_command_that_expands_into_a_prompt_gives_a_title() -> None:
    own = "<command-message>review</command-message>\n<command-name>/review</command-name>\n<command-args>the mill</command-args>"
    (parsed,) = read(said(own))
    assert parsed.facts["title_prompt"] == "/review the mill"
    (parsed,) = read(said("<command-name>/clear</command-name>\n<command-message>clear</command-message>"))
    assert "title_prompt" not in parsed.facts


def test_the_slot_is_the_place_of_the_block() -> None:
    found = events(said([text("<system-reminder>x</system-reminder>"), text("[Request interrupted by user]"), text("Go on")]))
    assert [(event.slot, event.kind) for event in found] == [(1, Kind.INTERRUPT), (2, Kind.PROMPT)]


@pytest.mark.parametrize(
    ("content", "kind", "label", "expected"),
    [
        (
            "<command-name>/model</command-name>\n<command-message>model</command-message>\n<command-args>opus</command-args>",
            "command",
            "slash",
            "/model opus",
        ),
        ("<command-message>review</command-message>\n<command-name>/review</command-name>", "command", "slash", "/review"),
        ("<bash-input>git status</bash-input>", "command", "bash", "! git status"),
        ("<bash-stdout>clean</bash-stdout><bash-stderr>rust</bash-stderr>", "command", "stdout", "clean\nrust"),
        ("<local-command-stdout>Set model</local-command-stdout>", "command", "stdout", "Set model"),
        ("<local-command-stderr>No such model</local-command-stderr>", "command", "stderr", "No such model"),
        ("<task-notification>\n<task-id>b1</task-id>\n<summary>Done</summary>\n</task-notification>", "notice", "task", "Done"),
        ("<local-command-caveat>Caveat: no reply.</local-command-caveat>", "notice", "caveat", "Caveat: no reply."),
        ("Caveat: The messages below were generated", "notice", "caveat", "Caveat: The messages below were generated"),
        ([text("[Request interrupted by user for tool use]")], "interrupt", "", "[Request interrupted by user for tool use]"),
        ("<div>What does this tag do?</div>", "prompt", "", "<div>What does this tag do?</div>"),
    ],
)
def test_what_nobody_typed_is_no_prompt(content: Any, kind: str, label: str, expected: str) -> None:
    assert summed(events(said(content))) == [(kind, label, expected)]


@pytest.mark.parametrize(
    "content", ["", " \n", "<local-command-stdout></local-command-stdout>", "<system-reminder>\nBe kind.\n</system-reminder>\n"]
)
def test_what_says_nothing_is_skipped(content: str) -> None:
    (parsed,) = read(said(content))
    assert (parsed.verdict, parsed.events) == (Verdict.SKIPPED, ())


def test_meta_text_is_a_notice() -> None:
    assert summed(events(said("Continue.", isMeta=True))) == [("notice", "meta", "Continue.")]
    body = [text("Base directory for this skill: /skills/polish\n\nUse a cloth.")]
    assert [event.label for event in events(said(body, isMeta=True, sourceToolUseID="toolu_1"))] == ["skill"]


def test_an_answer_keeps_its_blocks_apart() -> None:
    thinking = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
    (parsed,) = read(
        answered(thinking, text("It slips."), {"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "ls"}})
    )
    assert [(e.slot, e.kind, e.text, e.tool, e.call) for e in parsed.events] == [
        (0, Kind.THINKING, "Hm.", "", ""),
        (1, Kind.ANSWER, "It slips.", "", ""),
        (2, Kind.TOOL_CALL, "ls", "Bash", "t1"),
    ]
    assert parsed.model == "claude-opus-4-6"


def test_a_call_says_all_its_strings_files_and_commands_first() -> None:
    given = {
        "note": "last",
        "edits": [{"old_string": "a", "new_string": "b"}],
        "limit": 7,
        "command": "make",
        "file_path": "/wheel.py",
    }
    (event,) = events(answered({"type": "tool_use", "id": "t1", "name": "MultiEdit", "input": given}))
    assert event.text == "/wheel.py\nmake\nlast\na\nb"
    assert event.data == {"input": given}


def test_a_result_is_what_the_model_saw() -> None:
    block = {"type": "tool_result", "tool_use_id": "t1", "content": "1→def\n\n<system-reminder>\nx\n</system-reminder>\n"}
    report = {
        "stdout": "1",
        "originalFile": "secret",
        "structuredPatch": [],
        "file": {"content": "def", "numLines": 1, "startLine": 1},
    }
    (event,) = events(said([block], toolUseResult=report))
    assert (event.kind, event.text, event.call, event.error) == (Kind.TOOL_RESULT, "1→def", "t1", False)
    assert event.data == {"result": {"stdout": "1", "structuredPatch": [], "file": {"numLines": 1, "startLine": 1}}}


def test_a_reminder_that_a_file_quotes_stays() -> None:
    quoted = "1→print('<system-reminder>hello</system-reminder>')\n2→done"
    (event,) = events(said([{"type": "tool_result", "tool_use_id": "t1", "content": quoted}]))
    assert event.text == quoted


def test_results_of_all_shapes() -> None:
    def result(content: Any, **more: Any) -> Event:
        (event,) = events(said([{"type": "tool_result", "tool_use_id": "t1", "content": content, **more}]))
        return event

    assert result("").kind is Kind.TOOL_RESULT  # an empty result answers its call
    assert result([text("a"), {"type": "tool_reference", "tool_name": "WebFetch"}]).text == "a\nWebFetch"
    failed = result("<tool_use_error>No such file</tool_use_error>", is_error=True)
    assert (failed.text, failed.error) == ("No such file", True)
    assert result("The user doesn't want to proceed with this tool use. STOP", is_error=True).label == "refused"
    assert result("<persisted-output>\nOutput too large").label == "persisted"


def test_words_beside_a_refused_tool_are_a_prompt() -> None:
    block = {"type": "tool_result", "tool_use_id": "t1", "content": "no", "is_error": True}
    found = events(said([block, text("Use the file instead")]))
    assert [(event.slot, event.kind) for event in found] == [(0, Kind.TOOL_RESULT), (1, Kind.PROMPT)]


PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n...").decode()
PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([PICTURE, text("See [Image #1]")], "See [Image #1]"),
        ([PICTURE], "[image]"),
        ([{"type": "tool_result", "tool_use_id": "t1", "content": [text("a"), PICTURE]}], "a\n[image]"),
    ],
)
def test_images_are_named_and_found_again(content: Any, expected: str) -> None:
    value = said(content)
    (event,) = events(value)
    assert (event.text, event.image) == (expected, True)
    (found,) = event.data["images"]
    assert found["media_type"] == "image/png"
    assert image(value, found["path"]) == ("image/png", b"\x89PNG\r\n\x1a\n...")


@pytest.mark.parametrize(
    "path", [[], ["message"], ["message", "content", 9], ["message", 0], ["message", "content", 1], ["uuid", "x"]]
)
def test_no_other_place_gives_an_image(path: list[str | int]) -> None:
    script = {"type": "image", "source": {"type": "base64", "media_type": "image/svg+xml", "data": PIXEL}}
    with pytest.raises(NotFound):
        image(said([text("x"), script]), path)


def test_usage_counts_by_message_and_request() -> None:
    creation = {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 7}
    value = answered(text("a"))
    (old,) = read(value)
    assert old.usage == ("msg_01:req_01", "claude-opus-4-6", 3, 50, 40, 9, 0, False)
    value["message"]["usage"]["cache_creation"] = creation
    del value["requestId"]
    (new,) = read(value)
    assert new.usage == ("msg_01", "claude-opus-4-6", 3, 50, 40, 2, 7, False)


@pytest.mark.parametrize(
    ("version", "stop", "expected"),
    [
        ("2.1.20", None, True),
        ("2.1.42", None, True),
        ("2.1.20", "end_turn", False),
        ("2.0.76", None, False),
        ("2.1.43", None, False),
        ("?", None, False),
    ],
)
def test_placeholders_make_a_lower_bound(version: str, stop: str | None, expected: bool) -> None:
    value = answered(text("a"), version=version)
    value["message"]["stop_reason"] = stop
    (parsed,) = read(value)
    assert parsed.usage and parsed.usage.lower_bound is expected


def test_what_the_program_says_itself_has_no_model_and_no_usage() -> None:
    value = answered(text("You're out of extra usage"), isApiErrorMessage=True, error="rate_limit")
    value["message"]["model"] = "<synthetic>"
    (parsed,) = read(value)
    assert (parsed.model, parsed.usage) == ("", None)
    assert [(e.kind, e.label, e.error) for e in parsed.events] == [(Kind.ERROR, "rate_limit", True)]
    assert summed(events({**value, "isApiErrorMessage": False})) == [("notice", "synthetic", "You're out of extra usage")]


def test_a_retry_never_shows_headers() -> None:
    error = {
        "status": 529,
        "headers": {"set-cookie": "secret"},
        "error": {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
    }
    value = {"type": "system", "subtype": "api_error", "error": error, "retryAttempt": 2, "maxRetries": 10, "retryInMs": 500}
    (event,) = events(value)
    assert (event.kind, event.label, event.text) == (Kind.ERROR, "retry", "529 overloaded_error Overloaded (attempt 2 of 10)")
    assert "secret" not in repr(event)
    assert events({**value, "error": {}})[0].text == "API error (attempt 2 of 10)"


def system(subtype: str | None, **more: Any) -> dict[str, Any]:
    return {"type": "system", **({"subtype": subtype} if subtype else {}), **more}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (system("compact_boundary", content="Conversation compacted"), [("compaction", "boundary", "Conversation compacted")]),
        (
            system("microcompact_boundary", content="Context microcompacted"),
            [("compaction", "microcompact", "Context microcompacted")],
        ),
        (
            said("This session is being continued", isCompactSummary=True),
            [("compaction", "summary", "This session is being continued")],
        ),
        (system("away_summary", content="The wheel turns."), [("notice", "recap", "The wheel turns.")]),
        (system("local_command", content="<command-name>/mcp</command-name>"), [("command", "slash", "/mcp")]),
        (system(None, content="Running \x1b[1mhook\x1b[22m...", level="info"), [("notice", "info", "Running hook...")]),
        (system("turn_duration", durationMs=5), []),
        (system("stop_hook_summary", hookErrors=[], preventedContinuation=False, stopReason=""), []),
        (system("stop_hook_summary", hookErrors=["lint"], stopReason=""), [("notice", "stop_hook", "lint")]),
        (system("from_tomorrow", content="Hello"), [("notice", "from_tomorrow", "Hello")]),
        (
            {"type": "attachment", "attachment": {"type": "hook_success", "stdout": "ok\n", "content": ""}},
            [("notice", "hook_success", "ok\n")],
        ),
        ({"type": "attachment", "attachment": {"type": "hook_success", "stdout": "", "content": ""}}, []),
        ({"type": "attachment", "attachment": {"type": "skill_listing", "content": "- a"}}, []),
        (
            {"type": "attachment", "attachment": {"type": "file", "filename": "a.py", "content": "x"}},
            [("notice", "file", "a.py\nx")],
        ),
        (
            {"type": "attachment", "attachment": {"type": "queued_command", "prompt": [text("more")]}},
            [("prompt", "queued", "more")],
        ),
        ({"type": "pr-link", "prUrl": "https://example.com/pull/7"}, [("notice", "pr", "https://example.com/pull/7")]),
        ({"type": "file-history-snapshot", "snapshot": {}}, []),
        ({"type": "last-prompt", "lastPrompt": "x"}, []),
        ({"type": "progress", "data": {"type": "bash_progress", "output": "tick"}}, []),
    ],
)
def test_other_records(value: dict[str, Any], expected: list[tuple[str, str, str]]) -> None:
    (parsed,) = read(value)
    assert summed(list(parsed.events)) == expected
    assert parsed.verdict == (Verdict.EVENT if expected else Verdict.SKIPPED)


def test_an_unknown_record_is_kept_and_shown() -> None:
    (parsed,) = read({"type": "hologram", "uuid": "u9", "beam": {"words": ["from", "tomorrow"]}, "sessionId": SESSION})
    assert parsed.verdict == Verdict.UNKNOWN
    assert summed(list(parsed.events)) == [("unknown", "hologram", "from\ntomorrow")]


def test_an_unknown_part_of_a_known_record_is_kept_and_shown() -> None:
    values = system("from_tomorrow", beam="words"), answered({"type": "hologram", "beam": "words"}), answered(text("a"))
    assert [(one.verdict, summed(list(one.events))) for one in read(*values)] == [
        (Verdict.UNKNOWN, [("unknown", "from_tomorrow", "words")]),
        (Verdict.UNKNOWN, [("unknown", "hologram", "hologram\nwords")]),
        (Verdict.EVENT, [("answer", "", "a")]),
    ]


def test_no_text_holds_an_encoded_image() -> None:
    file = {"type": "image", "file": {"base64": PIXEL, "type": "image/png"}}
    values = {"type": "attachment", "attachment": {"type": "file", "content": file}}, {"type": "hologram", "content": [PICTURE]}
    assert all(PIXEL not in event.text for event in events(*values))


def test_text_that_takes_long_to_read_does_not() -> None:
    """Tags that never end, and thousands of reminders: a megabyte each, and none may need the square of that."""
    for hostile in (
        "<a>",
        "<system-reminder></system-reminder>",
        "<ide_selection></ide_selection>",
        "\x1b[",
        "<command-name>",
        "<",
    ):
        content = hostile * (1_000_000 // len(hostile))
        assert read(said(content), system("x", content=content))


def test_lines_without_an_object() -> None:
    found = whole(MAIN, b'{"type":"torn\n\n// a comment\n')
    assert [parsed.verdict for _, parsed in found] == [Verdict.BROKEN, Verdict.BLANK, Verdict.SKIPPED]
    assert summed(list(found[0][1].events)) == [("broken", "", '{"type":"torn\n')]
    oversize = reader(MAIN).read(Record(0, 9_000_000, b'{"type":"user', None, oversize=True))
    assert summed(list(oversize.events)) == [("oversize", "", '{"type":"user')]


def queued(operation: str, content: str | None = None) -> dict[str, Any]:
    return {"type": "queue-operation", "operation": operation, "sessionId": SESSION, **({"content": content} if content else {})}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([queued("enqueue", "more brass"), queued("remove")], ["queued"]),  # taken in the middle of a turn: the only copy
        ([queued("enqueue", "more brass"), queued("dequeue"), said("more brass")], ["queued"]),
        ([queued("enqueue", "more brass"), queued("popAll", "more brass"), said("more brass")], ["queued"]),
        ([queued("enqueue", "more brass"), queued("popAll", "more brass"), said("less brass")], ["queued", ""]),
        ([queued("enqueue", "yes"), queued("remove"), said("yes")], ["queued", ""]),  # said twice
        ([queued("enqueue", "a"), queued("dequeue"), said("a"), said("a")], ["queued", ""]),
        (
            [
                queued("enqueue", "a"),
                queued("remove"),
                {"type": "attachment", "attachment": {"type": "queued_command", "prompt": "a"}},
            ],
            ["queued"],
        ),
    ],
)
def test_a_queued_prompt_counts_once(values: list[dict[str, Any]], expected: list[str]) -> None:
    assert [event.label for event in events(*values) if event.kind is Kind.PROMPT] == expected


def test_queued_text_that_is_no_prompt() -> None:
    notification = "<task-notification><task-id>b1</task-id><summary>Done</summary></task-notification>"
    assert summed(events(queued("enqueue", notification))) == [("notice", "task", "Done")]
    assert summed(events(queued("enqueue", "/model opus"))) == [("command", "queued", "/model opus")]
    assert summed(events(queued("enqueue", "/usr/bin/env is missing"))) == [("prompt", "queued", "/usr/bin/env is missing")]


def test_titles() -> None:
    parsed = read(
        {"type": "ai-title", "aiTitle": "Wheel"},
        {"type": "ai-title", "aiTitle": "Wheel"},
        {"type": "ai-title", "aiTitle": "Carry wheel"},
        {"type": "custom-title", "customTitle": "The wheel"},
        {"type": "summary", "summary": "The mill", "leafUuid": "u7"},
    )
    assert [summed(list(one.events)) for one in parsed] == [
        [("title", "ai", "Wheel")],
        [],
        [("title", "ai", "Carry wheel")],
        [("title", "custom", "The wheel")],
        [("title", "summary", "The mill")],
    ]
    assert [dict(one.facts) for one in parsed] == [
        {"title_ai": "Wheel"},
        {},
        {"title_ai": "Carry wheel"},
        {"title_custom": "The wheel"},
        {"leaf": "u7"},
    ]


# Which session


def test_a_session_is_named_by_its_file() -> None:
    (parsed,) = read(said("Go on", sessionId="00000000-0000-4000-8000-00000000000f"))
    assert (parsed.identity.session, parsed.copied) == (SESSION, True)  # a resume that kept the old id
    (parsed,) = read(said("Go on"))
    assert not parsed.copied
    (parsed,) = read(said("Go on"), path="/checkpoints/1/full.jsonl")
    assert (parsed.identity.session, parsed.copied) == (named_session("claude", "/checkpoints/1/full.jsonl"), False)


@pytest.mark.parametrize(
    "path",
    [
        f"{FOLDER}/{SESSION}/subagents/agent-a1.jsonl",
        f"C:\\Users\\ada\\{SESSION.upper()}\\subagents\\workflows\\wf_1\\agent-a1.jsonl",
    ],
)
def test_a_subagent_hangs_under_its_parent(path: str) -> None:
    (parsed,) = read(said("Find it", isSidechain=True, agentId="a1", sessionId=SESSION), path=path)
    assert parsed.identity == (named_session(SESSION, "a1"), SESSION, "a1")
    assert summed(list(parsed.events)) == [("prompt", "task", "Find it")]
    assert not parsed.copied


def test_a_subagent_beside_its_parent_learns_it_from_its_records() -> None:
    first, torn = read(said("Warmup", isSidechain=True, agentId="0a1b"), {"type": "x"}, path=f"{FOLDER}/agent-other.jsonl")
    assert first.identity == torn.identity == (named_session(SESSION, "0a1b"), SESSION, "0a1b")


def test_inline_sidechains_are_subagents() -> None:
    call = {
        "type": "tool_use",
        "id": "t1",
        "name": "Task",
        "input": {"prompt": "Plan it", "description": "Plan", "subagent_type": "Explore"},
    }
    found = read(
        answered(call),
        said("Plan it", uuid="r1", isSidechain=True, parentUuid=None),
        said("Draw it", uuid="r2", isSidechain=True, parentUuid=None),
        answered(text("Planned"), uuid="c1", parentUuid="r1", isSidechain=True),
        answered(text("Drawn"), uuid="c2", parentUuid="r2", isSidechain=True),
        answered(text("Built"), uuid="c3", parentUuid="c1", isSidechain=True),
        said("Thanks"),
    )
    assert [one.identity.agent for one in found] == [
        "",
        "sidechain-r1",
        "sidechain-r2",
        "sidechain-r1",
        "sidechain-r2",
        "sidechain-r1",
        "",
    ]
    assert found[1].identity == (named_session(SESSION, "sidechain-r1"), SESSION, "sidechain-r1")
    assert (found[1].facts["title_agent"], found[1].facts["agent_type"]) == ("Plan", "Explore")
    assert "title_agent" not in found[2].facts


def test_progress_repeats_a_subagent() -> None:
    inner = {
        "type": "assistant",
        "uuid": "i1",
        "timestamp": "2026-03-01T09:00:02Z",
        "requestId": "req_01",
        "message": answered(text("Found"))["message"],
    }
    value = said("") | {"type": "progress", "uuid": "p1", "data": {"type": "agent_progress", "agentId": "a1", "message": inner}}
    (parsed,) = read(value)
    assert parsed.identity == (named_session(SESSION, "a1"), SESSION, "a1")
    assert (parsed.key, parsed.at, parsed.copied) == ("i1", 1772355602000, True)
    assert summed(list(parsed.events)) == [("answer", "", "Found")]
    assert parsed.usage and parsed.usage.message == "msg_01:req_01"
    assert parsed.facts == {"cwd": "/home/ada", "version": "2.1.120"}


def test_images_in_progress_are_found_again() -> None:
    inner = {
        "type": "user",
        "uuid": "i1",
        "message": {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": [PICTURE]}]},
    }
    value = {"type": "progress", "data": {"type": "agent_progress", "agentId": "a1", "message": inner}}
    (event,) = events(value)
    assert image(value, event.data["images"][0]["path"])[0] == "image/png"


@pytest.mark.parametrize(
    "path",
    [
        "sessions-index.json",
        f"{FOLDER}/memory/notes.md",
        f"{FOLDER}/x.ccr-tip.json",
        f"{FOLDER}/{SESSION}/subagents/x.png",
        "",
        "agent-1.meta.json",
    ],
)
def test_other_files_are_not_read(path: str) -> None:
    assert CLAUDE.reader(path, {}) is None


# Files beside


def test_spilled_output_comes_in_pieces_of_lines() -> None:
    found = sample("toolu_01Spill.txt")
    assert [len(record.data) for record, _ in found[:-1]] == [
        n for n in (len(r.data) for r, _ in found[:-1]) if 16384 <= n < 17000
    ]
    assert all(record.data.endswith(b"\n") for record, _ in found)
    assert {(parsed.identity.session, event.kind, event.call) for _, parsed in found for event in parsed.events} == {
        (SESSION, Kind.OUTPUT, "toolu_01Spill")
    }


def test_a_huge_line_of_output_is_cut_between_characters() -> None:
    data = ("é" * 100_000).encode()
    found = whole(f"{FOLDER}/{SESSION}/tool-results/toolu_1.txt", b"x" + data)
    assert len(found) == 4
    assert "".join(parsed.events[0].text for _, parsed in found) == "x" + "é" * 100_000


def test_output_is_cut_at_the_same_places_however_it_arrives() -> None:
    (path,) = SAMPLES.rglob("toolu_01Spill.txt")
    data = path.read_bytes() + b"z" * 200_000 + b"\nend"
    print("seed", SEED)
    cuts = sorted(random.Random(SEED).randrange(len(data)) for _ in range(9))
    assert told(in_pieces(path, data, cuts, ends=False)) == told(whole(path, data))


def test_meta_names_its_subagent() -> None:
    ((_, parsed),) = sample("agent-a1b2c3d.meta.json")
    assert parsed.identity == (named_session(SESSION, "a1b2c3d"), SESSION, "a1b2c3d")
    assert parsed.facts == {"title_agent": "Look for friction", "agent_type": "Explore"}
    assert whole(f"{FOLDER}/{SESSION}/subagents/agent-a1.meta.json", b'{"agentType": "Exp') == []  # not whole yet


def test_a_journal_keeps_what_agents_handed_back() -> None:
    (_, started), (_, result) = sample("journal.jsonl")
    assert (started.verdict, started.identity.session) == (Verdict.SKIPPED, SESSION)
    assert result.identity == (named_session(SESSION, "a77"), SESSION, "a77")
    assert summed(list(result.events)) == [("notice", "workflow_result", "no friction found")]


# Whole files


def test_a_whole_session() -> None:
    found = sample(f"{SESSION}.jsonl")
    own = [event for _, parsed in found if not parsed.identity.parent for event in parsed.events]
    assert [event.text for event in own if event.kind is Kind.PROMPT] == [
        "Why does the carry wheel slip at 99 → 100?\nSee wheel.py",
        "and mind the brass polish",
        "[Image #1] like in this drawing",
        "is it done?",
    ]
    calls = {event.call for event in own if event.kind is Kind.TOOL_CALL}
    assert calls == {event.call for event in own if event.kind is Kind.TOOL_RESULT} and len(calls) == 6
    assert sum(parsed.verdict == Verdict.BROKEN for _, parsed in found) == 1
    usage = {parsed.usage.message: parsed.usage for _, parsed in found if parsed.usage}
    assert (len(usage), usage["msg_01A:req_01A"].output) == (7, 80)  # three lines of one message, the last one counts


def test_a_title_for_another_session() -> None:
    leaf = next(parsed.facts["leaf"] for _, parsed in sample(f"{SESSION}.jsonl") if "leaf" in parsed.facts)
    assert leaf in {parsed.key for _, parsed in sample(f"{OLD}.jsonl")}


def test_a_record_that_is_read_again_says_the_same() -> None:
    values = (
        queued("enqueue", "a"),
        said("a"),
        {"type": "ai-title", "aiTitle": "Wheel"},
        {"type": "ai-title", "aiTitle": "Wheel"},
    )
    one = reader(MAIN)
    records = list(one.frame(b"".join(json.dumps(value).encode() + b"\n" for value in values), 0, True))
    assert [len(one.read(record).events) for record in records] == [1, 0, 1, 0]
    assert [len(one.read(record).events) for record in reversed(records)] == [1, 1, 1, 1]


def test_state_stays_small() -> None:
    one = reader(MAIN)
    values: list[dict[str, Any]] = []
    for number in range(1_000):
        prompt = f"Plan {number}"
        call = {"type": "tool_use", "id": f"t{number}", "name": "Task", "input": {"prompt": prompt}}
        values += answered(call), said(prompt, uuid=f"r{number}", isSidechain=True), queued("enqueue", f"{prompt}, please")
    for record in one.frame(b"".join(json.dumps(value).encode() + b"\n" for value in values), 0, True):
        one.read(record)
    assert len(json.dumps(one.state)) < 16_384
    assert digest("Plan 999") in one.state["tasks"]


def test_numbers_of_the_corpus(corpus: Path) -> None:
    """What was counted by hand in one real session with subagents and worktrees."""
    (folder,) = (corpus / "claude" / "projects").glob("-experiments-worktrees")
    usage = {}
    for path in files(folder):
        for _, parsed in whole(path, path.read_bytes()):
            if parsed.usage:
                usage[parsed.usage.message] = parsed.usage
    lines = [json.loads(line) for path in files(folder) if path.suffix == ".jsonl" for line in path.read_bytes().splitlines()]
    messages = [line["message"] for line in lines if line["type"] == "assistant" and line["message"]["model"] != "<synthetic>"]
    last = {message["id"]: message["usage"] for message in messages}
    assert len(usage) == len(last) > 10
    assert sum(one.output for one in usage.values()) == sum(one["output_tokens"] for one in last.values())


def test_what_steers_a_terminal_is_no_text() -> None:
    """A word next to an escape is found; the colours are still there to be shown."""
    content = [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "\x1b[1mbold\x1b[0m word"}]
    line = json.dumps({"type": "user", "uuid": "u", "message": {"role": "user", "content": content}}).encode() + b"\n"
    reader = provider("claude").reader("/p/projects/-x/s.jsonl", {})
    assert reader
    (record,) = reader.frame(line, 0, True)
    (event,) = reader.read(record).events
    assert (event.text, event.data["terminal"]) == ("bold word", "\x1b[1mbold\x1b[0m word")
