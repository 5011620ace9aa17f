"""Source code with its syntax marked by classes (Pygments' short names; `code.css` gives them colours)."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any

import pygments
from pygments.formatters.html import HtmlFormatter
from pygments.lexers import find_lexer_class_for_filename, get_lexer_by_name
from pygments.util import ClassNotFound

from zerg.render.html import Html, tag, text

FORMATTER = HtmlFormatter(nowrap=True)
LIMIT = 8 * 1024  # characters; a longer block is shown plain: Pygments does about 1 MB/s
NAME = re.compile(r"[\w+#.-]{1,32}")


class Ink:
    """How much may still be highlighted on a page: the one thread that serves everybody shall not draw for long."""

    def __init__(self, characters: int = 10 * 1024) -> None:
        self.left = characters

    def take(self, characters: int) -> bool:
        """Whether there is enough for a block of that length; takes it."""
        if characters > min(self.left, LIMIT):
            return False
        self.left -= characters
        return True


def block(source: str, language: str, lit: bool) -> Html:
    """A block of code."""
    inner = highlight(source, language) if lit else text(source)
    written = tag("pre", tag("code", inner), class_="code", data_language=language or None, tabindex=0)
    return tag("div", written, class_="copyable")


@lru_cache(maxsize=256)
def highlight(source: str, language: str) -> Html:
    """`source` with spans around its tokens; every line closes its own spans. Plain where `language` is not known."""
    lexer = _lexer(language) if len(source) <= LIMIT and NAME.fullmatch(language) else None
    if lexer is None:
        return text(source)
    return Html(pygments.highlight(source.replace("\0", "\ufffd"), lexer, FORMATTER).removesuffix("\n"))


def language_of(path: str) -> str:
    """The language of the file called `path` by its name, or ""."""
    name = re.split(r"[/\\]", path)[-1]
    stem, dot, suffix = name.rpartition(".")
    return _language("x." + suffix if stem and dot else name) if len(name) < 256 else ""


@lru_cache(maxsize=1024)
def _language(name: str) -> str:
    found = find_lexer_class_for_filename(name)
    return found.aliases[0] if found and found.aliases else ""


@cache
def _lexer(language: str) -> Any:
    """The lexer called `language`, or None."""
    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None
