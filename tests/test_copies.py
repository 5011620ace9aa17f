"""One session, several files: copies, forks, resumes, and what a parent repeats of its subagents. Every event counts once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from database import check
from server import Running, serving
from shelf import shelf
from soak import chance, times

NAME = "0f1de117-0000-4000-9000-%012x"
OTHER = "4c5f6e0a-0000-4000-8000-00000000000b"  # another machine
NUMBERS = iter(range(1, 1000))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("copies")
    with serving(home) as running:
        yield running
        running.settled()
        running.stop()
    check(home / "zerg.db")


@pytest.fixture
def session() -> str:
    return NAME % next(NUMBERS)


def path_of(session: str, folder: str = "-w-p") -> str:
    return f"/home/a/.claude/projects/{folder}/{session}.jsonl"


def record(session: str, number: int, kind: str = "user", **more: Any) -> dict[str, Any]:
    key = f"{int(session[-4:], 16):08x}-1111-4222-8333-{number:012x}"
    at = f"2026-01-02T03:{number // 60:02d}:{number % 60:02d}.000Z"
    message: dict[str, Any] = {"role": kind, "content": f"said {number}"}
    if kind == "assistant":
        usage = {"input_tokens": 10, "output_tokens": 100, "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 0}
        block = {"type": "text", "text": f"said {number}"}
        message |= {"id": f"msg_{session[-4:]}_{number}", "model": "claude-sonnet-4-5", "usage": usage, "content": [block]}
    return {"type": kind, "uuid": key, "sessionId": session, "timestamp": at, "cwd": "/w/p", "message": message} | more


def lines(*records: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in records)


def said(server: Running, session: str) -> list[str]:
    server.settled()
    return [event["text"] for event in server.items(f"/api/agents/sessions/{session}/events", "events")]


def talk(session: str, *numbers: int) -> list[dict[str, Any]]:
    return [record(session, number, "assistant" if number % 2 else "user") for number in numbers]


@pytest.mark.parametrize("first", ["short", "long"])
def test_a_beginning_of_a_session_elsewhere_adds_nothing(server: Running, session: str, first: str) -> None:
    long, short = lines(*talk(session, *range(8))), lines(*talk(session, *range(5)))
    pushes: dict[str, tuple[str, bytes, Any]] = {
        "long": (path_of(session), long, {}),
        "short": (path_of(session, "-copy"), short, {"machine": OTHER}),
    }
    for name in (first, *(pushes.keys() - {first})):
        path, data, more = pushes[name]
        server.push(path, data, **more)
    assert sorted(said(server, session)) == [f"said {number}" for number in range(8)]
    assert server.export(session) == long
    found = server.get(f"/api/agents/sessions/{session}").json
    assert (found["events"], found["prompts"], found["tokens"]["messages"], found["tokens"]["output"]) == (8, 4, 4, 400)
    sources = {source["path"]: source["source"] for source in found["sources"]}
    assert server.export(session, source=sources[path_of(session, "-copy")]) == short


def test_copies_that_grow_in_turns(server: Running, session: str) -> None:
    dice = chance("turns")
    for _ in range(times(50)):
        session, records = NAME % next(NUMBERS), 12
        whole = lines(*talk(session, *range(records)))
        stored = {path_of(session): 0, path_of(session, "-copy"): 0}
        while min(stored.values()) < len(whole):
            path = dice.choice([path for path, offset in stored.items() if offset < len(whole)])
            stop = min(len(whole), stored[path] + dice.randrange(1, 700))
            server.push(path, whole[stored[path] : stop], stored[path], size=dice.choice([stop, len(whole)]))
            stored[path] = stop
        assert sorted(said(server, session), key=lambda text: int(text[5:])) == [f"said {number}" for number in range(records)]
        assert server.export(session) == whole


def test_a_copy_that_diverges_brings_only_what_is_new(server: Running, session: str) -> None:
    server.push(path_of(session), lines(*talk(session, 0, 1, 2, 3)))
    server.push(path_of(session, "-copy"), lines(*talk(session, 0, 1, 12, 13)))
    assert sorted(said(server, session)) == sorted(f"said {number}" for number in (0, 1, 2, 3, 12, 13))


def test_what_a_rewritten_file_took_along_its_copy_brings_back(server: Running, session: str) -> None:
    server.push(path_of(session), lines(*talk(session, *range(6))))
    server.push(path_of(session, "-copy"), lines(*talk(session, *range(4))))
    server.push(path_of(session), lines(*talk(session, 20, 21)), replaces=1)
    assert sorted(said(server, session)) == sorted(f"said {number}" for number in (0, 1, 2, 3, 20, 21))
    found = server.get(f"/api/agents/sessions/{session}").json
    assert (found["events"], found["tokens"]["messages"], found["tokens"]["output"]) == (6, 3, 300)


def test_a_resume_counts_tokens_where_they_were_used(server: Running, session: str) -> None:
    """A new file that begins with records of the session before, as they were."""
    resumed = NAME % next(NUMBERS)
    server.push(path_of(resumed), lines(*talk(session, 0, 1, 2, 3), *talk(resumed, 4, 5)))
    server.push(path_of(session), lines(*talk(session, 0, 1, 2, 3)))
    old, new = (server.get(f"/api/agents/sessions/{each}").json["tokens"] for each in (session, resumed))
    assert (old["messages"], old["output"], old["duplicates"]) == (2, 200, 0)
    assert (new["messages"], new["output"], new["duplicates"]) == (1, 100, 2)
    assert len(said(server, resumed)) == 6


def test_a_fork_counts_tokens_once(server: Running, session: str) -> None:
    """A new file whose first records were rewritten to the new session."""
    fork, records = NAME % next(NUMBERS), talk(session, 0, 1, 2, 3)
    server.push(path_of(session), lines(*records))
    server.push(path_of(fork), lines(*({**each, "sessionId": fork} for each in records), *talk(fork, 5)))
    tokens = [server.get(f"/api/agents/sessions/{each}").json["tokens"] for each in (session, fork)]
    assert sum(each["output"] for each in tokens) == 300
    assert sum(each["duplicates"] for each in tokens) == 2


def test_a_message_split_over_lines_counts_its_last_usage(server: Running, session: str) -> None:
    split = [record(session, number, "assistant") for number in (1, 2, 3)]
    for number, each in enumerate(split):
        each["message"] |= {"id": f"msg_split_{session}", "usage": {"input_tokens": 3, "output_tokens": 1 + 40 * number}}
    server.push(path_of(session), lines(*split))
    tokens = server.get(f"/api/agents/sessions/{session}").json["tokens"]
    assert (tokens["messages"], tokens["input"], tokens["output"], tokens["raw"]["input"]) == (1, 3, 81, 9)


def progress(session: str, agent: str, inner: dict[str, Any]) -> dict[str, Any]:
    data = {"type": "agent_progress", "agentId": agent, "prompt": "look", "message": inner}
    return {
        "type": "progress",
        "uuid": inner["uuid"][:-1] + "f", "sessionId": session, "timestamp": inner["timestamp"], "cwd": "/w/p",
        "toolUseID": "agent_msg_1", "parentToolUseID": "toolu_1", "data": data,
    }  # fmt: skip


@pytest.mark.parametrize("order", ["parent first", "own file first", "no own file"])
def test_what_a_parent_repeats_of_its_subagent_counts_once(server: Running, session: str, order: str) -> None:
    agent = f"a{session[-6:]}"
    own = [record(session, number, "assistant", isSidechain=True, agentId=agent) for number in (1, 2, 3)]
    parent = lines(record(session, 0), *(progress(session, agent, each) for each in own[:2]), record(session, 9))
    path = path_of(session)
    own_path = f"{path.removesuffix('.jsonl')}/subagents/agent-{agent}.jsonl"
    pushes = [(path, parent), (own_path, lines(*own))]
    for where, data in {"parent first": pushes, "own file first": pushes[::-1], "no own file": pushes[:1]}[order]:
        server.push(where, data)
    assert said(server, session) == ["said 0", "said 9"]
    (child,) = server.items("/api/agents/sessions", "sessions", parent=session)
    expected = [1, 2] if order == "no own file" else [1, 2, 3]
    assert said(server, child["id"]) == [f"said {number}" for number in expected]
    assert (child["agent"], child["parent_id"], child["events"]) == (agent, session, len(expected))
    assert child["tokens"]["messages"] == len(expected)
    assert session in [each["id"] for each in server.items("/api/agents/sessions", "sessions")]
    assert child["id"] not in [each["id"] for each in server.items("/api/agents/sessions", "sessions")]


def test_spilled_output_and_early_results_bear_the_name_of_their_tool(server: Running, session: str) -> None:
    path = path_of(session)
    call = {"type": "tool_use", "id": f"toolu_{session}", "name": "Bash", "input": {"command": "make all"}}
    result = {"type": "tool_result", "tool_use_id": f"toolu_{session}", "content": "built"}
    calling = record(session, 1, "assistant")
    calling["message"]["content"] = [call]
    answering = record(session, 2)
    answering["message"]["content"] = [result]
    server.push(f"{path.removesuffix('.jsonl')}/tool-results/toolu_{session}.txt", b"zirconium output\n" * 9)
    server.push(path, lines(answering, calling))
    server.settled()
    tools = {event["kind"]: event["tool"] for event in server.items(f"/api/agents/sessions/{session}/events", "events")}
    assert tools == {"tool_call": "Bash", "tool_result": "Bash", "output": "Bash"}
    found = server.get("/api/agents/search", q=f"tool:bash zirconium session:{session}").json
    assert (found["total"], found["results"][0]["hits"][0]["kind"]) == (1, "output")


def test_titles_come_in_their_order(server: Running, session: str) -> None:
    teller = NAME % next(NUMBERS)
    path = path_of(session)
    data = lines(record(session, 0), record(session, 1, "assistant"))
    summary = lines({"type": "summary", "summary": "By summary", "leafUuid": record(session, 1)["uuid"]})

    def title() -> str:
        server.settled()
        found: str = server.get(f"/api/agents/sessions/{session}").json["title"]
        return found

    server.push(path, data)
    assert title() == "said 0"
    server.push(path_of(teller), summary)
    assert title() == "By summary"
    for kind, name, text in (("ai-title", "aiTitle", "By the agent"), ("custom-title", "customTitle", "By me")):
        more = lines({"type": kind, name: text, "sessionId": session})
        server.push(path, more, len(data))
        data += more
        assert title() == text
    hits = server.get("/api/agents/search", q='"By summary"').json["results"]
    assert [hit["session"]["id"] for hit in hits] == [session]


def test_tokens_of_the_corpus_are_counted_once(corpus: Path, tmp_path: Path) -> None:
    """Against a plain reading of the files: the largest usage of each message id, whoever holds it and comes first."""
    files = [path for path in sorted((corpus / "claude" / "projects").rglob("*")) if path.is_file()]
    chance("files").shuffle(files)
    largest: dict[str, int] = {}
    with shelf(tmp_path / "zerg.db") as one:
        for file in files:
            data = file.read_bytes()
            one.put(str(file), data)
            for message, output in filter(None, map(usage_of, objects(data))) if file.suffix == ".jsonl" else ():
                largest[message] = max(largest.get(message, 0), output)
        found = one.store.row("SELECT sum(output), sum(messages) FROM session")
    assert found == (sum(largest.values()), len(largest))
    check(tmp_path / "zerg.db")


def objects(data: bytes) -> Iterator[Any]:
    """All JSON objects: some lines hold two, some none."""
    for line in data.decode().split("\n"):
        rest = line
        while rest.startswith("{"):
            try:
                value, end = json.JSONDecoder().raw_decode(rest)
            except ValueError:
                break
            yield value
            rest = rest[end:]


def usage_of(value: Any) -> tuple[str, int] | None:
    """(message id with request id, output tokens) of a record, or of the one that it repeats."""
    try:
        value = value["data"]["message"] if value["type"] == "progress" and value["data"].get("agentId") else value
        message = value["message"]
        if value["type"] != "assistant" or message["model"] == "<synthetic>":
            return None
        return message["id"] + str(value.get("requestId")), message["usage"]["output_tokens"]
    except (KeyError, TypeError):
        return None
