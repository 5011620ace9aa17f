"""The strip: a small picture of a conversation along its length, drawn from the letters of `Session.strip`."""

from __future__ import annotations

from itertools import groupby

from zerg.render.html import Html

# How wide and how high a step stands, out of HEIGHT; strip.css says the same in strokes and dashes.
SHAPES = {"p": (6, 18), "a": (3, 13), "h": (2, 8), "t": (2, 10), "e": (2, 15), "c": (3, 18)}
NAMES = {"p": "prompts", "a": "answers", "h": "thinking", "t": "tool calls", "e": "errors", "c": "compactions"}
HEIGHT = 18
FULL = 150  # units that a strip is long at least: a short conversation does not fill it


def svg(letters: str, full: int = FULL) -> Html:
    """The strip as inline SVG: for each letter a dashed line per run (`strip.css` sets width and dashes), about 1 kB in all."""
    lines: dict[str, list[str]] = {}
    end = 0
    for letter, run in groupby(letter for letter in letters if letter in SHAPES):
        width, height = SHAPES[letter]
        length = len(list(run)) * (width + 1)
        lines.setdefault(letter, []).append(f"M{end} {HEIGHT - height / 2:g}h{length - 1}")
        end += length
    drawn = "".join(f'<path class="{letter}" d="{"".join(parts)}"/>' for letter, parts in lines.items())
    return Html(
        f'<svg class="strip" viewBox="0 0 {max(end, full)} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{_label(letters)}">{drawn}</svg>'
    )


def _label(letters: str) -> str:
    """What the picture shows, for those who cannot see it."""
    said = [f"{letters.count(letter)} {name}" for letter, name in NAMES.items() if letter in letters]
    return "Conversation: " + (", ".join(said) or "nothing yet")
