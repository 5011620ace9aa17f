"""A window of a session as HTML: one block per event, a tool call and its result as one card, subagents nested."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from typing import Any, NamedTuple

from zerg.archive import Entry
from zerg.events import Kind
from zerg.render import ansi, card, lines, moment, prose, strip
from zerg.render.code import Ink
from zerg.render.html import NOTHING, Html, join, tag, text
from zerg.render.quantity import plural, size
from zerg.store.session import Session

ANSWERS = (Kind.TOOL_RESULT, Kind.OUTPUT)
PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})  # what is served as an image; SVG can carry script


class View(NamedTuple):
    """What blocks need to know beyond their own entry."""

    session: str  # id
    zone: tzinfo
    results: Mapping[str, Sequence[Entry]] = {}  # results and spilled output by the call that they answer
    agents: Mapping[str, Session] = {}  # subagents by the call that started them
    ink: Ink = Ink(0)
    at: str = ""  # id of the event that the reader came for
    folder: str = ""  # where the agent worked: files below it are shown relative to it

    def whole(self, entry: Entry | None) -> str:
        """Where the whole text of an entry is."""
        return f"/s/{self.session}/text/{entry.id}" if entry else ""


def html(entries: Sequence[Entry], view: View) -> Html:
    """The entries as blocks, in their order. A result is part of its call's card and has a block only where that is missing."""
    calls = {entry.call for entry in entries if entry.kind is Kind.TOOL_CALL}
    shown = (entry for entry in entries if entry.kind not in ANSWERS or entry.call not in calls)
    return join(_block(entry, view) for entry in shown)


def _block(entry: Entry, view: View) -> Html:
    classes = f"block {entry.kind}" + (f" {entry.label}" if entry.label.isidentifier() else "")
    classes += " found" if entry.id == view.at else ""
    return tag("article", BLOCKS[entry.kind](entry, view), id=f"e{entry.id}", class_=classes, data_kind=str(entry.kind))


def _by(entry: Entry, view: View, who: str) -> Html:
    """Who speaks, when, and the way to link to it."""
    here = tag("a", moment.clock(entry.at, view.zone), href=f"/s/{view.session}?at={entry.id}", class_="here")
    queued = tag("span", text("queued"), class_="note") if entry.label == "queued" else NOTHING
    return tag("header", tag("b", text(who)), here, queued, class_="by")


def _prompt(entry: Entry, view: View) -> Html:
    return join((_by(entry, view, "Task" if entry.label == "task" else "You"), _long(entry, view, "said"), _images(entry, view)))


def _answer(entry: Entry, view: View) -> Html:
    return tag("div", prose.html(entry.text, view.ink), class_="prose")


def _thinking(entry: Entry, view: View) -> Html:
    return _fold("Thinking", entry, view, tag("div", prose.html(entry.text, view.ink), class_="prose"))


def _call(entry: Entry, view: View) -> Html:
    found = view.results.get(entry.call, ())
    result = next((one for one in found if one.kind is Kind.TOOL_RESULT), None)
    spilled = [one for one in found if one.kind is Kind.OUTPUT]
    return _card(entry, result, view, spilled)


def _result(entry: Entry, view: View) -> Html:
    """A result whose call is not in the window."""
    return _card(None, entry, view)


def _card(call: Entry | None, result: Entry | None, view: View, spilled: Sequence[Entry] = ()) -> Html:
    came = view.at != "" and view.at in [entry.id for entry in (call, result, *spilled) if entry]
    use = card.Use(call, result, view.whole(result), view.whole(call), view.ink, view.folder, came)
    agent = view.agents.get(call.call) if call else None
    anchors = [_anchor(entry, view) for entry in (result, *spilled) if call and entry]
    extra = [_images(result, view)] if result else []
    extra += [lines.output(ansi.printed(entry), view.whole(entry), entry.id == view.at) for entry in spilled]
    return join((*anchors, card.html(use, join(extra)), _agent(agent) if agent else NOTHING))


def _anchor(result: Entry, view: View) -> Html:
    """Where a link to a result leads: its call's card."""
    return tag("i", id=f"e{result.id}", class_="anchor found" if result.id == view.at else "anchor")


def _agent(agent: Session) -> Html:
    """The subagent that a call started: its picture, and all of it on demand."""
    facts = f"{agent.agent_type or 'subagent'} · {plural(agent.tool_calls, 'tool call')}"
    label = tag("summary", tag("b", text("Subagent")), tag("span", text(facts)), strip.svg(agent.strip))
    way = tag("a", text(agent.title or "open"), href=f"/s/{agent.id}", class_="follow")
    return tag("details", label, way, class_="nest", data_session=agent.id)


def _output(entry: Entry, view: View) -> Html:
    return _fold("Spilled output", entry, view, lines.output(ansi.printed(entry), view.whole(entry), entry.id == view.at))


def _command(entry: Entry, view: View) -> Html:
    return join((_by(entry, view, "Command"), lines.output(ansi.printed(entry), view.whole(entry))))


def _compaction(entry: Entry, view: View) -> Html:
    if entry.label != "summary":
        return tag("p", text("conversation compacted"), class_="boundary")
    body = tag("div", prose.html(entry.text, view.ink), class_="prose")
    return _fold("Summary of what came before", entry, view, body)


def _interrupt(entry: Entry, view: View) -> Html:
    return tag("p", text(entry.text.strip("[]") or "Interrupted"), class_="faint")


def _error(entry: Entry, view: View) -> Html:
    said = "Retried" if entry.label == "retry" else "API error"
    return join((_by(entry, view, said), _long(entry, view, "said")))


def _notice(entry: Entry, view: View) -> Html:
    name = entry.label.replace("_", " ").capitalize() or "Notice"
    return _fold(name, entry, view, lines.output(ansi.printed(entry), view.whole(entry), entry.id == view.at))


def _title(entry: Entry, view: View) -> Html:
    return tag("p", text(f"Titled “{entry.text}”"), class_="faint")


def _raw(entry: Entry, view: View) -> Html:
    said = {Kind.UNKNOWN: "Record of an unknown type", Kind.BROKEN: "Broken line", Kind.OVERSIZE: "Oversize line"}[entry.kind]
    return _fold(f"{said} · {size(entry.length)}", entry, view, lines.output(ansi.printed(entry), view.whole(entry)))


def _long(entry: Entry, view: View, class_: str) -> Html:
    shown, hidden = (ansi.plain(entry.text), False) if entry.id == view.at else lines.cut(ansi.plain(entry.text))
    return join((tag("div", text(shown), class_=class_), lines.rest(entry.text, hidden, view.whole(entry))))


def _fold(name: str, entry: Entry, view: View, body: Html) -> Html:
    """Closed until somebody wants it; its first words say whether that is worth it."""
    start = " ".join(entry.text[:400].split())[:160]
    label = tag("summary", tag("b", text(name)), tag("span", text(start)))
    return tag("details", label, body, class_="fold", open=entry.id == view.at)


def _images(entry: Entry, view: View) -> Html:
    found = entry.data.get("images")
    images = found if isinstance(found, (list, tuple)) else ()
    return join(_image(entry, view, number, image) for number, image in enumerate(images) if isinstance(image, Mapping))


def _image(entry: Entry, view: View, number: int, image: Mapping[str, Any]) -> Html:
    kind = str(image.get("media_type", ""))
    if kind not in PICTURES:
        return tag("p", text(f"attachment ({kind or 'unknown type'})"), class_="faint")
    address = f"/s/{view.session}/image/{entry.id}/{number}"
    picture = tag("img", src=address, alt=f"Image {number + 1} of this message", loading="lazy", decoding="async")
    return tag("a", picture, href=address, class_="picture")


BLOCKS: Mapping[Kind, Callable[[Entry, View], Html]] = {
    Kind.PROMPT: _prompt,
    Kind.ANSWER: _answer,
    Kind.THINKING: _thinking,
    Kind.TOOL_CALL: _call,
    Kind.TOOL_RESULT: _result,
    Kind.OUTPUT: _output,
    Kind.COMMAND: _command,
    Kind.COMPACTION: _compaction,
    Kind.INTERRUPT: _interrupt,
    Kind.ERROR: _error,
    Kind.NOTICE: _notice,
    Kind.TITLE: _title,
    Kind.UNKNOWN: _raw,
    Kind.BROKEN: _raw,
    Kind.OVERSIZE: _raw,
}
