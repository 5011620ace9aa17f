"""How often chance is tried: as often as said in a soak, `python build.py soak`, else a tenth of it."""

from __future__ import annotations

import os
import random

FULL = bool(os.environ.get("ZERG_SOAK"))
SEED = int(os.environ.get("ZERG_SEED") or random.SystemRandom().randrange(2**32))


def times(full: int) -> int:
    """`full` in a soak, else a tenth of it."""
    return full if FULL else max(1, full // 10)


def chance(name: str) -> random.Random:
    """Dice of its own for each test; what it prints is shown where the test fails, and ZERG_SEED throws the same again."""
    print(f"{name}: ZERG_SEED={SEED}")
    return random.Random(f"{name}{SEED}")
