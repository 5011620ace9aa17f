"""Pages and searches of a filled archive."""

from __future__ import annotations

import random
from urllib.parse import quote

from bench.figure import Figure, Figures, quantile
from bench.home import vocabulary
from bench.server import Server

LOOKS = 20  # at each page
QUERIES = 300


def looked_at(server: Server) -> Figures:
    """The pages that are looked at most, the longest session among them."""
    longest = longest_session(server)
    pages = {"Timeline": "/", "longest session": f"/s/{longest}", "its API": f"/api/agents/sessions/{longest}/events?limit=100"}
    bounds = {"longest session": 150.0}
    return {f"{name}, p95": Figure(p95(server, path), "ms", most=bounds.get(name, 100)) for name, path in pages.items()}


def longest_session(server: Server) -> str:
    """By what was asked and called in it."""
    best, cursor = (-1, ""), ""
    while True:
        found = server.json(f"/api/agents/sessions?limit=200&cursor={quote(cursor)}")
        best = max([best, *((one["prompts"] + one["tool_calls"], one["id"]) for one in found["sessions"])])
        if not (cursor := found["next"] or ""):
            return best[1]


def p95(server: Server, path: str) -> float:
    """Milliseconds."""
    answers = [server.get(path) for _ in range(LOOKS)]
    assert {answer.status for answer in answers} == {200}, f"{path}: {answers[0].status}"
    return quantile([answer.seconds for answer in answers], 0.95) * 1e3


def searched(server: Server, queries: list[str]) -> Figures:
    """How long answers take over the API."""
    taken = []
    for query in queries:
        answer = server.get(f"/api/agents/search?q={quote(query)}")
        assert answer.status == 200, f"{query!r}: {answer.status}"
        taken.append(answer.seconds * 1e3)
    return {
        "search, p50": Figure(quantile(taken, 0.5), "ms"),
        "search, p95": Figure(quantile(taken, 0.95), "ms", most=50),
        "search, max": Figure(max(taken), "ms", most=300),
    }


def generated_queries(seed: int) -> list[str]:
    """Words from the commonest to the absent, pairs, phrases, prefixes, fields, punctuation."""
    dice, words = random.Random(seed), vocabulary()
    common, any_ = words[:40], words
    makers = (
        lambda: dice.choice(common),
        lambda: dice.choice(any_),
        lambda: f"{dice.choice(common)} {dice.choice(any_)}",
        lambda: f'"{dice.choice(common)} {dice.choice(common)}"',
        lambda: f"{dice.choice(any_)[:4]}*",
        lambda: f"{dice.choice(common)} -{dice.choice(common)}",
        lambda: f"{dice.choice(any_)} OR {dice.choice(any_)}",
        lambda: f"{dice.choice(common)} project:project-{dice.randrange(20)}",
        lambda: f"{dice.choice(common)} kind:prompt",
        lambda: f"absent{dice.randrange(10**9)}",
    )
    return [makers[number % len(makers)]() for number in range(QUERIES)]
