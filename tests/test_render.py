"""Rendering: hostile text stays text, and what each kind of event and tool shows."""

from __future__ import annotations

import re
from datetime import UTC, date
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zerg.archive import Entry
from zerg.events import Kind
from zerg.render import ansi, card, chart, code, conversation, diff, lines, moment, prose, quantity, strip
from zerg.render.code import Ink
from zerg.render.html import Html, link, tag, text

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "[a](javascript:alert(1)) [b](data:text/html,x) [c](vbscript:x) [d](//evil.example/x)",
    "![a](https://evil.example/x.png) ![b](data:image/svg+xml,<svg onload=alert(1)>)",
    '<a href="https://evil.example" onclick="x">x</a> <https://ok.example/?a="b>',
    "```html\n<iframe src=https://evil.example></iframe>\n```",
    '```"onload=alert(1)\nx\n```',
    "\x1b[31m<b>\x1b]0;<i>\x07\x1b[38;2;1;2",
    "&lt;script&gt; \0 \u202e gnirts",
    "<style>*{display:none}</style><link rel=stylesheet href=//evil.example>",
)
SAFE_TAGS = frozenset(
    [
        "a",
        "article",
        "aside",
        "b",
        "blockquote",
        "br",
        "code",
        "del",
        "details",
        "div",
        "em",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "i",
        "img",
        "li",
        "ol",
        "p",
        "path",
        "pre",
        "s",
        "span",
        "strong",
        "summary",
        "svg",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "time",
        "tr",
        "ul",
    ]
)


class Inspector(HTMLParser):
    """Collects what a browser would make of markup."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)


def assert_harmless(markup: str) -> None:
    found = Inspector(markup)
    assert set(found.tags) <= SAFE_TAGS
    for name, value in found.attributes:
        assert not name.startswith("on") and name not in ("style", "srcset", "srcdoc", "action", "formaction"), name
        if name == "href":
            assert re.match(r"https?://|mailto:|/s/", value, re.IGNORECASE), value
        if name == "src":
            assert value.startswith("/s/"), value


def entry(kind: Kind, words: str = "", **more: Any) -> Entry:
    values: dict[str, Any] = {
        "id": "1-0-0",
        "kind": kind,
        "at": 1_770_000_000_000,
        "text": words,
        "tool": "",
        "call": "",
        "error": False,
        "label": "",
        "model": "",
        "image": False,
        "data": {},
        "source": 1,
        "offset": 0,
        "length": len(words),
    }
    return Entry(**values | more)


def shown(*entries: Entry, **view: Any) -> str:
    return conversation.html(entries, conversation.View("sid", UTC, **view))


def used(tool: str, given: Any, output: str | None = "", **result: Any) -> str:
    """The card of a call and, unless `output` is None, its result."""
    call = entry(Kind.TOOL_CALL, "", tool=tool, call="c1", data={"input": given})
    if output is None:
        return shown(call)
    return shown(call, results={"c1": [entry(Kind.TOOL_RESULT, output, tool=tool, call="c1", id="1-9-0", **result)]})


# Safety


@pytest.mark.parametrize("words", HOSTILE)
@pytest.mark.parametrize("kind", list(Kind))
def test_hostile_text_stays_text_in_every_kind_of_event(kind: Kind, words: str) -> None:
    assert_harmless(shown(entry(kind, words, label=words, tool=words)))


@pytest.mark.parametrize("words", HOSTILE)
@pytest.mark.parametrize(
    "tool",
    ["Bash", "Read", "Write", "Edit", "Grep", "WebFetch", "WebSearch", "TodoWrite", "Task", "ExitPlanMode", "mcp__a__b", "x"],
)
def test_hostile_text_stays_text_in_every_card(tool: str, words: str) -> None:
    names = (
        "command",
        "description",
        "file_path",
        "old_string",
        "new_string",
        "content",
        "pattern",
        "path",
        "url",
        "prompt",
        "query",
        "plan",
        words,
    )
    given = dict.fromkeys(names, words) | {"todos": [{"content": words, "status": words}]}
    assert_harmless(used(tool, given, words))
    assert_harmless(used(tool, given, words, error=True))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
KNOWN = st.sampled_from(
    ["file_path", "edits", "todos", "questions", "command", "content", "structuredPatch", "lines", "plan", "numFiles", "oldStart"]
)


FACED = st.sampled_from([*card.FACES, "mcp__", "mcp__a", "mcp__a__b", ""])
OBJECT = st.dictionaries(KNOWN, JSON) | JSON


@given(FACED, OBJECT, OBJECT, st.text())
def test_a_card_takes_any_input_and_any_report(tool: str, given_input: Any, report: Any, output: str) -> None:
    assert_harmless(used(tool, given_input, output, data={"result": report, "images": [report]}))


@given(st.text())
def test_markdown_is_harmless_whatever_it_is(source: str) -> None:
    assert_harmless(prose.html(source, Ink()))


@given(st.text(alphabet="\x1b[]0123456789;:mKHJ\r\n\x07ab<"))
def test_terminal_output_is_harmless_and_loses_no_words(output: str) -> None:
    markup = ansi.html(output)
    assert_harmless(markup)
    assert "\x1b" not in markup


def test_attributes_are_escaped() -> None:
    assert tag("a", text("<"), title='"><script>', open=True, hidden=False) == '<a title="&quot;&gt;&lt;script&gt;" open>&lt;</a>'


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", " javascript:x", "//evil.example", "file:///etc/passwd", "/s/x"]
)
def test_only_the_web_is_linked(address: str) -> None:
    assert link(address, Html("x")).startswith("<span")


# Prose and code


def test_prose_renders_markdown_with_tame_headings_and_links() -> None:
    markup = prose.html("# One\n\nsee [this](https://example.org) and [file](src/a.py)\n\n|a|b|\n|-|-|\n|1|2|\n", Ink())
    assert "<h3>One</h3>" in markup
    assert '<a href="https://example.org" rel="noopener noreferrer">this</a>' in markup
    assert '<span class="reference" title="src/a.py">file</span>' in markup
    assert '<div class="scroll" tabindex="0"><table>' in markup


def test_code_is_highlighted_while_the_ink_lasts() -> None:
    source = "```python\nimport os\n```"
    assert '<span class="kn">import</span>' in prose.html(source, Ink())
    assert "<span" not in prose.html(source, Ink(0))


def test_ink_runs_out_and_refuses_long_blocks() -> None:
    ink = Ink(100)
    assert [ink.take(60), ink.take(60), ink.take(40), ink.take(1)] == [True, False, True, False]
    assert not Ink(10**9).take(code.LIMIT + 1)


def test_very_long_markdown_is_not_parsed() -> None:
    assert prose.html("*" * (prose.LIMIT + 1), Ink()).startswith('<pre class="output"')


# Terminal output


def test_colours_become_classes_and_the_rest_goes() -> None:
    assert ansi.html("\x1b[1;31mred\x1b[0m plain\x1b[2K") == '<span class="b f1">red</span> plain'
    assert ansi.html("\x1b[38;5;196mx\x1b[39my") == '<span class="f9">x</span>y'
    assert ansi.html("\x1b[38;2;0;128;0mx") == '<span class="f2">x</span>'


def test_a_progress_bar_shows_its_last_state() -> None:
    assert ansi.plain("a\n10%\r50%\r100%\r\ndone\n") == "a\n100%\r\ndone\n"


# Diffs


def test_difference_of_two_texts() -> None:
    found = diff.between("a\nb\nc\n", "a\nB\nc\nd\n")
    assert [(line.sign, line.text) for line in found] == [(" ", "a"), ("-", "b"), ("+", "B"), (" ", "c"), ("+", "d")]
    assert diff.tally(found) == "+2 −1"


def test_a_reported_patch_has_line_numbers() -> None:
    hunks = [
        {"oldStart": 10, "newStart": 10, "lines": [" a", "-b", "+c", "+d", " e"]},
        {"oldStart": 40, "newStart": 41, "lines": ["-z"]},
    ]
    assert [(line.sign, line.number) for line in diff.patched(hunks)] == [
        (" ", 10),
        ("-", 11),
        ("+", 11),
        ("+", 12),
        (" ", 13),
        ("@", 0),
        ("-", 40),
    ]


@given(st.text(alphabet="ab\n"), st.text(alphabet="ab\n"))
def test_a_difference_holds_all_that_changed(old: str, new: str) -> None:
    found = diff.between(old, new)
    removed = [line.text for line in found if line.sign == "-"]
    added = [line.text for line in found if line.sign == "+"]
    assert len(new.splitlines()) - len(old.splitlines()) == len(added) - len(removed)
    assert bool(found) == (old.splitlines() != new.splitlines())


# Long text


def test_long_output_is_cut_with_a_way_to_the_rest() -> None:
    markup = used("Bash", {"command": "seq 500"}, "\n".join(map(str, range(500))))
    assert '<a href="/s/sid/text/1-9-0" class="more" data-whole>show all 500 lines' in markup
    assert "499" not in Inspector(markup).text


def test_a_short_rest_is_shown_at_once() -> None:
    assert lines.cut("x\n" * (lines.LINES + 4)) == ("x\n" * (lines.LINES + 4), False)


# Cards


def test_bash_says_how_it_ended() -> None:
    markup = used("Bash", {"command": "make test", "description": "Run tests"}, "Exit code 2\nno rule", error=True)
    assert "exit 2" in markup and 'class="tool bad"' in markup and "<details" in markup and " open" in markup
    assert "Run tests" in Inspector(markup).text


def test_a_short_command_stands_in_the_line_only_and_its_exit_code_too() -> None:
    words = Inspector(used("Bash", {"command": "make test"}, "Exit code 2\nno rule", error=True)).text
    assert words.count("make test") == 1 and words.count("xit code") == 0
    assert Inspector(used("Bash", {"command": "make \\\ntest"}, "")).text.count("make") == 2


def test_read_shows_line_numbers_that_are_not_text() -> None:
    markup = used("Read", {"file_path": "/a/b.py", "offset": 7}, "     7→import os\n     8→\n     9→x = '<'\n")
    assert 'data-n="7"' in markup and 'data-n="9"' in markup and "→" not in markup
    assert "/a/b.py:7" in markup and "<details" in markup


def test_edit_shows_its_difference() -> None:
    markup = used("Edit", {"file_path": "a.py", "old_string": "x = 1", "new_string": "x = 2"})
    assert '<span class="del">-x = 1' in markup and '<span class="add">+x = 2' in markup and "+1 −1" in markup


def test_multi_edit_shows_every_difference() -> None:
    edits = [{"old_string": "a", "new_string": "b"}, {"old_string": "c", "new_string": "d"}]
    assert "+2 −2" in used("MultiEdit", {"file_path": "a.py", "edits": edits})


def test_todo_is_a_checklist() -> None:
    markup = used(
        "TodoWrite", {"todos": [{"content": "one", "status": "completed"}, {"content": "two", "status": "in_progress"}]}
    )
    assert '<li class="done">one</li><li class="doing">two</li>' in markup and "1 of 2" in markup


def test_unknown_and_mcp_tools_show_their_input_as_json() -> None:
    assert "&quot;deep&quot;: true" in used("FutureTool", {"deep": True})
    assert "<b>get_issue</b>" in used("mcp__linear-server__get_issue", {"id": "Z-1"})


def test_a_call_without_a_result_says_so() -> None:
    assert "no result" in used("Bash", {"command": "sleep 9"}, None)


def test_a_result_without_its_call_is_still_shown() -> None:
    assert "lost words" in shown(entry(Kind.TOOL_RESULT, "lost words", call="c9"))


def test_a_result_is_part_of_its_calls_card_and_can_be_linked_to() -> None:
    call = entry(Kind.TOOL_CALL, tool="Bash", call="c1", data={"input": {"command": "ls"}})
    result = entry(Kind.TOOL_RESULT, "file", tool="Bash", call="c1", id="1-50-0")
    markup = shown(call, result, results={"c1": [result]})
    assert markup.count("<article") == 1 and 'id="e1-50-0"' in markup


# Conversation


def test_images_come_from_the_archive_and_only_as_known_types() -> None:
    images = [{"media_type": "image/png", "path": ["a"]}, {"media_type": "image/svg+xml", "path": ["b"]}]
    markup = shown(entry(Kind.PROMPT, "look", image=True, data={"images": images}))
    assert 'src="/s/sid/image/1-0-0/0"' in markup and "image/1-0-0/1" not in markup


def test_the_event_that_was_asked_for_is_marked() -> None:
    assert 'class="block prompt found"' in shown(entry(Kind.PROMPT, "x"), at="1-0-0")


# Pictures and words


def test_a_strip_stays_small_and_says_what_it_shows() -> None:
    picture = strip.svg("pththt" * 40)
    assert len(picture) < 4096 and "40 prompts" in picture and "style" not in picture


def test_a_strip_ignores_letters_it_does_not_know() -> None:
    assert strip.svg('"><script>') == strip.svg("cpt")


def test_bars_follow_the_length_of_the_range() -> None:
    spans = [(date(2026, 1, 1), "day"), (date(2026, 6, 1), "week"), (date(2031, 1, 1), "month")]
    for last, unit in spans:
        found, bars = chart.bars([(date(2026, 1, 1), 2), (last, 3)])
        assert found == unit and sum(bar.value for bar in bars) == 5 and len(bars) <= chart.BARS
    assert chart.bars([]) == ("day", [])


def test_few_days_do_not_fill_the_chart_unless_they_were_chosen() -> None:
    assert len(chart.bars([(date(2026, 1, 1), 2)])[1]) == chart.LEAST
    assert len(chart.bars([(date(2026, 1, 1), 2)], least=1)[1]) == 1


def test_every_bar_with_sessions_is_a_link() -> None:
    _, bars = chart.bars([(date(2026, 1, 1), 2), (date(2026, 1, 3), 1)])
    picture = chart.svg(bars, lambda bar: f"/?after={bar.first}&before={bar.last}")
    assert picture.count("<a ") == 2 and 'href="/?after=2026-01-01&amp;before=2026-01-01"' in picture and "2 sessions" in picture


def test_numbers_as_people_read_them() -> None:
    assert [quantity.duration(ms) for ms in (400, 42_000, 840_000, 10_320_000, 273_600_000)] == [
        "0.4 s",
        "42 s",
        "14 min",
        "2 h 52",
        "3 d 4 h",
    ]
    assert [quantity.money(amount) for amount in (None, 0, 10, 13_940_000)] == ["", "$0.00", "<$0.01", "$13.94"]
    assert [quantity.short(number) for number in (940, 12_345, 4_100_000)] == ["940", "12.3k", "4.1M"]
    assert quantity.plural(1, "prompt") == "1 prompt" and quantity.plural(1200, "prompt") == "1,200 prompts"


def test_times_carry_utc_for_the_browser() -> None:
    assert 'datetime="2026-02-02T02:40:00.000Z"' in moment.clock(1_770_000_000_000, UTC)
    assert moment.clock(None, UTC) == ""
