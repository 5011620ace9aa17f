"""The pages as programs see them: every route through the whole application, checked against WSGI and for hostile text."""

from __future__ import annotations

import contextlib
import io
import re
import time
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple, cast
from urllib.parse import unquote
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from zerg import config, demo
from zerg.demo.scribe import Scribe
from zerg.events import named_session
from zerg.ingest import Push
from zerg.store import Store, open_store
from zerg.web import app
from zerg.web.site import Site

NOW = 1_770_000_000.0
SESSION = named_session("demo", "pages")
EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(1)> [a](javascript:alert(1)) ![b](https://evil.example/x.png)"


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]  # by lower-case name
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Browser:
    """Asks the application in this process; what it answers must be valid WSGI."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.app = validator(app.make(site))

    def get(self, address: str, **headers: str) -> Reply:
        path, _, query = address.partition("?")
        environ: dict[str, Any] = {
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(path, "latin-1"),
            "QUERY_STRING": query,
            "wsgi.input": io.BytesIO(),
        }
        environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
        setup_testing_defaults(environ)
        status, headers = "", dict[str, str]()

        def start(line: str, pairs: list[tuple[str, str]], trouble: Any = None, /) -> Callable[[bytes], object]:
            nonlocal status, headers
            status, headers = line, {name.lower(): value for name, value in pairs}
            return io.BytesIO().write

        with contextlib.closing(cast(Any, self.app(environ, start))) as body:
            content = b"".join(body)
        return Reply(int(status[:3]), headers, content)


class Page(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.words += data

    def values(self, name: str) -> list[str]:
        return [attributes[name] for _, attributes in self.tags if name in attributes]

    def links(self) -> list[str]:
        return [attributes["href"] for tag, attributes in self.tags if tag == "a" and "href" in attributes]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(str(tmp_path / "zerg.db"))
    yield store
    store.close()


@pytest.fixture
def browser(store: Store) -> Browser:
    return Browser(Site(config.load({"server.timezone": "UTC"}), store, shipping=False))


def archive(browser: Browser, folder: Path) -> None:
    """Bring in all files below `folder`."""
    for file in sorted(folder.rglob("*.*"), key=lambda file: "subagents" not in file.parts):
        data = file.read_bytes()
        push = Push("claude", "m1", str(file), 1, 0, len(data), int(NOW * 1000), data)
        browser.site.ingest.push(push, int(NOW * 1000))
    browser.site.store.settle()


def told() -> Scribe:
    """The session SESSION to write; `keep` archives it."""
    return Scribe("pages", NOW, cwd="/home/ada/shop")


def keep(browser: Browser, scribe: Scribe, tmp_path: Path) -> None:
    scribe.save(tmp_path / "projects")
    archive(browser, tmp_path / "projects")


def evil_session(tmp_path: Path, browser: Browser) -> None:
    """Everything that a transcript can say, said by an attacker."""
    scribe = Scribe("pages", NOW, cwd=f"/home/{EVIL}", branch=EVIL, model=EVIL)
    scribe.title(EVIL)
    scribe.prompt(EVIL)
    scribe.think(EVIL)
    scribe.say(EVIL)
    scribe.bash(EVIL, EVIL, what=EVIL, error=1)
    scribe.edit(EVIL, EVIL, "x")
    scribe.todo(1, EVIL, EVIL)
    scribe.slash("/evil", EVIL, arguments=EVIL)
    scribe.compact(EVIL)
    scribe.retry(1)
    keep(browser, scribe, tmp_path)


def assert_tame(markup: str) -> None:
    page = Page(markup)
    for tag, attributes in page.tags:
        assert tag not in ("style", "iframe", "object", "embed", "base"), tag
        assert not any(name.startswith("on") or name == "style" for name in attributes), attributes
        if tag == "script":
            assert attributes["src"].startswith("/static/")
        for name in ("href", "src", "action"):
            assert re.match(r"#|/(?!/)|https?://|mailto:", attributes.get(name, "/")), attributes
    assert "<script>" not in markup
    ids = page.values("id")
    assert len(ids) == len(set(ids)), "an id stands twice"


@pytest.mark.parametrize(
    "address", ["/", "/?noise=1", f"/s/{SESSION}", f"/s/{SESSION}?partial=1", "/?q=alert", "/?q=%3Cscript%3E", "/stats"]
)
def test_a_hostile_transcript_stays_text_on_every_page(address: str, browser: Browser, tmp_path: Path) -> None:
    evil_session(tmp_path, browser)
    reply = browser.get(address)
    assert reply.status == 200
    assert_tame(reply.text)


@pytest.mark.parametrize(
    "address",
    ["/?project=%22%3E%3Cscript%3E", "/?cursor=x", "/?after=0000-99-99&before=x", "/?q=%00", "/s/%3Cscript%3E", "/nowhere"],
)
def test_hostile_addresses_get_tame_answers(address: str, browser: Browser) -> None:
    reply = browser.get(address)
    assert reply.status in (200, 400, 404)
    assert_tame(reply.text)


def test_an_empty_archive_tells_a_newcomer_what_to_do(browser: Browser) -> None:
    assert "No sessions yet" in browser.get("/").text


def test_while_the_import_has_not_begun_the_page_says_so(store: Store) -> None:
    browser = Browser(Site(config.load({"server.timezone": "UTC"}), store, shipping=True))
    reply = browser.get("/")
    assert "<progress" in reply.text and "transcripts are being read" in reply.text


def test_every_link_leads_somewhere(browser: Browser, tmp_path: Path) -> None:
    demo.transcripts(tmp_path / "projects", NOW)
    archive(browser, tmp_path / "projects")
    seen: set[str] = set()
    waiting = ["/", "/stats", "/?q=test"]
    while waiting:
        address = waiting.pop()
        if address in seen or len(seen) > 400:
            continue
        seen.add(address)
        reply = browser.get(address)
        assert reply.status == 200, address
        if reply.headers["content-type"].startswith("text/html"):
            assert_tame(reply.text)
            waiting += [link for link in Page(reply.text).links() if link.startswith("/") and not link.startswith("//")]
    assert any("/image/" in address for address in seen) and any("/text/" in address for address in seen)


def test_filters_narrow_the_timeline_and_stay_in_the_address(browser: Browser, tmp_path: Path) -> None:
    demo.transcripts(tmp_path / "projects", NOW)
    archive(browser, tmp_path / "projects")
    everything = Page(browser.get("/").text)
    project = next(link for link in everything.links() if link.startswith("/?project="))
    rows = [value for value in everything.values("class") if value == "row"]
    narrowed = Page(browser.get(project).text)
    assert 0 < len([value for value in narrowed.values("class") if value == "row"]) < len(rows)
    assert "/" in narrowed.links() and "chip on" in narrowed.values("class")


def test_the_chart_links_to_days_that_have_sessions(browser: Browser, tmp_path: Path) -> None:
    scribe = told()
    scribe.prompt("hello")
    keep(browser, scribe, tmp_path)
    link = next(link for link in Page(browser.get("/").text).links() if "after=" in link)
    assert "hello" in browser.get(link).text
    day = time.strftime("%Y-%m-%d", time.gmtime(NOW))
    assert link == f"/?after={day}&before={day}"


def test_a_poll_is_answered_304_until_something_changes(browser: Browser, tmp_path: Path) -> None:
    first = browser.get("/?partial=1")
    again = browser.get("/?partial=1", if_none_match=first.headers["etag"])
    assert (again.status, again.body) in ((304, b""), (200, first.body))  # 200 where a minute has passed between them
    scribe = told()
    scribe.prompt("hello")
    keep(browser, scribe, tmp_path)
    assert browser.get("/?partial=1", if_none_match=first.headers["etag"]).status == 200


def test_a_long_session_loads_in_both_directions_without_gap_or_repetition(browser: Browser, tmp_path: Path) -> None:
    scribe = told()
    for number in range(180):
        scribe.prompt(f"prompt number {number}")
        scribe.say(f"answer number {number}")
    keep(browser, scribe, tmp_path)
    forward = walk(browser, f"/s/{SESSION}", "after")
    assert forward == [f"prompt number {number}" for number in range(180)]
    last = Page(browser.get(f"/s/{SESSION}").text).values("data-event")[-1].removeprefix("e")
    backward = walk(browser, f"/s/{SESSION}?at={last}", "before")
    assert sorted(set(backward)) == sorted(forward) and len(backward) == len(forward)


def walk(browser: Browser, address: str, way: str) -> list[str]:
    """The prompts of a session, following its edges."""
    found = []
    while address:
        text = browser.get(address).text
        found += re.findall(r'class="said">(prompt number \d+)<', text)
        edge = re.search(rf'data-edge="{way}"><a href="([^"]+)"', text)
        address = edge[1].replace("&amp;", "&") if edge else ""
    return found


def test_the_end_of_a_session_says_where_to_poll_for_more(browser: Browser, tmp_path: Path) -> None:
    scribe = told()
    scribe.prompt("first words")
    keep(browser, scribe, tmp_path)
    page = Page(browser.get(f"/s/{SESSION}").text)
    tail = page.values("data-after")[0]
    assert Page(browser.get(tail + "&partial=1").text).values("data-kind") == []
    scribe.say("further words")
    keep_grown(browser, scribe, tmp_path)
    fresh = browser.get(tail + "&partial=1")
    assert "further words" in fresh.text and "first words" not in fresh.text


def keep_grown(browser: Browser, scribe: Scribe, tmp_path: Path) -> None:
    """Archive what was added to a session that is archived already."""
    file = scribe.save(tmp_path / "projects")
    data = file.read_bytes()
    known = browser.site.store.value("SELECT max(offset) FROM source")
    browser.site.ingest.push(Push("claude", "m1", str(file), 1, known, len(data), int(NOW * 1000), data[known:]), int(NOW * 1000))
    browser.site.store.settle()


def test_kinds_can_be_chosen(browser: Browser, tmp_path: Path) -> None:
    scribe = told()
    scribe.prompt("hello")
    scribe.think("hm")
    scribe.bash("ls", "a file", what="List")
    keep(browser, scribe, tmp_path)
    assert Page(browser.get(f"/s/{SESSION}?kind=thinking").text).values("data-kind") == ["thinking"]
    assert Page(browser.get(f"/s/{SESSION}?kind=talk,tools").text).values("data-kind") == ["prompt", "tool_call"]


def test_a_link_to_an_event_opens_there(browser: Browser, tmp_path: Path) -> None:
    scribe = told()
    scribe.prompt("hello")
    scribe.bash("ls", "a file", what="List")
    keep(browser, scribe, tmp_path)
    anchors = re.findall(r'id="e([\d-]+)" class="anchor"', browser.get(f"/s/{SESSION}").text)
    assert f'id="e{anchors[0]}" class="anchor found"' in browser.get(f"/s/{SESSION}?at={anchors[0]}").text


def test_images_come_as_images_and_texts_as_text(browser: Browser, tmp_path: Path) -> None:
    scribe = told()
    picture = bytes.fromhex("89504e470d0a1a0a") + b"<script>"
    scribe.prompt("look", image=picture)
    scribe.bash("seq 500", "\n".join(map(str, range(500))) + "<b>", what="Count")
    keep(browser, scribe, tmp_path)
    page = Page(browser.get(f"/s/{SESSION}").text)
    image = browser.get(page.values("src")[-1])
    assert (image.headers["content-type"], image.body) == ("image/png", picture)
    whole = browser.get(next(link for link in page.links() if "/text/" in link))
    assert whole.headers["content-type"] == "text/plain; charset=utf-8" and whole.text.endswith("499<b>")
    assert image.headers["x-content-type-options"] == whole.headers["x-content-type-options"] == "nosniff"
    assert browser.get(page.values("src")[-1].rpartition("/")[0] + "/7").status == 404


def test_search_marks_hits_and_leads_to_them(browser: Browser, tmp_path: Path) -> None:
    scribe = told()
    scribe.prompt("where is the <needle> kept?")
    keep(browser, scribe, tmp_path)
    reply = browser.get("/?q=needle")
    assert "&lt;<mark>needle</mark>&gt;" in reply.text and "1 hit in 1 session" in reply.text
    hit = next(link for link in Page(reply.text).links() if "at=" in link)
    opened = browser.get(hit)
    assert "needle" in opened.text and "found" in opened.text and "[&quot;needle&quot;]" in opened.text
    assert "Nothing contains that" in browser.get("/?q=haystack").text


def test_typing_finds_words_that_are_not_finished(browser: Browser, tmp_path: Path) -> None:
    scribe = told()
    scribe.prompt("needlework")
    keep(browser, scribe, tmp_path)
    assert "Nothing contains" in browser.get("/?q=need&partial=1").text
    assert "<mark>needlework</mark>" in browser.get("/?q=need&partial=1&typing=1").text


def test_static_files_are_kept_for_ever_under_their_digest(browser: Browser) -> None:
    page = Page(browser.get("/").text)
    addresses = [value for name in ("href", "src") for value in page.values(name) if value.startswith("/static/")]
    assert len(addresses) == 4
    for address in addresses:
        reply = browser.get(address)
        assert reply.status == 200 and "immutable" in reply.headers["cache-control"]
    assert "immutable" not in browser.get("/static/0000/app.css").headers["cache-control"]
    assert browser.get("/static/0000/../app.css").status == 404


def test_a_page_weighs_little_before_its_content(browser: Browser) -> None:
    page = browser.get("/")
    scripts = [f"/static/x/js/{file.name}" for file in (Path(app.__file__).parent.parent / "static" / "js").iterdir()]
    weight = len(page.body) + sum(len(browser.get(address).body) for address in ["/static/x/app.css", *scripts])
    assert weight <= 150_000


def test_what_is_not_there_is_a_page_of_ours(browser: Browser) -> None:
    reply = browser.get("/s/unknown")
    assert reply.status == 404 and "Back to the Timeline" in reply.text
