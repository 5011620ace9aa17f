"""What is derived from the archived bytes: made again it is the same, by a newer parser too, and nobody notices meanwhile."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from database import check, derived, differences, facts
from server import SLICE
from shelf import NOW, Shelf, answer, lines, path_of, prompt, record, shelf, summary
from soak import chance, times

from zerg import derive, timeline
from zerg.archive import Reading
from zerg.errors import NewerDatabase, NotFound, ZergError
from zerg.fold import tokens
from zerg.ingest import Ingest
from zerg.providers import provider
from zerg.store import DERIVED, open_store, sqlite
from zerg.store.event import COLUMNS, COUNTERS, EPOCH, EventRow, second_of
from zerg.store.sqlite import SqliteStore
from zerg.upkeep import Upkeep

ONE, TWO, THREE = (f"de51fed0-0000-4000-8000-00000000000{number}" for number in (1, 2, 3))
AT = 1_770_285_600  # seconds since 1970, of record 0
MANY = 1200  # records of about 600 bytes: several chunks


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Shelf]:
    with shelf(tmp_path / "zerg.db") as made:
        yield made


def upkeep(shelf: Shelf, clock: int = NOW) -> Upkeep:
    """Of a server that has just started on this store."""
    return Upkeep(Ingest(shelf.store), lambda: clock)


def done(work: Upkeep) -> None:
    """Let it do all there is to do."""
    while work.step():
        pass
    work.store.settle()


def newer(monkeypatch: pytest.MonkeyPatch, version: int = 2) -> None:
    """What an older parser derived is outdated from now on."""
    monkeypatch.setattr(type(provider("claude")), "version", version)


def texts(shelf: Shelf, session: str) -> list[str]:
    entries, _ = timeline.events(shelf.store, session, (), "", 100_000, 10**9)
    return [entry.text for entry in entries]


def ids(shelf: Shelf, session: str) -> list[str]:
    entries, _ = timeline.events(shelf.store, session, (), "", 100_000, 10**9)
    return [entry.id for entry in entries]


def talk(count: int, start: int = 1) -> bytes:
    """A prompt and an answer in turns."""
    each = [(prompt if number % 2 else answer)(number, f"said {number} " + "x" * 300) for number in range(start, start + count)]
    return lines(*each)


def agent(number: int, **more: Any) -> dict[str, Any]:
    about: dict[str, Any] = {"sessionId": ONE, "agentId": "a1", "isSidechain": True} | more
    return answer(number, f"agent {number}", **about)


def progress(number: int) -> dict[str, Any]:
    """What a parent repeats of its subagent."""
    data = {"type": "agent_progress", "agentId": "a1", "message": agent(number)}
    return record(number + 500, type="progress", sessionId=ONE, data=data)


def fill(shelf: Shelf) -> None:
    """Sessions that have to do with each other: a fork, titles in other files, a subagent and what its parent repeats of it."""
    shelf.put(path_of(THREE), lines(summary("What the first one is about", 4)))
    shelf.put(path_of(ONE), talk(6) + lines(progress(20), progress(21)))
    shelf.put(path_of(TWO), talk(4) + lines(prompt(40, "the fork goes on"), answer(41)))
    shelf.put(path_of(ONE, "a1"), lines(agent(20), agent(21), agent(22)))
    shelf.put(path_of(ONE), talk(6) + lines(progress(20), progress(21), answer(50), progress(22)))
    shelf.put(path_of(TWO, "a2"), lines(agent(60, agentId="a2")))


# Rebuilding


def test_a_rebuild_gives_the_same_again(one: Shelf) -> None:
    fill(one)
    one.store.settle()
    before = derived(one.file)
    derive.rebuild(one.store)
    assert differences(before, derived(one.file)) == {}
    check(one.file)
    assert {row[0] for row in before["session"]} >= {ONE, TWO, THREE}
    assert next(row for row in before["session"] if row[0] == ONE)[16] == "What the first one is about"


def test_ids_hold_whatever_order_copies_grew_in(one: Shelf) -> None:
    """A record that is in several files may belong to another one after a rebuild: its old id still finds it."""
    dice = chance("orders")
    for number in range(times(50)):
        session = f"de51fed0-0000-4000-9000-{number:012}"
        whole = lines(*(prompt(place + number * 10, f"said {place}") for place in range(8)))
        stored = {path_of(session): 0, path_of(session).replace("engine", "copy"): 0}
        while min(stored.values()) < len(whole):
            path = dice.choice([path for path, offset in stored.items() if offset < len(whole)])
            stored[path] = min(len(whole), stored[path] + dice.randrange(1, 700))
            one.put(path, whole[: stored[path]])
        before = dict(zip(ids(one, session), texts(one, session), strict=True))
        derive.rebuild(one.store)
        assert sorted(texts(one, session)) == sorted(before.values())
        for at, text in before.items():
            assert text in [entry.text for entry in timeline.window(one.store, session, at=at, limit=1).entries]
    one.store.settle()
    check(one.file)


def test_a_rebuild_that_is_interrupted_goes_on_at_the_next_start(one: Shelf) -> None:
    fill(one)
    one.put(path_of("de51fed0-0000-4000-8000-000000000009"), talk(MANY, 2000))
    one.store.settle()
    before = derived(one.file)
    work = upkeep(one)
    work.rebuild()
    for _ in range(4):
        work.step()
    again = upkeep(one)
    while again.step():
        pass
    assert {row[0] for row in before["event"]} == {row[0] for row in derived(one.file)["event"]}
    assert len(before["event"]) == len(derived(one.file)["event"])
    check(one.file)


# A newer parser


def test_a_newer_parser_replaces_in_slices_what_an_older_one_found(one: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    data = talk(MANY)
    assert len(data) > 2 * SLICE
    one.put(path_of(ONE), data)
    one.store.settle()
    before, known = derived(one.file), ids(one, ONE)
    monkeypatch.setattr(type(provider("claude")), "version", 2)
    work = upkeep(one)
    steps = 0
    while work.step():
        steps += 1
        assert ids(one, ONE) == known  # between any two requests all of it is there
    assert steps > 3
    assert differences(before, derived(one.file)) == {}
    assert derive.outdated(one.store) == []
    check(one.file)


def test_what_arrives_meanwhile_is_derived_too(one: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    data, more = talk(MANY), talk(60, 5000)
    one.put(path_of(ONE), data)
    monkeypatch.setattr(type(provider("claude")), "version", 2)
    work = upkeep(one)
    number = 0
    while work.step():
        number += 1
        one.put(path_of(ONE), data + more[: number * len(more) // 3])
    assert one.bytes(one.current(path_of(ONE))) == data + more  # type: ignore[arg-type]
    assert texts(one, ONE) == [f"said {number} " + "x" * 300 for number in [*range(1, MANY + 1), *range(5000, 5060)]]
    one.store.settle()
    check(one.file)


def test_small_chunks_may_be_merged_meanwhile(one: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [lines(prompt(number, f"said {number} " + "x" * 2000)) for number in range(60)]
    for number in range(1, 21):
        one.put(path_of(ONE), b"".join(records[:number]))
    newer(monkeypatch)
    work = upkeep(one)
    for _ in range(5):
        work.step()
    for number in range(21, 61):
        one.put(path_of(ONE), b"".join(records[:number]))
    assert len(one.store.rows("SELECT offset FROM chunk")) < 40
    assert work.behind
    done(work)
    assert not work.behind
    assert len(texts(one, ONE)) == 60
    check(one.file)


def test_a_failure_meanwhile_is_made_up_for(one: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    one.put(path_of(ONE), talk(MANY))
    newer(monkeypatch)
    work = upkeep(one)
    for _ in range(3):
        work.step()
    one.store.run("CREATE TEMP TRIGGER full BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'the disk is full'); END")
    with pytest.raises(ZergError, match="the disk is full"):
        done(work)
    one.store.run("DROP TRIGGER full")
    done(work)
    assert derive.outdated(one.store) == []
    assert len(texts(one, ONE)) == MANY
    check(one.file)


def test_a_file_may_be_rewritten_meanwhile(one: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    one.put(path_of(ONE), talk(MANY))
    newer(monkeypatch)
    work = upkeep(one)
    for _ in range(3):
        work.step()
    one.put(path_of(ONE), lines(prompt(5000), prompt(5001)))
    done(work)
    assert texts(one, ONE) == ["prompt 5000", "prompt 5001"]
    check(one.file)


def test_a_copy_may_come_meanwhile(one: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    one.put(path_of(ONE), talk(MANY))
    newer(monkeypatch)
    work = upkeep(one)
    for _ in range(3):
        work.step()
    for path in (path_of(ONE).replace("engine", "copy"), path_of(ONE)):
        one.put(path, talk(MANY + 1))
    done(work)
    assert len(texts(one, ONE)) == MANY + 1 == timeline.session(one.store, ONE).events
    check(one.file)


def test_files_may_grow_while_all_is_rebuilt(one: Shelf) -> None:
    one.put(path_of(ONE), talk(MANY))
    one.put(path_of(TWO), lines(prompt(5000)))
    work = Upkeep(one.ingest, lambda: NOW)
    work.rebuild()
    for _ in range(2):
        work.step()
    one.put(path_of(TWO), lines(prompt(5000), prompt(5001)))
    one.put(path_of(ONE), talk(MANY + 1))
    one.put(path_of(THREE), lines(prompt(6000)))
    done(work)
    assert [len(texts(one, session)) for session in (ONE, TWO, THREE)] == [MANY + 1, 2, 1]
    check(one.file)


def test_sessions_that_have_to_do_with_each_other_come_out_the_same(one: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(one)
    one.put(path_of(ONE).replace("engine", "copy"), talk(5) + lines(answer(77)))
    one.store.settle()
    before = derived(one.file)
    for version in (2, 3):
        newer(monkeypatch, version)
        done(upkeep(one))
        assert differences(before, derived(one.file)) == {}
    check(one.file)


def test_the_newest_session_is_derived_again_first(one: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, session in enumerate((ONE, THREE, TWO)):
        one.put(path_of(session), lines(prompt(number * 100)), mtime=NOW + number * 1000)
    monkeypatch.setattr(type(provider("claude")), "version", 2)
    assert derive.outdated(one.store) == [3, 2, 1]


def test_what_a_newer_parser_finds_no_more_goes(one: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    one.put(path_of(ONE), lines(prompt(1), answer(2)))
    one.store.settle()
    with sqlite3.connect(one.file) as beside:  # as if an older parser had found one event more
        beside.execute("UPDATE derivation SET version = 0")
        columns = "session, source, offset, length, 7, kind, tool, call, record, error, image"
        beside.execute(f"INSERT INTO event SELECT id + 9, {columns} FROM event LIMIT 1")
    beside.close()
    work = upkeep(one)
    while work.step():
        pass
    assert len(texts(one, ONE)) == 2
    check(one.file)


# What is found twice


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_title_finds_its_session_in_either_order(one: Shelf, order: tuple[int, ...]) -> None:
    files = [(path_of(ONE), lines(prompt(1), answer(2))), (path_of(TWO), lines(summary("Found by its leaf", 2), prompt(9)))]
    for number in order:
        one.put(*files[number])
    assert timeline.session(one.store, ONE).title == "Found by its leaf"
    assert timeline.session(one.store, TWO).title == "prompt 9"
    one.put(path_of(TWO), lines(prompt(9)))  # rewritten: without the title
    done(upkeep(one))
    assert timeline.session(one.store, TWO).events == 1
    assert timeline.session(one.store, ONE).title == "prompt 1"
    check(one.file)


def test_a_title_stays_when_its_session_is_rewritten(one: Shelf) -> None:
    one.put(path_of(TWO), lines(summary("Found by its leaf", 2), prompt(9)))
    one.put(path_of(ONE), lines(prompt(1), answer(2)))
    for data, title in ((lines(prompt(3), answer(2)), "Found by its leaf"), (lines(prompt(4)), "prompt 4")):
        one.put(path_of(ONE), data)
        done(upkeep(one))
        assert timeline.session(one.store, ONE).title == title
        check(one.file)
    assert "Found by its leaf" in texts(one, TWO)


@pytest.mark.parametrize("emptied", ["a1", ""])
def test_a_subagent_is_what_its_own_file_or_else_its_parent_says(one: Shelf, emptied: str) -> None:
    fill(one)
    one.put(path_of(ONE, emptied), b"")
    done(upkeep(one))
    (found,) = [each for each in timeline.subagents(one.store, ONE) if each.agent == "a1"]
    assert texts(one, found.id) == ["agent 20", "agent 21", "agent 22"]
    assert found.tokens.messages == 3
    check(one.file)


def test_a_message_in_many_sessions_is_counted_once(one: Shelf) -> None:
    sessions = [f"de51fed0-0000-4000-a000-{number:012}" for number in range(5)]
    for session in sessions:
        one.put(path_of(session), lines(prompt(1), answer(2, message="msg_x", output=1), answer(3, message="msg_x", output=70)))
    found = [timeline.session(one.store, session).tokens for session in sessions]
    assert [tokens.messages for tokens in found] == [1, 0, 0, 0, 0]
    assert [tokens.duplicates for tokens in found] == [0, 1, 1, 1, 1]
    assert sum(tokens.output for tokens in found) == 70
    one.put(path_of(sessions[0]), lines(prompt(1)))  # the one that counted it holds it no more
    assert sum(timeline.session(one.store, session).tokens.output for session in sessions) == 70


# The index


def test_every_event_is_found_by_any_of_its_words(corpus: Path, one: Shelf) -> None:
    dice = chance("words")
    files = [path for path in sorted((corpus / "claude" / "projects").rglob("*.*")) if path.stat().st_size < 1_000_000]
    for path in dice.sample(files, min(len(files), times(200))):
        one.put(str(path), path.read_bytes())
    one.store.settle()
    all_of_them = [EventRow._make(row) for row in one.store.rows(f"SELECT {COLUMNS} FROM event ORDER BY source, offset")]
    reading = Reading(one.store)
    assert all_of_them
    found = "SELECT 1 FROM event_index WHERE event_index MATCH :word AND rowid = :id"
    for row in all_of_them[:: 1 + len(all_of_them) // times(10_000)]:
        if words := tokens(reading.text(row)):
            word = dice.choice(words)
            assert one.store.value(found, word=f'text:"{word}"', id=row.id), (row, word)


# Row ids


def rows(shelf: Shelf) -> list[tuple[int, int]]:
    """(id, number of the prompt) of all events, in the order of their ids."""
    found = shelf.store.rows("SELECT id, record FROM event ORDER BY id")
    return [(row[0], row[1]) for row in found]


def test_ids_ascend_with_time_across_sources(one: Shelf) -> None:
    dice = chance("times")
    numbers = list(range(3000))
    dice.shuffle(numbers)
    for start in range(0, 3000, 500):
        session = f"de51fed0-0000-4000-b000-{start:012}"
        one.put(path_of(session), lines(*(prompt(number) for number in numbers[start : start + 500])))
    at = [row[0] for row in one.store.rows("SELECT id FROM event ORDER BY id")]
    assert len(at) == 3000
    assert [second_of(event) for event in at] == [AT + number for number in range(3000)]


def test_a_full_second_spills_into_the_next(one: Shelf) -> None:
    count = COUNTERS + 500
    same = [prompt(number, timestamp="2026-02-05T10:00:00.000Z") for number in range(count)]
    one.put(path_of(ONE), lines(*same))
    others = [prompt(9000, timestamp="2026-02-05T10:00:01.000Z"), prompt(9001, timestamp="2026-02-05T10:00:00.500Z")]
    one.put(path_of(TWO), lines(*others))
    found = [row[0] for row in rows(one)]
    assert len(set(found)) == count + 2
    assert {second_of(event) - second_of(found[0]) for event in found} == {0, 1}
    entries, _ = timeline.events(one.store, TWO, (), "", 10, 10**6)
    assert [entry.at % 60_000 for entry in entries] == [1000, 500]  # as written, whatever the id says


def test_impossible_times_sort_within_bounds_and_are_shown_as_written(one: Shelf) -> None:
    wrong = ["1970-01-01T00:00:00.000Z", "2999-12-31T23:59:59.000Z", "2026-02-05T10:00:00.000Z"]
    one.put(path_of(ONE), lines(*(prompt(number, timestamp=at) for number, at in enumerate(wrong, 1))))
    assert {second_of(event) for event, _ in rows(one)} == {EPOCH, NOW // 1000 + 86_400, AT}
    entries, _ = timeline.events(one.store, ONE, (), "", 10, 10**6)
    assert [entry.at for entry in entries] == [0, 32_503_679_999_000, AT * 1000]


def test_an_event_without_a_time_takes_that_of_its_neighbours(one: Shelf) -> None:
    without = [prompt(number, timestamp=None) for number in (1, 3)]
    one.put(path_of(ONE), lines(without[0], prompt(2), without[1]))
    assert len({second_of(event) for event, _ in rows(one)}) == 1
    one.put(path_of(TWO), lines(prompt(9, timestamp=None)), mtime=1_600_000_000_000)
    assert second_of(rows(one)[0][0]) == 1_600_000_000


# The file itself


def test_a_newer_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    for statement in ("PRAGMA user_version = 99", f"UPDATE derived SET version = {DERIVED + 1}"):
        file = tmp_path / f"{len(statement)}.db"
        with shelf(file) as made:
            made.put(path_of(ONE), lines(prompt(1)))
        with sqlite3.connect(file) as beside:
            beside.execute(statement)
        beside.close()
        before = file.read_bytes()
        with pytest.raises(NewerDatabase):
            open_store(str(file))
        assert file.read_bytes() == before


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "theirs.db"
    with sqlite3.connect(file) as theirs:
        theirs.execute("PRAGMA application_id = 7")
        theirs.execute("CREATE TABLE source (theirs)")
    theirs.close()
    with sqlite3.connect(tmp_path / "nameless.db") as theirs:
        theirs.execute("CREATE TABLE theirs (id)")
    theirs.close()
    (tmp_path / "text.db").write_text("this is no database at all, " * 50)
    for name in ("theirs.db", "nameless.db", "text.db"):
        before = (tmp_path / name).read_bytes()
        with pytest.raises(ZergError, match=name):
            open_store(str(tmp_path / name))
        assert (tmp_path / name).read_bytes() == before


def test_an_older_schema_of_what_is_derived_is_made_anew(one: Shelf) -> None:
    fill(one)
    one.store.settle()
    before = derived(one.file)
    one.close()
    with sqlite3.connect(one.file) as beside:
        beside.execute("UPDATE derived SET version = 0")
    beside.close()
    with shelf(one.file) as again:
        with pytest.raises(NotFound):
            timeline.session(again.store, ONE)
        work = upkeep(again)
        while work.step():
            pass
        assert {row[0] for row in derived(one.file)["session"]} == {row[0] for row in before["session"]}
        assert len(derived(one.file)["event"]) == len(before["event"])


class Failing(SqliteStore):
    """A store whose migration fails when all of its statements are done, short of its number."""

    def script(self, name: str) -> None:
        super().script(name)
        raise ZergError("the power went away")


def test_a_migration_and_its_number_come_together_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "zerg.db"
    with pytest.raises(ZergError, match="power"):
        Failing(file)
    with sqlite3.connect(file) as beside:
        assert beside.execute("PRAGMA user_version").fetchone() == (0,)
        assert beside.execute("SELECT name FROM sqlite_master").fetchall() == []
    beside.close()
    open_store(str(file)).close()


class Next(SqliteStore):
    """The store of a later zerg, with one migration more."""

    def script(self, name: str) -> None:
        if name == "0002_next":
            self.run("CREATE TABLE next (id INTEGER PRIMARY KEY)")
        else:
            super().script(name)


def test_an_upgrade_keeps_the_facts_and_a_copy_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "zerg.db"
    with shelf(file) as made:
        fill(made)
    before = facts(file)
    monkeypatch.setattr(sqlite, "MIGRATIONS", ("0001_facts", "0002_next"))
    for _ in range(2):
        Next(file).close()
    assert facts(file) == before == facts(tmp_path / "zerg.db.bak-1")
    with sqlite3.connect(file) as beside:
        assert beside.execute("PRAGMA user_version").fetchone() == (2,)
    beside.close()
    if os.name == "posix":
        assert [each.stat().st_mode & 0o777 for each in (file, tmp_path / "zerg.db.bak-1")] == [0o600, 0o600]
