"""The way in: slices of files that grow, are cut, are rewritten, arrive twice or in the wrong order. A real server, over HTTP."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from server import MACHINE, SLICE, Running, serving, sha
from soak import chance, times

NAME = "0f1de117-0000-4000-8000-%012x"
LINE = (
    '{"type":"user","uuid":"%s","timestamp":"2026-01-02T03:%02d:%02d.000Z","cwd":"/w/p","message":{"role":"user","content":"%s"}}'
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(tmp_path_factory.mktemp("push")) as running:
        yield running


NUMBERS = iter(range(1, 1000))


@pytest.fixture
def session() -> str:
    """The id of a session that no other test uses."""
    return NAME % next(NUMBERS)


def path_of(session: str, folder: str = "-w-p") -> str:
    return f"/home/a/.claude/projects/{folder}/{session}.jsonl"


def line(number: int, text: str = "") -> bytes:
    """A prompt, with its line end."""
    key = f"{number:08x}-1111-4222-8333-{number:012x}"
    return (LINE % (key, number // 60 % 60, number % 60, text or f"prompt {number}")).encode() + b"\n"


def events(server: Running, session: str, **query: Any) -> list[Any]:
    found: list[Any] = server.items(f"/api/agents/sessions/{session}/events", "events", **query)
    return found


def texts(server: Running, session: str) -> list[str]:
    return [event["text"] for event in events(server, session)]


def test_a_file_that_grows(server: Running, session: str) -> None:
    path, data = path_of(session), b"".join(map(line, range(5)))
    first = server.push(path, data[:300], size=len(data))
    assert first.status == 200
    assert first.json["offset"] == 300
    assert first.json["generation"] == 1
    rest = server.push(path, data[300:], 300, deflate=True)
    assert rest.json["offset"] == len(data)
    assert first.json["events_inserted"] + rest.json["events_inserted"] == 5
    assert server.export(session) == data
    assert texts(server, session) == [f"prompt {number}" for number in range(5)]


def test_what_is_known_is_skipped_and_the_rest_stored(server: Running, session: str) -> None:
    path, data = path_of(session), b"".join(map(line, range(4)))
    server.push(path, data[:200])
    again = server.push(path, data, 0)
    assert (again.status, again.json["offset"]) == (200, len(data))
    same = server.push(path, data[100:250], 100, size=len(data))
    assert (same.json["offset"], same.json["events_inserted"]) == (len(data), 0)
    assert server.export(session) == data
    assert len(events(server, session)) == 4


def test_a_push_beyond_what_is_stored_learns_where_to_go_on(server: Running, session: str) -> None:
    path, data = path_of(session), b"".join(map(line, range(3)))
    unknown = server.push(path, data, 10)
    assert (unknown.status, unknown.code, unknown.json["offset"]) == (409, "conflict", 0)
    server.push(path, data[:100], size=len(data))
    beyond = server.push(path, data[200:], 200)
    stands = beyond.json
    assert (beyond.status, beyond.code, stands["offset"], stands["generation"]) == (409, "conflict", 100, 1)
    assert stands["head"] == stands["tail"] == stands["digest"] == sha(data[:100])


def test_a_push_that_differs_is_told_so_and_changes_nothing(server: Running, session: str) -> None:
    path, data = path_of(session), b"".join(map(line, range(3)))
    server.push(path, data)
    other = server.push(path, data.replace(b"prompt 1", b"prompt X"))
    assert (other.status, other.code) == (409, "rewritten")
    assert server.export(session) == data


def test_a_rewritten_file_is_a_new_generation(server: Running, session: str) -> None:
    path = path_of(session)
    old, new = b"".join(map(line, range(3))), b"".join(map(line, range(10, 14)))
    server.push(path, old)
    assert server.push(path, new, replaces=7).status == 409
    replaced = server.push(path, new, replaces=1)
    assert (replaced.status, replaced.json["generation"]) == (200, 2)
    assert server.push(path, old + line(3), len(old), generation=1).code == "conflict"
    assert server.export(session) == new
    assert server.export(session, generation=1) == old
    assert texts(server, session) == [f"prompt {number}" for number in range(10, 14)]
    back = server.push(path, old + line(3), replaces=2)
    assert (back.json["generation"], back.json["offset"]) == (1, len(old + line(3)))
    assert server.export(session) == old + line(3)
    assert texts(server, session) == [f"prompt {number}" for number in range(4)]
    assert server.get(f"/api/agents/sessions/{session}/export", generation=9).status == 404


def test_a_truncated_file(server: Running, session: str) -> None:
    path, data = path_of(session), b"".join(map(line, range(6)))
    server.push(path, data)
    assert server.push(path, data[:400], replaces=1).json["generation"] == 2
    assert server.export(session) == data[:400]
    assert server.export(session, generation=1) == data


BAD = [
    ({"provider": "cobol"}, 400, "unknown_provider"),
    ({"provider": ""}, 400, "bad_request"),
    ({"machine": ""}, 400, "bad_request"),
    ({"path": ""}, 400, "bad_request"),
    ({"size": "x"}, 400, "bad_request"),
    ({"offset": -1}, 400, "bad_request"),
    ({"size": ""}, 400, "bad_request"),
    ({"mtime": "yesterday"}, 400, "bad_request"),
    ({"generation": "one"}, 400, "bad_request"),
    ({"replaces": "x"}, 400, "bad_request"),
]


@pytest.mark.parametrize(("wrong", "status", "code"), BAD)
def test_what_cannot_be_understood_is_refused(
    server: Running, session: str, wrong: dict[str, Any], status: int, code: str
) -> None:
    query: dict[str, Any] = {"path": path_of(session), "offset": 0} | wrong
    found = server.push(query.pop("path"), line(1), query.pop("offset"), **query)
    assert (found.status, found.code) == (status, code)
    assert server.get(f"/api/agents/sessions/{session}").status == 404


def test_bodies_are_bounded(server: Running, session: str) -> None:
    path, target = path_of(session), "/api/agents/ingest?"
    query = f"provider=claude&machine={MACHINE}&path={path}&offset=0&size=9&mtime=1"
    deflate = {"Content-Encoding": "deflate"}
    bomb = zlib.compress(b"a" * 50_000_000)
    assert len(bomb) < SLICE
    assert server.ask("POST", target + query, bomb, deflate).status == 413
    assert server.ask("POST", target + query, zlib.compress(b"a" * (SLICE + 1)), deflate).status == 413
    assert server.ask("POST", target + query, b"a" * (SLICE + 1)).status == 413
    assert server.ask("POST", target + query, b"a" * 400_000).status == 413
    assert server.ask("POST", target + query, b"no zlib", deflate).code == "bad_request"
    assert server.ask("POST", target + query, zlib.compress(b"a" * 99)[:-3], deflate).code == "bad_request"
    assert server.ask("POST", target + query, zlib.compress(b"a") + b"more", deflate).code == "bad_request"
    assert server.ask("POST", target + query, b"a", {"Content-Encoding": "gzip"}).code == "bad_request"
    assert server.push_all(path, b"a" * SLICE).status == 200


def test_an_empty_file_is_a_source(server: Running, session: str) -> None:
    path = path_of(session)
    assert server.push(path, b"").json["offset"] == 0
    assert server.export(session) == b""
    assert server.push(path, line(1)).status == 200
    assert server.export(session) == line(1)


@pytest.mark.parametrize("folder", ["with space", "検索 ü", "%41&b=c+d", "back\\slash"])
def test_paths_come_back_as_they_were(server: Running, session: str, folder: str) -> None:
    path = path_of(session, folder)
    server.push(path, line(1))
    assert server.source(path)["path"] == path


def test_a_path_that_is_not_utf8_comes_back_as_it_was(server: Running, session: str) -> None:
    query = f"provider=claude&machine={MACHINE}&path=/p/projects/%FF%FE/{session}.jsonl&generation=1&offset=0&size=3&mtime=1"
    assert server.ask("POST", "/api/agents/ingest?" + query, b"{}\n").status == 200
    known = [source["path"] for source in server.items("/api/agents/sources", "sources", machine=MACHINE)]
    assert f"/p/projects/\udcff\udcfe/{session}.jsonl" in known


def test_sources_tell_where_each_file_stands(server: Running) -> None:
    machine, data = "00000000-0000-4000-8000-0000000000aa", b"".join(line(number, "x" * 500) for number in range(40))
    files = {path_of(NAME % next(NUMBERS)): data[: 1 + 997 * number] for number in range(9)}
    for path, content in files.items():
        server.push_all(path, content, machine=machine)
    found = server.items("/api/agents/sources", "sources", machine=machine, limit=2)
    assert {source["path"]: source["offset"] for source in found} == {path: len(content) for path, content in files.items()}
    for source in found:
        content = files[source["path"]]
        assert (source["head"], source["tail"]) == (sha(content[:4096]), sha(content[-4096:]))
        assert server.source(source["path"], machine)["digest"] == sha(content)


def test_a_scan_says_what_is_gone(server: Running, session: str) -> None:
    machine = "00000000-0000-4000-8000-0000000000ab"
    path, other = path_of(session), path_of(NAME % next(NUMBERS))
    for each in (path, other):
        server.push(each, line(1), machine=machine)
    scan = f'"machine": "{machine}", "label": "laptop", "roots": [], "files": 1, "bytes": 9, "cleanup_days": 30'
    assert server.ask("POST", "/api/agents/scan", f'{{{scan}, "missing": ["{path}"], "complete": true}}'.encode()).json == {}
    found = server.get(f"/api/agents/sessions/{session}").json
    assert (found["only_here"], found["machine"]) == (True, "laptop")
    server.push(path, line(2), len(line(1)), machine=machine)
    assert server.get(f"/api/agents/sessions/{session}").json["only_here"] is False
    for bad in (b"", b"[]", b"{}", f'{{{scan}, "complete": 7}}'.encode(), b"\xff"):
        assert server.ask("POST", "/api/agents/scan", bad).code == "bad_request"


HOSTILE = {
    "crlf": line(1).replace(b"\n", b"\r\n") + line(2).replace(b"\n", b"\r\n"),
    "bom": b"\xef\xbb\xbf" + line(1) + line(2),
    "nul": line(1, "a\\u0000b") + b"\0\0\n" + line(2),
    "invalid utf-8": line(1) + line(3).replace(b"prompt 3", b"caf\xe9") + line(2),
    "lone surrogate": line(1, "\\ud83d cut") + line(2),
    "broken": line(1) + b'{"type":"user","mess\n\n   \n' + line(2),
    "glued": line(1).rstrip(b"\n") + line(2),
    "comment": b"// a comment\n" + line(1) + line(2),
    "deep": b"[" * 3000 + b"\n" + line(1) + b'{"a":' * 600 + b"1" + b"}" * 600 + b"\n" + line(2),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bytes_are_kept_and_what_is_around_them_is_found(server: Running, name: str) -> None:
    data = HOSTILE[name]
    whole, pieces = NAME % next(NUMBERS), NAME % next(NUMBERS)
    server.push_all(path_of(whole), data)
    for start in range(0, len(data), 7):
        server.push(path_of(pieces), data[start : start + 7], start, size=len(data))
    assert server.export(whole) == server.export(pieces) == data
    shown = [(event["offset"], event["length"], event["kind"], event["text"]) for event in events(server, whole)]
    assert shown == [(event["offset"], event["length"], event["kind"], event["text"]) for event in events(server, pieces)]
    assert sum("prompt" in text or "cut" in text or "\0" in text for _, _, _, text in shown) >= 2


def test_a_line_without_end_goes_on_later(server: Running, session: str) -> None:
    path = path_of(session)
    open_line = line(1).rstrip(b"\n")
    server.push(path, open_line)
    assert texts(server, session) == ["prompt 1"]
    first = events(server, session)[0]["id"]
    server.push(path, line(2), len(open_line))
    server.push(path, b'{"half', len(open_line + line(2)))
    assert texts(server, session) == ["prompt 1", "prompt 2"]
    assert events(server, session)[0]["id"] == first
    assert server.export(session) == open_line + line(2) + b'{"half'


def test_a_line_of_50_mb(tmp_path: Path) -> None:
    session, huge = NAME % 1, b'{"type":"user","x":"' + b"needle " * 7_500_000 + b'"}\n'
    with serving(tmp_path) as server:
        data = line(1) + huge + line(2)
        server.push_all(path_of(session), data)
        assert sha(server.export(session)) == sha(data)
        kinds = [(event["kind"], event["length"]) for event in events(server, session)]
        assert kinds == [("prompt", len(line(1))), ("oversize", len(huge)), ("prompt", len(line(2)))]
        assert server.get("/api/agents/search", q="needle").json["total"] == 1
        assert server.peak() < 100_000_000


def once(server: Running, session: str) -> list[tuple[Any, ...]]:
    """What a session says, each event once."""
    found = events(server, session)
    places = [event["id"] for event in found]
    assert len(places) == len(set(places))
    return [(event["offset"], event["kind"], event["text"], event["call_id"], event["is_error"]) for event in found]


def test_a_live_session_is_followed_to_the_byte(server: Running, corpus: Path) -> None:
    """Successive copies of one session, each a beginning of the next, over one path: as if the last had come at once."""
    for folder in sorted((corpus / "claude" / "growth").iterdir()):
        copies = sorted(folder.rglob("*.jsonl") if folder.is_dir() else [folder], key=lambda file: file.stat().st_size)
        grown, whole = NAME % next(NUMBERS), NAME % next(NUMBERS)
        stored = b""
        for copy in copies:
            data = copy.read_bytes()
            assert data.startswith(stored)
            for start in range(len(stored), len(data), SLICE):
                assert server.push(path_of(grown), data[start : start + SLICE], start, size=len(data)).status == 200
            stored = data
        assert sha(server.export(grown)) == sha(stored)
        server.push_all(path_of(whole), stored)
        assert once(server, grown) == once(server, whole)


def test_files_cut_anywhere_and_grown_say_the_same(server: Running, corpus: Path) -> None:
    dice = chance("cuts")
    files = [
        file
        for file in sorted((corpus / "claude" / "projects").rglob("*.jsonl"))
        if len(file.stem) == 36 and 2000 < file.stat().st_size < 400_000
    ]
    for file in dice.sample(files, max(6, times(20))):
        data = file.read_bytes()
        whole, pieces = NAME % next(NUMBERS), NAME % next(NUMBERS)
        server.push_all(path_of(whole), data)
        cuts = sorted({0, len(data), *(dice.randrange(len(data)) for _ in range(9))})
        for start, stop in pairwise(cuts):
            for at in range(start, stop, SLICE):
                server.push(path_of(pieces), data[at : min(stop, at + SLICE)], at, size=dice.choice([stop, len(data)]))
        assert sha(server.export(pieces)) == sha(data), file
        assert once(server, pieces) == once(server, whole), file


def test_a_session_that_is_rewritten_each_time(server: Running, corpus: Path) -> None:
    for folder in sorted((corpus / "claude" / "rewritten").iterdir()):
        session = NAME % next(NUMBERS)
        copies = [file.read_bytes() for file in sorted(folder.rglob("*.jsonl"))]
        for number, data in enumerate(copies, 1):
            for start in range(0, len(data), SLICE):
                opens = number > 1 and not start
                more: dict[str, Any] = {"generation": number - 1, "replaces": number - 1} if opens else {"generation": number}
                answer = server.push(path_of(session), data[start : start + SLICE], start, size=len(data), **more)
                assert (answer.status, answer.json["generation"]) == (200, number)
        assert sha(server.export(session)) == sha(copies[-1])
        for number, data in enumerate(copies, 1):
            assert sha(server.export(session, generation=number)) == sha(data)
        assert len(once(server, session)) > 5


def test_the_digest_is_that_of_the_bytes(server: Running, session: str) -> None:
    data = b"".join(map(line, range(50)))
    server.push_all(path_of(session), data)
    header = server.get(f"/api/agents/sessions/{session}/export").headers["Content-Digest"]
    assert header == f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"
