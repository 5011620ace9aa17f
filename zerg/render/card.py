"""Tool calls as cards: one line that says what was done and how it ended, the details folded under it.

Each tool that is worth it has a face: a function from a `Use` to a `Card`. Any other tool shows its input as JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from zerg.archive import Entry
from zerg.render import ansi, code, diff, lines, prose
from zerg.render.html import NOTHING, Html, join, link, tag, text
from zerg.render.quantity import duration, plural

SHORT = 24  # lines of a diff or a file that are shown without a click
ONE_LINE = 72  # characters that have room in the line
SUBJECT = 300  # characters of the line
FAILED = re.compile(r"(?:Error: )?Exit code (\d{1,5})\n?")


class Use(NamedTuple):
    """One use of a tool, as far as it is known."""

    call: Entry | None  # None: the call is not in this session or not in this window
    result: Entry | None  # None: not there yet, or never
    whole: str  # address of the whole text of the result
    asked: str  # address of the whole text of the call
    ink: code.Ink
    folder: str = ""  # where the agent worked
    full: bool = False  # the reader came for this one

    @property
    def tool(self) -> str:
        """Its name; "" where only a result is known whose call is not in the session."""
        entry = self.call or self.result
        return entry.tool if entry else ""

    @property
    def input(self) -> Mapping[str, Any]:
        """What the tool was given."""
        found = self.call.data.get("input") if self.call else None
        return found if isinstance(found, Mapping) else {}

    @property
    def report(self) -> Mapping[str, Any]:
        """What the tool said besides its text, for programs."""
        found = self.result.data.get("result") if self.result else None
        return found if isinstance(found, Mapping) else {}

    @property
    def output(self) -> str:
        """What the model saw."""
        return ansi.printed(self.result) if self.result else ""

    @property
    def failed(self) -> bool:
        """Whether the result is an error."""
        return bool(self.result and self.result.error)

    @property
    def path(self) -> str:
        """The file that was worked on, relative to the folder where it is below it."""
        return self.near(self.get("file_path", "notebook_path", "path"))

    def near(self, path: str) -> str:
        """`path` relative to the folder, with either kind of separator."""
        inside = self.folder and path.startswith(self.folder) and path[len(self.folder) : len(self.folder) + 1] in ("/", "\\")
        return path[len(self.folder) + 1 :] if inside else path

    def get(self, *names: str) -> str:
        """The first of these inputs that there is, as text."""
        found = next((self.input[name] for name in names if self.input.get(name) not in (None, "")), "")
        return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)


class Card(NamedTuple):
    """How one use of a tool is shown."""

    name: str
    subject: str  # what it was done to, on one line
    note: str = ""  # how it ended, in a few words
    body: Html = NOTHING
    open: bool = False


Face = Callable[[Use], Card]


def html(use: Use, extra: Html = NOTHING) -> Html:
    """The card of a use. `extra` follows the body: images, a subagent."""
    card = _failed(use, _face(use.tool)(use))
    label = join((tag("b", text(card.name)), tag("code", text(_line(card.subject))), _note(use, card)))
    classes = "tool bad" if use.failed else "tool" if use.result else "tool waiting"
    return tag("details", tag("summary", label), card.body, extra, class_=classes, open=card.open or use.full)


def _face(tool: str) -> Face:
    return FACES.get(tool) or (_mcp if tool.startswith("mcp__") else _unknown)


def _failed(use: Use, card: Card) -> Card:
    """What went wrong is shown at once, unless it is long."""
    if not use.failed:
        return card
    refused = use.result is not None and use.result.label == "refused"
    note = "refused" if refused else card.note or "failed"
    return card._replace(note=note, open=card.open or use.output.count("\n") < SHORT, body=card.body or _output(use))


def _note(use: Use, card: Card) -> Html:
    parts = [card.note] if card.note else []
    if use.call and use.result and 100 <= (took := use.result.at - use.call.at) < 86_400_000:
        parts.append(duration(took))
    if use.call and not use.result:
        parts.append("no result")
    return tag("span", text(" · ".join(parts)), class_="note") if parts else NOTHING


def _line(value: str) -> str:
    return " ".join(value[: SUBJECT * 2].split())[:SUBJECT]


def _output(use: Use) -> Html:
    return lines.output(use.output, use.whole, use.full) if use.output.strip() else NOTHING


# Commands


def _bash(use: Use) -> Card:
    command = use.get("command")
    said = FAILED.match(use.output)
    printed = use.output[said.end() :] if said else use.output
    output = lines.output(printed, use.whole, use.full) if printed.strip() else NOTHING
    body = join((_described(use), _command(use, command), output))
    return Card("Bash", command, f"exit {said[1]}" if said else _background(use), body)


def _described(use: Use) -> Html:
    description = use.get("description")
    return tag("p", text(description), class_="described") if description else NOTHING


def _command(use: Use, command: str) -> Html:
    if len(command) <= ONE_LINE and "\n" not in command:
        return NOTHING  # it stands in the summary
    shown, hidden = lines.cut(command)
    return join((code.block(shown, "bash", use.ink.take(len(shown))), lines.rest(command, hidden, use.asked)))


def _background(use: Use) -> str:
    if use.report.get("interrupted"):
        return "interrupted"
    return "in the background" if use.input.get("run_in_background") else ""


def _shell(use: Use) -> Card:
    return Card(use.tool, use.get("bash_id", "shell_id", "task_id", "taskId"), "", _output(use))


# Files


def _read(use: Use) -> Card:
    path = use.path
    found = lines.numbered(use.output[: lines.FULL] if use.full else lines.cut(use.output)[0])
    if found is None or use.failed:
        return Card("Read", path, "", _output(use))
    numbers, source = found
    markup = code.highlight(source, code.language_of(path)) if use.ink.take(len(source)) else text(source)
    body = join((lines.listing(numbers, markup), lines.rest(use.output, not use.full and lines.cut(use.output)[1], use.whole)))
    span = f":{numbers[0]}" if numbers[0] > 1 else ""
    return Card("Read", path + span, plural(use.output.count("\n") + 1, "line"), body)


def _write(use: Use) -> Card:
    path, content = use.path, use.get("content", "new_source")
    hunks = use.report.get("structuredPatch")
    if isinstance(hunks, Sequence) and hunks:
        return _changed("Write", path, diff.patched(hunks), use)
    shown, hidden = lines.cut(content)
    markup = code.block(shown, code.language_of(path), use.ink.take(len(shown)))
    count = content.count("\n") + 1
    return Card("Write", path, plural(count, "line"), join((markup, lines.rest(content, hidden, use.asked))), count <= SHORT)


def _edit(use: Use) -> Card:
    hunks = use.report.get("structuredPatch")
    if isinstance(hunks, Sequence) and hunks and not isinstance(hunks, str):
        changed = diff.patched(hunks)
    else:
        changed = [line for edit in _edits(use) for line in edit]
    return _changed("Edit", use.path, changed, use)


def _edits(use: Use) -> list[list[diff.Line]]:
    found = use.input.get("edits")
    edits = found if isinstance(found, list) else [use.input]
    return [
        diff.between(str(edit.get("old_string") or ""), str(edit.get("new_string") or ""))
        for edit in edits
        if isinstance(edit, Mapping)
    ]


def _changed(name: str, path: str, changed: list[diff.Line], use: Use) -> Card:
    shown = changed[: lines.LINES * 2]
    rest = lines.rest(use.call.text if use.call else "", len(shown) < len(changed), use.asked)
    trouble = _output(use) if use.failed else NOTHING
    return Card(name, path, diff.tally(changed), join((diff.html(shown), rest, trouble)), len(changed) <= SHORT)


def _grep(use: Use) -> Card:
    place = use.near(use.get("path", "glob", "type"))
    subject = use.get("pattern") + (f" in {place}" if place else "")
    found = use.report.get("numFiles")
    note = plural(found, "file") if isinstance(found, int) and found else _found(use)
    return Card(use.tool, subject, note, _output(use))


def _found(use: Use) -> str:
    if not use.result or use.failed:
        return ""
    output = use.output.strip()
    nothing = not output or output.startswith(("No files found", "No matches found"))
    return "nothing found" if nothing else plural(output.count("\n") + 1, "line")


def _list(use: Use) -> Card:
    return Card("LS", use.path, _found(use), _output(use))


# The web


def _fetch(use: Use) -> Card:
    address = use.get("url")
    asked = tag("p", link(address, text(address)), class_="described")
    question = tag("p", text(use.get("prompt")), class_="described")
    return Card("WebFetch", address, "", join((asked, question, _prose(use))))


def _web_search(use: Use) -> Card:
    return Card("WebSearch", use.get("query"), "", _prose(use))


def _prose(use: Use) -> Html:
    if not use.output.strip():
        return NOTHING
    shown, hidden = lines.cut(use.output)
    return join((tag("div", prose.html(shown, use.ink), class_="prose"), lines.rest(use.output, hidden, use.whole)))


# Plans and questions

MARKS = {"completed": "done", "in_progress": "doing", "pending": "open"}


def _todo(use: Use) -> Card:
    found = use.input.get("todos")
    todos = [todo for todo in found if isinstance(todo, Mapping)] if isinstance(found, list) else []
    done = sum(todo.get("status") == "completed" for todo in todos)
    current = next((str(todo.get("content", "")) for todo in todos if todo.get("status") == "in_progress"), "")
    items = tag("ul", join(_todo_item(todo) for todo in todos), class_="todo")
    return Card("Todo", current, f"{done} of {len(todos)}", items)


def _todo_item(todo: Mapping[str, Any]) -> Html:
    return tag("li", text(str(todo.get("content", ""))), class_=MARKS.get(str(todo.get("status")), "open"))


def _task(use: Use) -> Card:
    subject = use.get("subject") or f"#{use.get('taskId')} {use.get('status')}".strip(" #")
    return Card(use.tool, subject, "", join((_paragraph(use.get("description")), _output(use))))


def _agent(use: Use) -> Card:
    asked = use.get("prompt")
    shown, hidden = lines.cut(asked)
    prompt = tag("div", text(shown), lines.rest(asked, hidden, use.asked), class_="asked")
    kind = use.get("subagent_type")
    return Card("Agent", use.get("description") or asked, kind, join((prompt, _prose(use))))


def _question(use: Use) -> Card:
    found = use.input.get("questions")
    questions = [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else [use.input]
    asked = join(_one_question(one) for one in questions)
    return Card("Question", str(questions[0].get("question", "")) if questions else "", "", join((asked, _output(use))), True)


def _one_question(question: Mapping[str, Any]) -> Html:
    found = question.get("options")
    options = [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
    items = join(
        tag("li", tag("b", text(str(one.get("label", "")))), text(f" {one.get('description') or ''}")) for one in options
    )
    return join((_paragraph(str(question.get("question", ""))), tag("ul", items, class_="options") if options else NOTHING))


def _plan(use: Use) -> Card:
    plan = use.get("plan") or str(use.report.get("plan") or "")
    body = tag("div", prose.html(plan, use.ink), class_="prose")
    return Card("Plan", next((line.strip("# ") for line in plan.splitlines() if line.strip("# ")), ""), "", body, True)


def _skill(use: Use) -> Card:
    return Card("Skill", f"{use.get('skill', 'command')} {use.get('args')}", "", _output(use))


def _paragraph(value: str) -> Html:
    return tag("p", text(value), class_="described") if value else NOTHING


# Everything else


def _mcp(use: Use) -> Card:
    server, _, name = use.tool.removeprefix("mcp__").partition("__")
    return _unknown(use)._replace(name=name or server, note=server.replace("_", " "))


def _unknown(use: Use) -> Card:
    values = [value for value in use.input.values() if isinstance(value, str) and value]
    return Card(use.tool or "Tool", values[0] if values else "", "", join((_json(use), _output(use))))


def _json(use: Use) -> Html:
    if not use.input:
        return NOTHING
    written = json.dumps(use.input, ensure_ascii=False, indent=2)
    shown, hidden = lines.cut(written)
    return join((code.block(shown, "json", use.ink.take(len(shown))), lines.rest(written, hidden, use.asked)))


FACES: Mapping[str, Face] = {
    "Bash": _bash,
    "BashOutput": _shell,
    "KillBash": _shell,
    "KillShell": _shell,
    "TaskOutput": _shell,
    "TaskStop": _shell,
    "Read": _read,
    "NotebookRead": _read,
    "Write": _write,
    "Edit": _edit,
    "MultiEdit": _edit,
    "NotebookEdit": _write,
    "Grep": _grep,
    "Glob": _grep,
    "LS": _list,
    "WebFetch": _fetch,
    "WebSearch": _web_search,
    "TodoWrite": _todo,
    "Task": _agent,
    "Agent": _agent,
    "TaskCreate": _task,
    "TaskUpdate": _task,
    "TaskGet": _task,
    "AskUserQuestion": _question,
    "ExitPlanMode": _plan,
    "Skill": _skill,
}
