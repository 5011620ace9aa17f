"""Folders of transcripts to measure with, kept between runs: copies of the corpus, or generated text."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORPUS = Path(os.environ.get("ZERG_CORPUS") or ROOT.parent / "shared" / "corpus")
SESSION = 800  # events of a generated session
LONGEST = 50_000  # events of the longest one
BEGIN = 1_750_000_000  # seconds since 1970: the first generated event


def copies(folder: Path, megabytes: int) -> Path:
    """A home of that size made from the corpus of real transcripts."""
    home = folder / f"corpus-{megabytes}"
    tool = CORPUS.parent / "tools" / "make_home.py"
    return _kept(home, lambda draft: subprocess.run([sys.executable, tool, draft, str(megabytes)], check=True, stdout=sys.stderr))


def generated(folder: Path, events: int) -> Path:
    """A home with that many events that bear text, one session of 50,000 among them."""
    return _kept(folder / f"events-{events}", lambda draft: _generate(draft / "projects", events))


def _kept(home: Path, make: Callable[[Path], object]) -> Path:
    if not home.is_dir():
        draft = home.with_suffix(".draft")
        shutil.rmtree(draft, ignore_errors=True)
        make(draft)
        draft.rename(home)
    return home


def _generate(projects: Path, events: int) -> None:
    words = vocabulary()
    lengths = [min(LONGEST, events)]
    while sum(lengths) < events:
        lengths.append(min(SESSION, events - sum(lengths)))
    for number, length in enumerate(lengths):
        place = projects / f"-home-ada-project-{number % 20}"
        place.mkdir(parents=True, exist_ok=True)
        session = str(uuid.UUID(int=number + 1, version=4))
        with (place / f"{session}.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(_lines(session, number, length, words))


def vocabulary() -> list[str]:
    """Words by falling frequency, as in code and talk about it."""
    dice = random.Random(1)
    parts = "get set load user file path data index error test build cache parse token query page event store time".split()
    made = []
    for _ in range(30_000):
        name = "_".join(dice.choices(parts, k=dice.randint(1, 3)))
        made.append(f"{name}{dice.randrange(1000)}" if dice.random() < 0.6 else name)
    return ["the", "to", "of", "in", "is", "self", "return", "def", *dict.fromkeys(made)]


def _lines(session: str, number: int, length: int, words: list[str]) -> Iterator[str]:
    dice = random.Random(number)
    envelope = {"sessionId": session, "cwd": f"/home/ada/project-{number % 20}", "version": "2.1.204", "gitBranch": "main"}
    for event in range(length):
        text = " ".join(words[int(len(words) ** dice.random()) - 1] for _ in range(dice.randint(5, 120)))
        asked = event % 8 == 0
        content = text if asked else [{"type": "text", "text": text}]
        answer = {"id": f"msg_{number}_{event}", "model": "claude-sonnet-4-5", "usage": {"input_tokens": 9, "output_tokens": 99}}
        message = {"role": "user" if asked else "assistant", "content": content} | ({} if asked else answer)
        when = BEGIN + number * 20_000 + event
        stamp = f"{_moment(when)}.{event % 1000:03}Z"
        own = {"type": message["role"], "uuid": str(uuid.UUID(int=dice.getrandbits(128), version=4)), "timestamp": stamp}
        yield json.dumps(envelope | own | {"message": message}) + "\n"


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def size(home: Path) -> int:
    """Bytes of all files below `home`."""
    return sum(file.stat().st_size for file in home.rglob("*") if file.is_file())
