"""Text in user records that nobody typed as a prompt: Claude Code marks it with tags, or with fixed words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from zerg.events import Event, Kind

_MOST = 32  # reminders, or editors' notes, that are taken off a text: each costs a pass over it
REMINDER = ("<system-reminder>", "</system-reminder>")
_NAME = re.compile(r"\s*<([a-z][a-z-]*)[ >]")
_CONTEXT = re.compile(r"\s*<(ide_[a-z_]+)>")
_MARK = re.compile(r"</?[a-z][\w-]*>")
_PRINTED = ("local-command-stdout", "local-command-stderr", "bash-stdout", "bash-stderr")
_ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


def inner(text: str, name: str) -> str:
    """What stands between <name> and </name>, stripped; "" where there is none."""
    _, _, rest = text.partition(f"<{name}>")
    found, closed, _ = rest.partition(f"</{name}>")
    return found.strip() if closed else rest.strip()


def plain(text: str) -> str:
    """`text` without terminal escapes."""
    return _ESCAPE.sub("", text) if "\x1b" in text else text


def printed(event: Event) -> Event:
    """The event of what a program printed: without terminal escapes in its text. Display finds them in its data."""
    if "\x1b" not in event.text:
        return event
    return event._replace(text=plain(event.text), data={**event.data, "terminal": event.text})


def without_reminders(text: str) -> str:
    """`text` without the system reminders at its ends; those in between are quoted by something and stay."""
    opening, closing = REMINDER
    if closing not in text:
        return text
    for _ in range(_MOST):
        if not text.rstrip().endswith(closing) or (start := text.rfind(opening)) < 0:
            break
        text = text[:start].rstrip()
    for _ in range(_MOST):
        if not text.lstrip().startswith(opening) or (end := text.find(closing)) < 0:
            break
        text = text[end + len(closing) :].lstrip()
    return text


def without_context(text: str) -> str:
    """`text` without what an editor put before it: the open file, the selection."""
    for _ in range(_MOST):
        found = _CONTEXT.match(text)
        if not found or (end := text.find(f"</{found[1]}>")) < 0:
            break
        text = text[end + len(found[1]) + 3 :].lstrip()
    return text


def event(slot: int, text: str) -> Event | None:
    """The event of a text that is no prompt; None for a prompt."""
    if text.startswith("[Request interrupted by user"):
        return Event(slot, Kind.INTERRUPT, text)
    if text.startswith("Caveat: The messages below"):
        return Event(slot, Kind.NOTICE, text, label="caveat")
    found = _NAME.match(text)
    if found and found[1] in _EVENTS:
        return _EVENTS[found[1]](slot, text)
    if _CONTEXT.match(text) and not without_context(text):
        return Event(slot, Kind.NOTICE, _MARK.sub("", _CONTEXT.sub("", text)).strip(), label="context")
    return None


def _slash(slot: int, text: str) -> Event:
    name = inner(text, "command-name") or "/" + inner(text, "command-message")
    arguments = inner(text, "command-args")
    expands = text.lstrip().startswith("<command-message>")  # into a prompt: a skill or a command of one's own
    data = {"name": name, "args": arguments, "expands": expands}
    return Event(slot, Kind.COMMAND, f"{name} {arguments}".strip(), label="slash", data=data)


def _bash(slot: int, text: str) -> Event:
    return Event(slot, Kind.COMMAND, "! " + inner(text, "bash-input"), label="bash")


def _printed(slot: int, text: str) -> Event:
    """What a command wrote: to standard output, then to standard error."""
    parts = (inner(text, name) for name in _PRINTED if f"<{name}>" in text)
    said = "\n".join(part for part in parts if part)
    failed = text.lstrip().startswith("<local-command-stderr>")
    return printed(Event(slot, Kind.COMMAND, said, error=failed, label="stderr" if failed else "stdout"))


def _task(slot: int, text: str) -> Event:
    names = ("task-id", "tool-use-id", "task-type", "status", "output-file")
    data = {name: found for name in names if (found := inner(text, name) if f"<{name}>" in text else "")}
    said = [inner(text, name) for name in ("summary", "result") if f"<{name}>" in text]
    return Event(slot, Kind.NOTICE, "\n".join(said) or _bare(text), label="task", data=data)


def _bare(text: str) -> str:
    return _MARK.sub("", text).strip()


def _notice(label: str) -> Callable[[int, str], Event]:
    return lambda slot, text: Event(slot, Kind.NOTICE, _bare(text), label=label)


_EVENTS: Mapping[str, Callable[[int, str], Event]] = {
    "command-name": _slash,
    "command-message": _slash,
    "command-args": _slash,
    "bash-input": _bash,
    "bash-stdout": _printed,
    "bash-stderr": _printed,
    "local-command-stdout": _printed,
    "local-command-stderr": _printed,
    "local-command-caveat": _notice("caveat"),
    "task-notification": _task,
    "teammate-message": _notice("teammate"),
    "user-memory-input": _notice("memory"),
    "user-prompt-submit-hook": _notice("hook"),
}
