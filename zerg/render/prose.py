"""Markdown as safe HTML: no raw HTML, links only to the web, pictures are never loaded from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping, Sequence
from functools import cache, lru_cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererProtocol
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from zerg.render import code, diff
from zerg.render.html import WEB, Html, link, tag, text

LIMIT = 128 * 1024  # characters; longer texts are shown as they are
BARE = re.compile(r"(https?://[^\s<>\"'`()\[\]{}]+[^\s<>\"'`()\[\]{}.,;:!?*])")  # an address in running text
KEPT = 32 * 1024  # characters; longer texts are not worth a place in the cache


def html(source: str, ink: code.Ink) -> Html:
    """`source` rendered; code in it is highlighted while `ink` lasts."""
    if len(source) > LIMIT:
        return tag("pre", text(source), class_="output", tabindex=0)
    lit = "```" in source and ink.take(min(len(source), code.LIMIT))
    return _kept(source, lit) if len(source) <= KEPT else _render(source, lit)


def _render(source: str, lit: bool) -> Html:
    return Html(_markdown().render(source.replace("\0", "\ufffd"), {"lit": lit}))


_kept = lru_cache(maxsize=256)(_render)


@cache
def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])
    markdown.validateLink = lambda url: True  # type: ignore[method-assign]  # `_tame` decides: a refused link stays readable
    markdown.core.ruler.push("tame", _tame)
    rules: dict[str, Any] = {"fence": _fence, "code_block": _fence, "image": _image, "table_open": _table, "table_close": _table}
    for name, rule in rules.items():
        markdown.add_render_rule(name, rule)
    return markdown


def _tame(state: StateCore) -> None:
    """Headings below those of the page, links to the web only."""
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + 2, 6)}"
        refused: list[bool] = []
        for child in token.children or ():
            if child.type == "link_open":
                refused.append(_aim(child))
            elif child.type == "link_close" and refused.pop():
                child.tag = "span"
        if token.children and "://" in token.content:
            token.children = list(_linked(token.children))


def _aim(token: Token) -> bool:
    """Make a link safe; True if it had to become a mere span."""
    address = str(token.attrGet("href") or "")
    if WEB.match(address):
        token.attrSet("rel", "noopener noreferrer")
        return False
    token.tag, token.attrs = "span", {"class": "reference", "title": address}
    return True


def _linked(tokens: Sequence[Token]) -> Iterator[Token]:
    """The tokens with bare addresses of the web made links, except inside of links."""
    depth = 0
    for token in tokens:
        depth += token.nesting if token.type in ("link_open", "link_close") else 0
        if token.type != "text" or depth or "://" not in token.content:
            yield token
            continue
        for position, piece in enumerate(BARE.split(token.content)):
            if position % 2:
                yield Token("link_open", "a", 1, attrs={"href": piece, "rel": "noopener noreferrer"})
            yield Token("text", "", 0, content=piece)
            if position % 2:
                yield Token("link_close", "a", -1)


def _fence(renderer: RendererProtocol, tokens: Sequence[Token], index: int, options: Any, env: MutableMapping[str, Any]) -> str:
    token = tokens[index]
    language = (token.info.split() or [""])[0].lower()
    if language in ("diff", "patch"):
        return diff.html(diff.parsed(token.content))
    return code.block(token.content.rstrip("\n"), language, bool(env.get("lit")))


def _image(renderer: RendererProtocol, tokens: Sequence[Token], index: int, options: Any, env: MutableMapping[str, Any]) -> str:
    token = tokens[index]
    return link(str(token.attrGet("src") or ""), text(f"[image: {token.content or 'no description'}]"))


def _table(renderer: RendererProtocol, tokens: Sequence[Token], index: int, options: Any, env: MutableMapping[str, Any]) -> str:
    """A wide table scrolls by itself instead of widening the page."""
    return '<div class="scroll" tabindex="0"><table>' if tokens[index].nesting == 1 else "</table></div>"
