"""Pages from templates: compiled once, given ready values and the words that all of them use."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from bottle import SimpleTemplate

from zerg.render import label, moment, quantity, strip
from zerg.web.asset import assets

WORDS: dict[str, Any] = {
    "asset": lambda name: assets().address(name),
    "clock": moment.clock,
    "stamp": moment.stamp,
    "count": quantity.count,
    "plural": quantity.plural,
    "short": quantity.short,
    "money": quantity.money,
    "duration": quantity.duration,
    "model": label.model,
    "title_of": label.title,
    "strip": strip.svg,
}


def fill(name: str, **values: Any) -> str:
    """The template `name` with `values`. Text is escaped where it is put in; `{{!…}}` takes `render.html.Html` only."""
    written: str = _template(name).render(WORDS, **values)
    return written


@cache
def _template(name: str) -> SimpleTemplate:
    return SimpleTemplate(name=f"{name}.tpl", lookup=[str(files("zerg") / "templates")])
