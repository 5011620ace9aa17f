"""The Agents API over a real server: the shapes that programs rely on, pages, limits, and everything that is refused."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import re
import socket
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from server import MACHINE, PATIENCE, Running, serving
from shelf import FOLDER, answer, lines, path_of, prompt, record

from zerg import __version__
from zerg.events import Kind
from zerg.paths import Home

SESSION = "a91a91a9-0000-4000-8000-%012x"
MAIN, WEB, LONG, WILD = (SESSION % number for number in range(1, 5))
NOBODY = SESSION % 0xFFFF
CALL = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "make", "description": "Build"}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "make: *** [all] Error 2", "is_error": True}
WILD_TIMES = (
    "9999-12-31T23:59:59.999-14:00", "0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z", "2026-02-30T00:00:00Z", "now", "",
    17, None, {"at": 1}, "2026-02-05", "2026-02-05T10:00:00.123456789Z",
)  # fmt: skip


def work() -> bytes:
    """A session in which each thing happens once."""
    call = answer(3)
    call["message"]["content"] = [CALL]
    failed = record(4, type="user", message={"role": "user", "content": [RESULT]})
    named = {"type": "ai-title", "aiTitle": "Make it build"}
    return lines(prompt(1, "Does it build?"), answer(2, "Let me **see**."), call, failed, answer(5, "It does not."), named)


def agent() -> bytes:
    return lines(answer(3, "looked", agentId="a1", sessionId=MAIN, isSidechain=True))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(tmp_path_factory.mktemp("api")) as running:
        running.push_all(path_of(MAIN), work())
        running.push_all(path_of(MAIN, "a1"), agent())
        running.push_all(path_of(WEB), lines(prompt(86_400 // 2, "Style it", cwd="/home/ada/web", gitBranch="dark")))
        running.push_all(path_of(LONG), lines(*(prompt(number, f"said {number}") for number in range(3000, 3250))))
        running.push_all(path_of(WILD), lines(*(prompt(number, timestamp=at) for number, at in enumerate(WILD_TIMES, 4000))))
        for number in range(0x100, 0x120):
            each = prompt(10_000 + number, "many at once", timestamp="2026-02-01T10:00:00.000Z")
            running.push_all(path_of(SESSION % number), lines(each))
        running.settled()
        yield running


def sessions(server: Running, **query: Any) -> list[str]:
    return [session["id"] for session in server.items("/api/agents/sessions", "sessions", **query)]


def events(server: Running, session: str, **query: Any) -> list[Any]:
    return server.items(f"/api/agents/sessions/{session}/events", "events", **query)


# Shapes


def test_health(server: Running) -> None:
    found = server.health()
    assert (found["status"], found["version"], found["import"]["state"]) == ("ok", __version__, "idle")
    assert found["sources"] == found["sessions"] + 1 == len(sessions(server)) + 1  # a subagent stands under its parent
    assert found["events"] == sum(session["events"] for session in server.sessions())
    assert found["import"]["done_bytes"] == found["import"]["total_bytes"] > 0
    assert 10_000_000 < found["rss_bytes"] < 100_000_000
    assert found["home"] == str(server.home)


def test_a_session(server: Running) -> None:
    found = server.get(f"/api/agents/sessions/{MAIN}").json
    listed = next(each for each in server.items("/api/agents/sessions", "sessions") if each["id"] == MAIN)
    (source, *others) = found.pop("sources")
    assert found == listed
    expected = {
        "provider": "claude", "project": "engine", "cwd": "/home/ada/engine", "branch": "main", "title": "Make it build",
        "started_at": "2026-02-05T10:00:01.000Z", "ended_at": "2026-02-05T10:00:05.000Z", "machine": MACHINE,
        "prompts": 1, "answers": 2, "tool_calls": 1, "errors": 1, "subagents": 1,
        "models": ["claude-sonnet-4-5"], "parent_id": None, "only_here": False,
        "unpriced": 0,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    assert found["cost_microdollars"] == pytest.approx(3 * (10 * 3 + 100 * 15 + 1000 * 0.3 + 50 * 3.75), abs=3)
    assert {"input": 30, "output": 300, "cache_read": 3000, "messages": 3, "duplicates": 0}.items() <= found["tokens"].items()
    assert (source["path"], source["offset"], others) == (path_of(MAIN), len(work()), [])


def test_events(server: Running) -> None:
    found = events(server, MAIN)
    assert [(each["kind"], each["tool"]) for each in found] == [
        ("prompt", None), ("answer", None), ("tool_call", "Bash"), ("tool_result", "Bash"), ("answer", None), ("title", None),
    ]  # fmt: skip
    call, result = found[2:4]
    assert call["call_id"] == result["call_id"] == "toolu_1"
    assert "make" in call["text"]
    assert (result["text"], result["is_error"], call["is_error"]) == (RESULT["content"], True, False)
    assert (found[1]["model"], found[1]["at"]) == ("claude-sonnet-4-5", "2026-02-05T10:00:02.000Z")
    for each in found:
        assert each["id"].startswith(f"{each['source']}-{each['offset']}-")
        assert json.loads(work()[each["offset"] : each["offset"] + each["length"]])


def test_subagents_stand_under_their_parent(server: Running) -> None:
    (child,) = server.get("/api/agents/sessions", parent=MAIN).json["sessions"]
    assert (child["parent_id"], child["agent"]) == (MAIN, "a1")
    assert child["id"] not in sessions(server)
    assert server.export(child["id"]) == agent()
    assert server.get("/api/agents/sessions", parent=NOBODY).json == {"sessions": [], "next": None, "total": 0}


def test_export(server: Running) -> None:
    found = server.get(f"/api/agents/sessions/{MAIN}/export")
    assert found.body == work()
    digest = base64.b64encode(hashlib.sha256(work()).digest()).decode()
    assert found.headers["Content-Digest"] == f"sha-256=:{digest}:"
    assert int(found.headers["Content-Length"]) == len(work())
    assert f"{MAIN}.jsonl" in found.headers["Content-Disposition"]


def test_filters(server: Running) -> None:
    found = server.get("/api/agents/filters").json
    assert {"value": "web", "count": 1} in found["project"]
    assert {"value": "dark", "count": 1} in found["branch"]
    assert [each["value"] for each in found["provider"]] == ["claude"]
    assert sum(each["count"] for each in found["provider"]) == len(sessions(server))
    assert {"value": "claude-sonnet-4-5", "count": 1} in found["model"]
    narrow = server.get("/api/agents/filters", project="web").json
    assert narrow["branch"] == [{"value": "dark", "count": 1}]
    assert len(narrow["project"]) == 2  # what else one could choose


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"project": "web"}, [WEB]),
        ({"branch": "dark"}, [WEB]),
        ({"project": "web", "branch": "main"}, []),
        ({"model": "claude-sonnet-4-5"}, [MAIN]),
        ({"after": "2026-02-05T22:00:00Z"}, [WEB]),
        ({"after": "2026-02-05T10:00:01Z", "before": "2026-02-05T10:00:02Z"}, [MAIN]),
        ({"after": "2026-02-05T10:00:02+00:00", "before": "2026-02-05T10:00:02Z"}, []),
        ({"provider": "codex"}, []),
        ({"machine": "nobody"}, []),
        ({"project": "we%"}, []),
        ({"model": "%"}, []),
        ({"model": "claude_sonnet_4_5"}, []),
        ({"model": '"claude-sonnet-4-5"'}, []),
        ({"project": "'; DROP TABLE session; --"}, []),
        ({"project": "web\0"}, []),
    ],
)
def test_sessions_by(server: Running, query: dict[str, str], found: list[str]) -> None:
    assert sessions(server, **query) == found
    assert server.get("/api/agents/sessions", **query).json["total"] == len(found)


def test_times_are_utc_and_wild_ones_do_no_harm(server: Running) -> None:
    stamps = [event["at"] for event in events(server, WILD)]
    stamps += [session[name] for session in server.sessions() for name in ("started_at", "ended_at")]
    for stamp in stamps:
        assert stamp is None or datetime.fromisoformat(stamp.removesuffix("Z"))
        assert stamp is None or stamp.endswith("Z")
    assert len(events(server, WILD)) == len(WILD_TIMES)
    for page in ("/", f"/s/{WILD}", "/stats"):
        assert server.get(page).status == 200


# Pages


@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_a_list_in_pages_is_the_list(server: Running, limit: int) -> None:
    whole = server.get("/api/agents/sessions", limit=1000).json
    assert whole["next"] is None
    assert server.items("/api/agents/sessions", "sessions", limit=limit) == whole["sessions"]
    assert len({session["id"] for session in whole["sessions"]}) == whole["total"] == len(whole["sessions"])
    started = [session["started_at"] for session in whole["sessions"] if session["id"] != WILD]
    assert started == sorted(started, reverse=True)


def test_events_in_pages_are_the_events(server: Running) -> None:
    whole = server.get(f"/api/agents/sessions/{LONG}/events", limit=1000).json
    assert (len(whole["events"]), whole["next"]) == (250, None)
    for limit in (1, 99, 250):
        assert events(server, LONG, limit=limit) == whole["events"]
    some = events(server, MAIN, kind="prompt,tool_call", limit=1)
    assert [each["kind"] for each in some] == ["prompt", "tool_call"]
    for kind in Kind:
        assert events(server, MAIN, kind=kind.value) == [each for each in events(server, MAIN) if each["kind"] == kind]


def test_pages_hold_while_sessions_come_in(server: Running) -> None:
    first = server.get("/api/agents/sessions", limit=5).json
    server.push_all(path_of(SESSION % 0x200), lines(prompt(80_000, "newest")))
    rest = sessions(server, cursor=first["next"]) if first["next"] else []
    before = [session["id"] for session in first["sessions"]]
    assert not set(before) & set(rest)
    assert {*before, *rest, SESSION % 0x200} == set(sessions(server))


@pytest.mark.parametrize(("limit", "count"), [("0", 1), ("-5", 1), ("3", 3), ("99999999", 250), ("", 100), (None, 100)])
def test_limits_are_clamped(server: Running, limit: str | None, count: int) -> None:
    query = {} if limit is None else {"limit": limit}
    assert len(server.get(f"/api/agents/sessions/{LONG}/events", **query).json["events"]) == count


# What is refused


@pytest.mark.parametrize(
    "target",
    [
        f"/api/agents/sessions/{NOBODY}",
        f"/api/agents/sessions/{NOBODY}/events",
        f"/api/agents/sessions/{NOBODY}/export",
        f"/api/agents/sessions/{MAIN}/export?source=999999",
        f"/api/agents/sessions/{MAIN}/export?generation=9",
        f"/api/agents/sessions/{MAIN[:-1]}",
        f"/api/agents/sessions/{MAIN}%00",
        "/api/agents/sessions/%F0%9F%90%9B",
        "/api/agents/sessions/x/y/z",
        "/api/agents/sessions/",
        "/api/nothing",
        "/api",
        "/api/agents/../../etc/passwd",
    ],
)
def test_what_is_not_here_is_404(server: Running, target: str) -> None:
    found = server.ask("GET", target)
    assert (found.status, server.health()["status"]) == (404, "ok")
    if target.startswith("/api/"):
        assert set(found.json) == {"error"} and set(found.json["error"]) == {"code", "message"}
        assert found.code == "not_found"


@pytest.mark.parametrize(
    "target",
    [
        "/api/agents/sessions?limit=ten",
        "/api/agents/sessions?cursor=nonsense",
        "/api/agents/sessions?cursor=1-2-3x",
        "/api/agents/sessions?cursor=99999999999999999999-1",
        "/api/agents/sessions?after=yesterday",
        "/api/agents/sessions?before=2026-13-01",
        "/api/agents/sessions?after=0001-01-01",
        "/api/agents/sessions?before=9999-12-31",
        f"/api/agents/sessions/{MAIN}/events?kind=prompts",
        f"/api/agents/sessions/{MAIN}/events?cursor=9",
        f"/api/agents/sessions/{MAIN}/events?cursor=1-1-99999999999999999999",
        f"/api/agents/sessions/{MAIN}/export?source=x",
        "/api/agents/sources",
        "/api/agents/search?q=x&cursor=nonsense",
        "/api/agents/sessions/%FF",
        "/api/agents/filters?after=x",
    ],
)
def test_what_cannot_be_understood_is_no_fault_of_the_server(server: Running, target: str) -> None:
    found = server.ask("GET", target)
    assert found.status in (200, 400, 404), found.body
    assert found.status == 200 or set(found.json) == {"error"}
    assert found.status == 200 or found.code in ("bad_request", "not_found")


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "OPTIONS"])
def test_other_methods_are_refused(server: Running, method: str) -> None:
    found = server.ask(method, "/api/agents/sessions")
    assert found.status == 405
    assert found.code == "bad_request"


def test_head_is_get_without_its_body(server: Running) -> None:
    found = server.ask("HEAD", f"/api/agents/sessions/{MAIN}/export")
    assert (found.status, found.body, found.headers["Content-Length"]) == (200, b"", str(len(work())))


def routes() -> list[tuple[str, str]]:
    readme = Path(__file__).resolve().parent.parent.joinpath("README.md").read_text("utf-8")
    found = re.findall(r"^\| `(GET|POST) (/\S+)`", readme, re.MULTILINE)
    pages = [("GET", path) for path in ("/", f"/s/{MAIN}", "/stats")]
    return [(method, path.replace("<id>", MAIN)) for method, path in found] + pages


@pytest.mark.parametrize(("method", "target"), routes())
def test_no_route_answers_to_another_name_or_another_site(server: Running, method: str, target: str) -> None:
    port = urlsplit(server.url).port
    refused = [
        {"Host": "evil.example"},
        {"Host": f"evil.example:{port}"},
        {"Host": "127.0.0.1:1"},
        {"Host": f"127.0.0.1.evil.example:{port}"},
        {"Host": ""},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": f"https://localhost:{port}"},
        {"Origin": f"http://localhost:{port}.evil.example"},
        {"Origin": "http://localhost:1"},
        {"Origin": f"http://localhost:{port}/"},
        {"Origin": f"http://localhost:{port}@evil.example"},
        {"Origin": f"localhost:{port}"},
        {"Origin": "http://[::1"},
        {"Origin": ""},
    ]
    before = server.health()
    for headers in refused:
        found = server.ask(method, target, b"" if method == "POST" else None, headers)
        assert (found.status, found.code) == (403, "forbidden"), headers
    after = server.health()
    assert {name: before[name] for name in ("boot", "sessions", "events", "sources")} == {
        name: after[name] for name in ("boot", "sessions", "events", "sources")
    }


def test_its_own_names_and_pages_are_welcome(server: Running) -> None:
    port = urlsplit(server.url).port
    for name in ("localhost", "127.0.0.1", "LocalHost", "[::1]"):
        assert server.ask("GET", "/api/health", None, {"Host": f"{name}:{port}"}).status == 200
    assert server.ask("GET", "/api/health", None, {"Origin": f"http://localhost:{port}"}).status == 200


@pytest.mark.parametrize(
    "target", ["/api/health", f"/api/agents/sessions/{MAIN}/export", "/api/nothing", "/", f"/s/{MAIN}", "/static/x"]
)
def test_no_answer_lets_another_site_in(server: Running, target: str) -> None:
    """Whatever it is: found, missing, a wrong method, refused."""
    for found in (server.get(target), server.ask("PUT", target), server.ask("GET", target, None, {"Host": "evil.example"})):
        assert "Access-Control-Allow-Origin" not in found.headers
        assert found.headers["X-Content-Type-Options"] == "nosniff"
        assert found.headers["Content-Security-Policy"].startswith("default-src 'none';")
        assert "unsafe" not in found.headers["Content-Security-Policy"]


def test_what_is_no_http_does_not_stop_the_server(server: Running) -> None:
    port = urlsplit(server.url).port
    for noise in (b"\0\xff" * 500 + b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n"):
        with closing(socket.create_connection(("127.0.0.1", port), PATIENCE)) as connection:
            connection.sendall(noise)
            assert connection.recv(100).startswith(b"HTTP/1.")
    assert server.health()["status"] == "ok"


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this system has no Unix sockets")
def test_the_socket_speaks_the_same(server: Running) -> None:
    path = Home(server.home).socket
    assert path.stat().st_mode & 0o777 == 0o600
    with closing(socket.socket(socket.AF_UNIX)) as line, closing(http.client.HTTPConnection("localhost")) as connection:
        line.connect(str(path))
        connection.sock = line
        connection.request("GET", f"/api/agents/sessions/{MAIN}/export")
        assert connection.getresponse().read() == work()


def test_a_search_answers_with_sessions_and_marks(server: Running) -> None:
    found = server.get("/api/agents/search", q="does it build").json
    (group,) = found["results"]
    assert group["session"]["id"] == MAIN
    assert any("build" in hit["snippet"].casefold() for hit in group["hits"])


def test_what_stands_in_no_folder_of_ours_is_archived_too(server: Running) -> None:
    server.push_all(f"{FOLDER}/notes of mine.jsonl", lines(prompt(90_001, "unnamed")))
    (found,) = [session for session in server.sessions() if session["title"] == "unnamed"]
    assert server.export(found["id"]) == lines(prompt(90_001, "unnamed"))
