"""HTML that is safe by construction: text enters through `text`, `tag` or `link`, and all of them escape it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import NewType

Html = NewType("Html", str)  # markup; whatever is not Html is text and has yet to be escaped
NOTHING = Html("")
VOID = frozenset({"br", "hr", "img", "input"})
WEB = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)  # the only addresses that a transcript may link to


def text(value: str) -> Html:
    """`value` as it reads; NUL, which HTML cannot hold, becomes U+FFFD."""
    return Html(escape(value.replace("\0", "\ufffd")))


def join(parts: Iterable[Html]) -> Html:
    """The parts, one after the other."""
    return Html("".join(parts))


def tag(name: str, *children: Html, **attributes: str | int | bool | None) -> Html:
    """An element. Attributes are spelt `class_="a"`, `data_id="b"`; None and False leave one out, True writes its bare name."""
    opening = f"<{name}{''.join(_attribute(key, value) for key, value in attributes.items())}>"
    return Html(opening if name in VOID else f"{opening}{''.join(children)}</{name}>")


def link(address: str, label: Html, class_: str | None = None) -> Html:
    """A link out of a transcript: to the web or by mail; any other address is shown in a tooltip and leads nowhere."""
    if WEB.match(address):
        return tag("a", label, href=address, rel="noopener noreferrer", class_=class_)
    return tag("span", label, class_="reference", title=address)


def _attribute(key: str, value: str | int | bool | None) -> str:
    name = key.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{text(str(value))}"'
