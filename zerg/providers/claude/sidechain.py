"""Subagents whose records stand inside the session's own file (before 2.0.28): each chain of them is a subagent.

Nothing names it but the chain itself, so its agent id is made of the UUID of the record that it starts with.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

_LIMIT = 64  # records that are remembered, over all chains: the next record of a chain names one of the last of them


def agent(state: MutableMapping[str, Any], uuid: str, parent: str) -> str:
    """The agent id of the inline sidechain record `uuid` that follows record `parent` ("" at the start of a chain)."""
    roots: dict[str, str] = state.setdefault("sidechains", {})
    root = roots.get(parent) if parent else uuid
    if root is None:  # its start is not in this file, or too far back
        root = next(reversed(roots.values()), uuid)
    roots.pop(uuid, None)
    roots[uuid] = root
    while len(roots) > _LIMIT:
        del roots[next(iter(roots))]
    return f"sidechain-{root}"
