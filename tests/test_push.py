"""The push, over a real server: whatever a shipper says, the server ends up with what the file holds, or says why not."""

from __future__ import annotations

import http.client
import json
import os
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from server import MACHINE, SLICE, Reply, Running, serving, sha
from shelf import FOLDER, answer, lines, path_of, prompt

from zerg.events import named_session

ONE = lines(prompt(1))
TWO = ONE + lines(answer(2))
THREE = TWO + lines(prompt(3))
OTHER = lines(prompt(7, "something else"), answer(8))
STATE = ("generation", "offset", "head", "tail", "digest")
EDGE = 4096


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(tmp_path_factory.mktemp("push") / "home") as found:
        yield found


@pytest.fixture
def session(request: pytest.FixtureRequest) -> str:
    """A session of the test's own."""
    return named_session(request.node.nodeid)


@pytest.fixture
def path(session: str) -> str:
    return path_of(session)


def events(server: Running, session: str) -> list[tuple[str, str]]:
    """(id without the source, text) of all events of a session."""
    found = server.items(f"/api/agents/sessions/{session}/events", "events")
    return [(one["id"].partition("-")[2], one["text"]) for one in found]


def texts(server: Running, session: str) -> list[str]:
    return [text for _, text in events(server, session)]


def stands(data: bytes, generation: int = 1) -> dict[str, Any]:
    """What the server is to say of a source that holds `data`, the digest included."""
    return dict(zip(STATE, (generation, len(data), sha(data[:EDGE]), sha(data[-EDGE:]), sha(data)), strict=True))


def state(found: dict[str, Any]) -> dict[str, Any]:
    return {name: found[name] for name in STATE}


def refused(found: Reply, status: int, code: str) -> Any:
    """The answer, which is a refusal that says what the protocol says of one."""
    assert (found.status, found.json["error"]["code"]) == (status, code), found
    assert isinstance(found.json["error"]["message"], str) and found.json["error"]["message"]
    assert found.headers["Content-Type"] == "application/json"
    return found.json


# What fits


def test_a_new_file_and_what_is_appended(server: Running, session: str, path: str) -> None:
    first = server.push(path, ONE).json
    assert first | {"source": 0} == {"source": 0, "generation": 1, "offset": len(ONE), "events_inserted": 1, "events_skipped": 0}
    assert server.push(path, TWO[len(ONE) :], len(ONE)).json == first | {"offset": len(TWO)}
    assert server.export(session) == TWO
    assert events(server, session) == [("0-0", "prompt 1"), (f"{len(ONE)}-0", "answer 2")]
    assert state(server.source(path)) == stands(TWO)


@pytest.mark.parametrize("deflate", [False, True])
def test_an_overlap_that_is_equal_is_skipped(server: Running, session: str, path: str, deflate: bool) -> None:
    server.push(path, TWO)
    found = server.push(path, THREE[50:], 50, deflate=deflate)
    assert (found.status, found.json["offset"], found.json["events_inserted"]) == (200, len(THREE), 1)
    for start in (0, 1, len(TWO), len(THREE)):
        assert server.push(path, THREE[start:], start, deflate=deflate).json == found.json | {"events_inserted": 0}
    assert server.push(path, ONE, size=len(THREE)).json["offset"] == len(THREE)  # ends before what is stored ends
    assert server.export(session) == THREE
    assert texts(server, session) == ["prompt 1", "answer 2", "prompt 3"]


def test_an_empty_file_grows(server: Running, session: str, path: str) -> None:
    assert server.push(path, b"").json["offset"] == 0
    assert state(server.source(path)) == stands(b"")
    assert server.export(session) == b""
    assert server.push(path, ONE).json["events_inserted"] == 1
    assert server.push(path, b"", len(ONE)).json["offset"] == len(ONE)
    assert server.export(session) == ONE


def test_a_last_line_without_end_is_taken_where_the_file_ends(server: Running, session: str, path: str) -> None:
    bare = TWO.removesuffix(b"\n")
    half = bare + THREE[len(TWO) :][:40]
    assert server.push(path, bare, size=len(THREE)).json["events_inserted"] == 1  # more of the file is to come
    assert server.push(path, b"", len(bare)).json["events_inserted"] == 1  # … no: this was its end
    assert server.push(path, half[len(bare) :], len(bare)).json["events_inserted"] == 0
    before = events(server, session)
    whole = bare + THREE[len(TWO) :]
    assert server.push(path, whole[len(half) :], len(half)).json["events_inserted"] == 1
    assert events(server, session) == [*before, (f"{len(bare)}-0", "prompt 3")]
    assert server.export(session) == whole


def test_each_slice_may_end_anywhere(server: Running, session: str, path: str) -> None:
    said = {number: "検索🦊" * number for number in range(1, 20)}
    data = b"".join(json.dumps(prompt(*each), ensure_ascii=False).encode() + b"\n" for each in said.items())
    for start in range(0, len(data), 97):
        assert server.push(path, data[start : start + 97], start, size=len(data), deflate=start % 2 == 0).status == 200
    assert texts(server, session) == list(said.values())
    assert server.export(session) == data


def test_a_body_of_unknown_length_is_taken(server: Running, session: str, path: str) -> None:
    query = urlencode(WHOLE | {"path": path})
    with closing(http.client.HTTPConnection(urlsplit(server.url).netloc)) as connection:
        connection.request("POST", f"/api/agents/ingest?{query}", iter([ONE, TWO[len(ONE) :]]), encode_chunked=True)
        assert json.loads(connection.getresponse().read())["offset"] == len(TWO)
    assert server.export(session) == TWO


HOSTILE = {
    "CRLF": THREE.replace(b"\n", b"\r\n"),
    "byte order mark": b"\xef\xbb\xbf" + THREE,
    "NUL": ONE.replace(b"prompt 1", b"pro\\u0000mpt 1") + b"\0\0\n" + THREE[len(ONE) :],
    "invalid UTF-8": THREE.replace(b"answer", b"\xff\xc3 answer"),
    "lone surrogate": THREE.replace(b"answer", b"\\ud83d answer"),
    "broken": ONE + b'{"type":"user","mess\n\n   \n' + THREE[len(ONE) :],
    "glued": ONE.strip() + b" " + THREE[len(ONE) :].replace(b"\n", b""),
    "comment": b"// seen\n" + THREE,
    "nested deeply": b"[" * 3000 + b"\n" + ONE + b'{"a":' * 600 + b"1" + b"}" * 600 + b"\n" + THREE[len(ONE) :],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bytes_say_the_same_in_whatever_slices(server: Running, session: str, path: str, name: str) -> None:
    data, whole = HOSTILE[name], named_session(session, "whole")
    server.push(path_of(whole), data)
    step = max(7, len(data) // 200)
    for start in range(0, len(data), step):
        server.push(path, data[start : start + step], start, size=len(data))
    assert server.export(session) == server.export(whole) == data
    assert events(server, session) == events(server, whole)
    assert sum(" 1" in text or " 2" in text or " 3" in text for text in texts(server, session)) == 3


def test_a_line_over_the_limit_is_kept_whole_and_found_by_its_beginning(server: Running, session: str, path: str) -> None:
    data = ONE + b'{"type":"user","text":"needlework ' + b"x" * 9_000_000 + b'"}\n' + THREE[len(TWO) :]
    server.push_all(path, data)
    assert sha(server.export(session)) == sha(data)
    found = server.items(f"/api/agents/sessions/{session}/events", "events")
    assert [one["kind"] for one in found] == ["prompt", "oversize", "prompt"]
    assert sum(one["length"] for one in found) == len(data)
    assert len(found[1]["text"]) <= 64 * 1024
    assert server.get("/api/agents/search", q="needlework").json["total"] == 1


# What does not fit


def test_an_overlap_that_differs_was_rewritten(server: Running, session: str, path: str) -> None:
    server.push(path, TWO)
    for data, offset in ((OTHER, 0), (TWO[:-1] + b"X", 0), (b"X", len(TWO) - 1), (THREE.replace(b"answer 2", b"answer 9"), 0)):
        found = refused(server.push(path, data, offset), 409, "rewritten")
        assert state(found) == stands(TWO)
    assert server.export(session) == TWO


def test_beyond_what_is_stored_is_a_conflict(server: Running, session: str, path: str) -> None:
    assert state(refused(server.push(path, ONE, 5), 409, "conflict")) == stands(b"")
    server.push(path, ONE)
    found = refused(server.push(path, b"more", len(ONE) + 1), 409, "conflict")
    assert state(found) == stands(ONE)
    rest = THREE[found["offset"] :]
    assert server.push(path, rest, found["offset"], generation=found["generation"]).json["events_inserted"] == 2
    assert server.export(session) == THREE


def test_another_generation_is_a_conflict(server: Running, path: str) -> None:
    server.push(path, ONE)
    for generation in (0, 2, 2**40):
        found = refused(server.push(path, TWO, generation=generation), 409, "conflict")
        assert state(found) == stands(ONE)


def test_two_shippers_of_one_file_end_in_the_right_place(server: Running, session: str, path: str) -> None:
    data = lines(*(prompt(number) for number in range(1, 50)))
    places = [0, 0]
    turn = 0
    while min(places) < len(data):
        turn += 1
        which, length = turn % 2, (1_000, 1_700, 300)[turn % 3]
        found = server.push(path, data[places[which] :][:length], places[which], size=len(data))
        places[which] = found.json["offset"]
    assert server.export(session) == data
    assert texts(server, session) == [f"prompt {number}" for number in range(1, 50)]


# Generations


def test_a_file_that_begins_otherwise_is_a_new_generation(server: Running, session: str, path: str) -> None:
    first = server.push(path, TWO).json
    second = server.push(path, OTHER, generation=1, replaces=1).json
    assert (second["generation"], second["offset"], second["events_inserted"]) == (2, len(OTHER), 2)
    assert second["source"] != first["source"]
    assert state(server.source(path)) == stands(OTHER, 2)
    assert texts(server, session) == ["something else", "answer 8"]
    assert server.export(session) == server.export(session, generation=2) == OTHER
    assert server.export(session, generation=1) == server.export(session, source=first["source"]) == TWO
    refused(server.get(f"/api/agents/sessions/{session}/export", generation=3), 404, "not_found")
    assert server.push(path, ONE, len(OTHER), generation=2).json["offset"] == len(OTHER + ONE)


def test_only_the_current_generation_can_be_replaced(server: Running, session: str, path: str) -> None:
    refused(server.push(path, ONE, 5, replaces=1), 409, "conflict")
    server.push(path, ONE)
    server.push(path, OTHER, replaces=1)
    wrong: tuple[dict[str, Any], ...] = ({"replaces": 1}, {"replaces": 3}, {"offset": 3, "replaces": 2})
    for more in wrong:
        assert state(refused(server.push(path, TWO, **more), 409, "conflict")) == stands(OTHER, 2)
    assert server.export(session) == OTHER


def test_a_file_returns_to_the_generation_that_it_continues(server: Running, session: str, path: str) -> None:
    first = server.push(path, TWO).json
    ids = events(server, session)
    server.push(path, OTHER, replaces=1)
    again = server.push(path, THREE, generation=2, replaces=2).json
    assert (again["source"], again["generation"], again["offset"]) == (first["source"], 1, len(THREE))
    assert events(server, session) == [*ids, (f"{len(TWO)}-0", "prompt 3")]
    third = server.push(path, OTHER[:-1] + b" \n", generation=1, replaces=1).json
    assert third["generation"] == 3
    assert [server.export(session, generation=number) for number in (1, 2, 3)] == [THREE, OTHER, OTHER[:-1] + b" \n"]


def test_a_truncated_file_is_a_generation_and_may_be_empty(server: Running, session: str, path: str) -> None:
    server.push(path, THREE)
    refused(server.push(path, OTHER, 0), 409, "rewritten")
    assert server.push(path, b"", replaces=1).json["generation"] == 2
    assert server.export(session) == b""
    assert server.export(session, generation=1) == THREE
    assert server.push(path, ONE, generation=2).json["events_inserted"] == 1
    assert texts(server, session) == ["prompt 1"]


# What is refused

WHOLE: dict[str, Any] = {"provider": "claude", "machine": MACHINE, "path": f"{FOLDER}/refused.jsonl", "offset": 0, "size": 5}
NUMBERS = ("-1", "x", "1.5", "1e3", "٣", "9" * 30, "0x10", "--1")
WRONG: tuple[dict[str, Any], ...] = (
    *({name: None} for name in WHOLE),
    *({name: ""} for name in ("provider", "machine", "path", "offset", "size")),
    *({name: value} for name in ("generation", "replaces", "offset", "size") for value in NUMBERS),
    *({"mtime": value} for value in ("-1", "x", "nan", "inf", "1e300", "-inf")),
    {"path": "a\0b"},
    {"path": "p" * 20_000},
    {"machine": "m" * 20_000},
)


def ingest(server: Running, body: bytes = b"hello", encoding: str = "", **query: Any) -> Reply:
    """A push whose parameters are as they stand."""
    target = "/api/agents/ingest?" + urlencode({name: value for name, value in query.items() if value is not None})
    return server.ask("POST", target, body, {"Content-Encoding": encoding} if encoding else None)


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: ascii(wrong)[:40])
def test_parameters_that_cannot_be_right_are_400(server: Running, wrong: dict[str, Any]) -> None:
    refused(ingest(server, **{**WHOLE, **wrong}), 400, "bad_request")


def test_an_unknown_provider_is_400(server: Running) -> None:
    for name in ("nobody", "Claude", "claude ", "__init__", "../claude"):
        refused(ingest(server, **WHOLE | {"provider": name}), 400, "unknown_provider")


def test_what_is_refused_leaves_nothing(server: Running) -> None:
    found = server.get("/api/agents/sources", machine=MACHINE, path=WHOLE["path"]).json
    assert found["sources"] == []


def test_bodies_have_a_limit(server: Running, path: str) -> None:
    limit = bytes(SLICE)
    about = WHOLE | {"path": path, "size": SLICE}
    refused(ingest(server, limit + b"x", **about), 413, "too_large")
    refused(ingest(server, zlib.compress(limit + b"x"), "deflate", **about), 413, "too_large")
    refused(ingest(server, zlib.compress(bytes(50_000_000)), "deflate", **about), 413, "too_large")
    refused(ingest(server, bytes(1_000_000), **about), 413, "too_large")
    assert server.push(path, limit).json["offset"] == SLICE
    noise = os.urandom(SLICE)  # does not become smaller
    assert server.push(path, noise, SLICE, deflate=True).json["offset"] == 2 * SLICE


def test_a_body_that_is_announced_as_huge_is_refused_before_it_comes(server: Running) -> None:
    with closing(http.client.HTTPConnection(urlsplit(server.url).netloc)) as connection:
        connection.putrequest("POST", "/api/agents/ingest?" + urlencode(WHOLE))
        connection.putheader("Content-Length", str(10**12))
        connection.endheaders()
        assert connection.getresponse().status == 413
    assert server.health()["status"] == "ok"


def test_a_body_that_does_not_inflate_is_400(server: Running, path: str) -> None:
    packed, about = zlib.compress(TWO), WHOLE | {"path": path}
    raw = zlib.compress(TWO, wbits=-15)  # without the zlib header, as some take "deflate"
    for body in (b"", b"hello", packed[:-1], packed[:20], packed + b"x", packed + packed, raw, packed[:-1] + b"\0"):
        refused(ingest(server, body, "deflate", **about), 400, "bad_request")
    for encoding in ("gzip", "br", "deflate, deflate", "x" * 500):
        refused(ingest(server, packed, encoding, **about), 400, "bad_request")
    assert server.get("/api/agents/sources", machine=MACHINE, path=path).json["sources"] == []


# What the server knows

NAMES = (
    "a b+c&d=e?f#g%20h.jsonl",
    "検索/😀.jsonl",
    "e\u0301 or \u00e9.jsonl",
    "..jsonl",
    "quo\"te's.jsonl",
    "new\nline.jsonl",
    r"C:\Users\ada\.claude\projects\C--Users-ada\4711.jsonl",
    os.fsdecode(b"caf\xe9 \xff\xfe.jsonl"),
    os.fsdecode("検".encode()[:2] + b".jsonl"),
)


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_paths_come_back_as_they_were(server: Running, name: str) -> None:
    machine = named_session("names", ascii(name))
    about = urlencode(WHOLE | {"machine": machine, "path": name, "size": len(ONE)}, errors="surrogateescape")
    assert server.ask("POST", f"/api/agents/ingest?{about}", ONE).status == 200
    (found,) = server.get("/api/agents/sources", machine=machine).json["sources"]
    assert found["path"] == name
    one = server.ask("GET", "/api/agents/sources?" + urlencode({"machine": machine, "path": name}, errors="surrogateescape"))
    assert [each["path"] for each in one.json["sources"]] == [name]
    gone = scan(server, machine, complete=True, missing=[name])
    assert (gone.status, gone.json) == (200, {})
    (found,) = server.get("/api/agents/sources", machine=machine).json["sources"]
    assert found["missing"]


def test_sources_are_listed_in_pages_with_what_tells_them_apart(server: Running) -> None:
    machine = named_session("pages")
    long = lines(*(prompt(number, "long " * 1000) for number in range(1, 150)))
    assert len(long) > 2 * SLICE
    held = {f"{FOLDER}/p{number}.jsonl": data for number, data in enumerate((b"", ONE, TWO, long[:EDGE], long[: EDGE + 1], long))}
    for path, data in held.items():
        server.push_all(path, data, machine=machine)
    server.push(f"{FOLDER}/p1.jsonl", OTHER, machine=machine, replaces=1)  # of a file the current generation is listed
    wanted = {path: stands(data) for path, data in held.items()} | {f"{FOLDER}/p1.jsonl": stands(OTHER, 2)}
    for limit in (1, 2, 5, 6, 1000):
        found = server.items("/api/agents/sources", "sources", machine=machine, limit=limit)
        assert len(found) == len(wanted)
        assert {one["path"]: state(one) for one in found} == wanted
        assert {one["provider"] for one in found} == {"claude"}
    assert server.get("/api/agents/sources", machine="nobody").json["sources"] == []
    refused(server.get("/api/agents/sources"), 400, "bad_request")


def test_digests_are_known_again_after_a_restart(tmp_path: Path, path: str) -> None:
    data = lines(*(prompt(number, "long " * 1000) for number in range(1, 150)))
    cut = len(data) - 1000
    with serving(tmp_path / "home") as server:
        server.push_all(path, data[:cut])
    with serving(tmp_path / "home") as server:
        assert server.push(path, data[cut:], cut).status == 200
        assert state(server.source(path)) == stands(data)
        (listed,) = server.get("/api/agents/sources", machine=MACHINE).json["sources"]
        assert state(listed) == stands(data)


# The scan


def scan(server: Running, machine: str, **more: Any) -> Reply:
    about = {"machine": machine, "label": "a laptop", "roots": [FOLDER], "files": 1, "bytes": 100, "cleanup_days": 30}
    return server.ask("POST", "/api/agents/scan", json.dumps(about | {"missing": []} | more).encode())


def test_a_scan_tells_what_is_gone(server: Running, session: str, path: str) -> None:
    machine = named_session("scans")
    server.push(path, ONE, machine=machine)
    assert (scan(server, machine, complete=True, missing=[path]).json, only_here(server, session)) == ({}, True)
    assert scan(server, machine, complete=False).status == 200
    assert only_here(server, session)  # that pass has not ended
    assert (scan(server, machine, complete=True).status, only_here(server, session)) == (200, False)
    scan(server, machine, complete=True, missing=[path, f"{FOLDER}/never seen"])
    assert server.push(path, TWO, machine=machine).status == 200
    assert not only_here(server, session)
    scan(server, "another", complete=True, missing=[path])
    assert not only_here(server, session)
    assert server.get(f"/api/agents/sessions/{session}").json["machine"] == "a laptop"
    assert server.export(session) == TWO


def only_here(server: Running, session: str) -> bool:
    found: bool = server.get(f"/api/agents/sessions/{session}").json["only_here"]
    return found


def test_a_scan_says_how_far_the_import_is(tmp_path: Path, path: str) -> None:
    with serving(tmp_path / "home") as server:
        assert server.health()["import"] == {"state": "idle", "done_bytes": 0, "total_bytes": 0}
        scan(server, MACHINE, complete=False, bytes=1000)
        server.push(path, ONE)
        assert server.health()["import"] == {"state": "running", "done_bytes": len(ONE), "total_bytes": 1000}
        scan(server, MACHINE, complete=True, bytes=len(ONE))
        assert server.health()["import"] == {"state": "idle", "done_bytes": len(ONE), "total_bytes": len(ONE)}
        scan(server, MACHINE, complete=False, bytes=2000)  # later passes are no import
        assert server.health()["import"]["state"] == "idle"


BAD_SCANS: tuple[dict[str, Any], ...] = (
    {"machine": ""},
    {"machine": None},
    {"machine": "m" * 300},
    {"label": 5},
    {"files": -1},
    {"bytes": "many"},
    {"bytes": 2**70},
    {"missing": "all"},
    {"missing": [1]},
    {"cleanup_days": "x"},
    {"cleanup_days": 2**70},
    {"complete": None},
)


@pytest.mark.parametrize("wrong", BAD_SCANS, ids=ascii)
def test_scans_that_cannot_be_right_are_400(server: Running, wrong: dict[str, Any]) -> None:
    refused(scan(server, **{"machine": "m", "complete": True, **wrong}), 400, "bad_request")


def test_scans_that_are_none_are_400(server: Running) -> None:
    for body in (b"", b"hello", b"[]", b"null", b"{}", b"\xff", b'{"machine":', b"[" * 100_000):
        refused(server.ask("POST", "/api/agents/scan", body), 400, "bad_request")
