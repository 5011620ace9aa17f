"""Folding: the one spelling under which texts and queries are compared, and the form of a text that is indexed.

A folded text is case-folded, compatibility forms are unified (full-width letters, ligatures) and marks are gone, so that
``naïve`` and ``NAIVE`` are equal. Japanese voicing marks stay (カ and ガ are two letters), typographic quotes and dashes
become the typed ones, and formatting characters (soft hyphens, joiners, BOM) vanish.

A *token* is a run of letters and digits of a folded text. ``_`` and all other punctuation separate tokens. Scripts that
are written without spaces between words, and emoji, give one token per character: see `SINGLE`. All of that is decided
here and not by the tokenizer of a database, which is left with splitting at ASCII punctuation.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from unicodedata import category, normalize

# A character class: Thai, Lao, Myanmar, Hangul, Khmer, symbols like ✓, radicals, kana, Bopomofo, Han, Yi, Tangut, emoji.
SINGLE = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2600-\u27bf\u2e80-\u2fdf\u3005-\u3007\u3021-\u3035\u303b"
    "\u3040-\u318f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
    "\U00017000-\U00018dff\U0001b000-\U0001b2ff\U0001f000-\U0001faff\U00020000-\U0003ffff"
)
_WORD = re.compile(rf"[^\W_{SINGLE}]")
_APART = re.compile(rf"([{SINGLE}])|([^\W_])|.", re.DOTALL)
_TOKEN = re.compile("[a-z0-9\x80-\U0010ffff]+")
_RUN = re.compile("[^\x00-\x7f]+")
SHORT = 8  # characters of a run that is worth remembering: arrows, ticks, box drawing; longer ones are whole sentences
_VOICING = "\u3099\u309a"
_TYPED = str.maketrans("‘’‚“”„‐‑‒–—―−™℠", "'''\"\"\"-------  ")
# Nearly all that is not ASCII in transcripts, and control characters that take its place while a text is folded: most texts
# are ASCII then, which is 10 times faster. For the index it is separators.
_FREQUENT = tuple(zip("→│├└─•✅", "\x0e\x0f\x10\x11\x12\x13\x14", strict=True))
_SEPARATORS = "→│—├└─•"


def fold(text: str) -> str:
    """The spelling of `text` under which it is compared. Folding twice changes nothing."""
    if text.isascii():
        return text.lower()
    text = text.replace("—", "-")
    placed = [pair for pair in _FREQUENT if pair[0] in text and pair[1] not in text]
    for character, standin in placed:
        text = text.replace(character, standin)
    text = _folded(text)
    for character, standin in placed:
        text = text.replace(standin, character)
    return text


def _folded(text: str) -> str:
    return text.lower() if text.isascii() else text.encode("ascii", "zerg.fold").lower().decode()


def index_text(text: str) -> str:
    """`text` as a full-text index takes it: folded, tokens apart, without NUL and lone surrogates.

    What is not ASCII in the answer belongs to tokens; ASCII is left as it is, for a tokenizer that splits at whatever is
    neither letter nor digit (SQLite's ``ascii``).
    """
    if not text.isascii():
        for character in _SEPARATORS:
            text = text.replace(character, " ")
    folded = text.lower() if text.isascii() else text.encode("ascii", "zerg.index").lower().decode()
    return folded.replace("\0", " ")


def tokens(text: str) -> list[str]:
    """The tokens of `text`, which need not be folded, in their order."""
    return _TOKEN.findall(index_text(text))


def is_word(character: str) -> bool:
    """Whether a folded character is part of tokens that may be longer than itself: where two meet, no token ends."""
    return _WORD.match(character) is not None


def origins(text: str) -> Sequence[int]:
    """Where each character of ``fold(text)`` comes from: offsets in `text`, and its length as the last."""
    found: list[int] = []
    position = 0
    for character, standin in _FREQUENT:  # one for one, so that they are no runs to look at
        text = text.replace(character, standin)
    for run in _RUN.finditer(text):
        offsets = _offsets_of_short(run[0]) if len(run[0]) <= SHORT else _offsets(run[0])
        if offsets is not None:
            found.extend(range(position, run.start()))
            found.extend(run.start() + offset for offset in offsets)
            position = run.end()
    return [*found, *range(position, len(text) + 1)] if position else range(len(text) + 1)


def _offsets(run: str) -> list[int] | None:
    """Where each character of a folded run comes from; None if each from its own place."""
    if all(len(_fold_run(character)) == 1 for character in set(run)) and len(_fold_run(run)) == len(run):
        return None  # nothing is composed: that would take a character away
    offsets: list[int] = []
    for start, end in _clusters(run):
        offsets.extend([start] * len(_fold_run(run[start:end])))
    return None if offsets == list(range(len(run))) else offsets


_offsets_of_short = lru_cache(4096)(_offsets)


def _clusters(run: str) -> Iterator[tuple[int, int]]:
    """The least pieces of `run` that can be folded one by one: a letter, or what is composed with its neighbours."""
    starts = [0]
    for index in range(1, len(run)):
        before, here = run[starts[-1] : index], run[index]
        if _fold_run(before + here) == _fold_run(before) + _fold_run(here):
            starts.append(index)
    pieces = list(pairwise([*starts, len(run)]))
    whole = "".join(_fold_run(run[start:end]) for start, end in pieces) == _fold_run(run)
    yield from pieces if whole else [(0, len(run))]


def _fold_run(run: str) -> str:
    """Fold characters that are not ASCII. The long way round is for what normalisation and case-folding do to each other."""
    unified = normalize("NFKC", run.translate(_TYPED)).translate(_TYPED)
    spelt = normalize("NFKD", unified.casefold())
    return normalize("NFC", "".join(map(_kept, spelt))).lower()


def _kept(character: str) -> str:
    kind = category(character)
    if (kind[0] == "M" and character not in _VOICING) or kind == "Cf":
        return ""
    return "\ufffd" if kind == "Cs" else character


def _index_run(run: str) -> str:
    return _APART.sub(lambda found: f" {found[1]} " if found[1] else found[2] or " ", _fold_run(run))


def _register(name: str, respell: Callable[[str], str]) -> None:
    """Make ``text.encode("ascii", name)`` give ASCII as it is and the UTF-8 of ``respell(run)`` for each run of the rest.

    The encoder finds such runs at the speed of C; a regex takes twice the time.
    """
    repeated = lru_cache(4096)(lambda run: respell(run).encode())

    def handler(error: UnicodeError) -> tuple[str | bytes, int]:
        assert isinstance(error, UnicodeEncodeError)
        run = error.object[error.start : error.end]
        return repeated(run) if len(run) <= SHORT else respell(run).encode(), error.end

    codecs.register_error(name, handler)


_register("zerg.fold", _fold_run)
_register("zerg.index", _index_run)
