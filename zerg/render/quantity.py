"""Numbers as people read them."""

from __future__ import annotations

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000  # milliseconds


def count(number: int) -> str:
    """12,345"""
    return f"{number:,}"


def plural(number: int, noun: str, many: str = "") -> str:
    """1 prompt, 12 prompts"""
    return f"{count(number)} {noun if number == 1 else many or noun + 's'}"


def short(number: int) -> str:
    """940, 12.3k, 4.1M, 2.0B"""
    for limit, unit in ((1_000_000_000, "B"), (1_000_000, "M"), (1_000, "k")):
        if number >= limit:
            return f"{number / limit:.3g}{unit}" if number < limit * 1000 else f"{number // limit:,}{unit}"
    return str(number)


def size(octets: int) -> str:
    """Bytes: 312 B, 4.1 kB, 17.9 MB"""
    for limit, unit in ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")):
        if octets >= limit:
            return f"{octets / limit:.1f} {unit}"
    return f"{octets} B"


def money(microdollars: int | None) -> str:
    """$13.94; nothing where nothing is priced"""
    if microdollars is None:
        return ""
    return f"${microdollars / 1_000_000:,.2f}" if microdollars >= 5_000 or microdollars == 0 else "<$0.01"


def duration(milliseconds: int) -> str:
    """0.4 s, 42 s, 14 min, 2 h 52, 3 d 4 h"""
    if milliseconds < 10_000:
        return f"{milliseconds / 1000:.1f} s"
    if milliseconds < MINUTE:
        return f"{milliseconds // 1000} s"
    if milliseconds < HOUR:
        return f"{milliseconds // MINUTE} min"
    if milliseconds < DAY:
        return f"{milliseconds // HOUR} h {milliseconds % HOUR // MINUTE:02d}"
    return f"{milliseconds // DAY} d {milliseconds % DAY // HOUR} h"
