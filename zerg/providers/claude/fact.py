"""What a record says of its session: where it ran, what it is called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zerg.events import Event, Kind
from zerg.providers import State
from zerg.providers.claude import message, notice, queue, tag, tool
from zerg.providers.claude.value import string

ENVELOPE = ("cwd", "gitBranch", "version", "entrypoint")  # keys of most records
_NAMES = ("cwd", "branch", "version", "entrypoint")  # of the facts that they give
_TITLE = 200  # characters of a prompt that serve as a title
_TASKS = 16  # started subagents that are remembered until their first record


class Facts:
    """The facts of records; `state["tasks"]`: what a session calls the subagents that it started, by their prompt."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._last: tuple[tuple[Any, ...], dict[str, str]] = ((), {})

    def of(self, value: Mapping[str, Any], events: tuple[Event, ...]) -> Mapping[str, str]:
        """What the record `value` with `events` says of its session: see `zerg.events.FACTS`."""
        if value.get("type") == "assistant":
            self._note_tasks(value, events)
        facts = self._envelope(value)
        more = {name: text for name, text in _named(value, events).items() if text}
        for event in events:
            more |= self._prompt(event)
        return {**facts, **more} if more else facts

    def _envelope(self, value: Mapping[str, Any]) -> Mapping[str, str]:
        """The same object again for as long as it says the same: that is most of the time."""
        found = tuple(map(value.get, ENVELOPE))
        if found != self._last[0]:
            pairs = zip(_NAMES, found, strict=True)
            self._last = found, {name: text for name, text in pairs if isinstance(text, str) and text}
            if self._last[1].get("branch") == "HEAD":  # no branch is checked out
                del self._last[1]["branch"]
        return self._last[1]

    def _note_tasks(self, value: Mapping[str, Any], events: tuple[Event, ...]) -> None:
        """Remember the subagents that a message starts."""
        if not any(event.tool in ("Task", "Agent") for event in events):
            return
        tasks: dict[str, list[str]] = self._state.setdefault("tasks", {})
        for prompt, description, agent_type in tool.agents(message.blocks(value)):
            tasks[queue.digest(prompt)] = [description, agent_type]
        while len(tasks) > _TASKS:
            del tasks[next(iter(tasks))]

    def _prompt(self, event: Event) -> dict[str, str]:
        """A title from what was asked; of a subagent inside this file also what its parent calls it."""
        if event.kind is not Kind.PROMPT and not event.data.get("expands"):
            return {}
        found = {"title_prompt": " ".join(tag.without_context(event.text)[: 4 * _TITLE].split())[:_TITLE]}
        if event.label == "task" and (tasks := self._state.get("tasks")):
            found["title_agent"], found["agent_type"] = tasks.get(queue.digest(event.text), ("", ""))
        return {name: text for name, text in found.items() if text}


def _named(value: Mapping[str, Any], events: tuple[Event, ...]) -> dict[str, str]:
    """Of records that there are to name something."""
    match value.get("type"):
        case "assistant":
            return {"agent_type": string(value.get("attributionAgent"))}
        case "summary":
            return {"leaf": string(value.get("leafUuid"))}
        case "pr-link":
            return {"pr": string(value.get("prUrl"))}
        case "ai-title" | "custom-title" as kind if events:
            return {notice.TITLES[kind][0]: events[0].text}
    return {}
