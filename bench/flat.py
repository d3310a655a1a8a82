"""Whether a turn costs the same however many messages are stored.

In the shop: all others of the shop's customers wrote them, and their rows lie between those that
the turns write. In the chat: each of ten chats has so many, and the turns are theirs. One agent has
one message in flight, as in the round trip 1x1.
"""

import shutil
import statistics
import sys
from pathlib import Path
from typing import Final, NamedTuple

from bench.plan import Facts, Plan, table
from bench.processes import child, module
from bench.stored import Stored, let_time_pass, make

LOOP_REPLIES: Final = 6  # to a chat within a minute: after that the hub leaves it to a person
CHATS: Final = 10  # that the turns of the variant `chat` take place in
SHOP: Final = (10, 1_000, 100_000, 1_000_000)
CHAT: Final = (10, 1_000, 100_000)
PER_CHAT: Final = 9  # messages, where those of a shop are spread over its chats
KEPT_FROM: Final = 100_000  # messages: a database that hardly notices what a visit adds to it
WARMUP: Final = 100  # turns of other customers
TURNS: Final = 400
READY_TIMEOUT_S: Final = 60.0
TALK_TIMEOUT_S: Final = 180.0


class Level(NamedTuple):
    """A database, and how it is talked to."""

    variant: str
    messages: int
    stored: Stored
    chats: int  # that the turns take place in, one after the other
    turns: int

    @property
    def folder(self) -> str:
        """Its name on the disk."""
        return f"flat-{self.variant}-{self.messages}"


def shop(messages: int, turns: int) -> Level:
    """So many messages in the shop; the turns are of customers who are new to it."""
    chats = max(1, messages // PER_CHAT)
    return Level("shop", messages, Stored(messages, 1, chats, apart=True), turns + 1, turns)


def chat(messages: int) -> Level:
    """So many messages in each chat; as many turns as the hub's loop breaker allows."""
    stored = Stored(messages * CHATS, 1, CHATS)
    return Level("chat", messages, stored, CHATS, CHATS * LOOP_REPLIES - 1)


def measure(plan: Plan) -> Facts:
    """All levels in turn, round after round."""
    levels = [*(shop(messages, TURNS) for messages in SHOP), *map(chat, CHAT)]
    return compared(plan, levels, plan.rounds)


def compared(plan: Plan, levels: list[Level], rounds: int) -> Facts:
    """By variant and messages, the medians of the rounds; and the largest to the smallest.

    Raises:
        ChildError: a hub or its agent did not do its part.
    """
    seen: dict[Level, list[Facts]] = {level: [] for level in levels}
    try:
        for number in range(1, rounds + 1):
            for level in levels:
                seen[level].append(visit(plan.folder / level.folder, level))
                told = f"round {number}/{rounds} {level.variant} {level.messages:>9,}"
                print(f"{told}: {seen[level][-1]}", file=sys.stderr, flush=True)
    finally:
        for level in levels:
            shutil.rmtree(plan.folder / level.folder, ignore_errors=True)
    facts: Facts = {}
    for level, found in seen.items():
        facts.setdefault(level.variant, {})[str(level.messages)] = medians(found)
    return facts | {f"ratio_{variant}": ratio(facts[variant]) for variant in tuple(facts)}


def medians(seen: list[Facts]) -> Facts:
    """Of every figure; also each round's median time, to show the spread."""
    middle = {name: round(statistics.median(one[name] for one in seen), 4) for name in seen[0]}
    return middle | {"rounds": [one["p50_ms"] for one in seen]}


def ratio(by_messages: dict[str, Facts]) -> float:
    """The median time with the most messages to that with the fewest."""
    times: list[float] = [seen["p50_ms"] for seen in by_messages.values()]
    return round(times[-1] / times[0], 2)


def visit(folder: Path, level: Level) -> Facts:
    """A hub on the level's database, and its agent once."""
    stored = level.stored
    if stored.messages < KEPT_FROM or not folder.exists():
        make(folder, stored)
    else:
        let_time_pass(folder / "hub.db", stored)
    with child(module("bench.hub", folder, 1), folder / "hub.log") as hub:
        port = hub.line(READY_TIMEOUT_S)["port"]
        work = ["--port", port, "--tokens", folder / "tokens.json", "--hub-pid", hub.pid]
        work += ["--chats", level.chats, "--warmup", WARMUP, "--turns", level.turns]
        with child(module("bench.flat_agent", *work), folder / "agent.log") as agent:
            return agent.line(TALK_TIMEOUT_S)


def show(facts: Facts) -> list[str]:
    """One row a level."""
    heads = ["messages stored", "p50 ms", "p95 ms", "hub CPU ms a turn", "turns a round"]
    rows = [
        [f"{int(messages):,} in {where}"]
        + [f"{seen[name]:.3g}" for name in ("p50_ms", "p95_ms", "cpu_ms")]
        + [f"{seen['turns']:,.0f}"]
        for variant, where in (("shop", "the shop"), ("chat", "the chat"))
        for messages, seen in facts.get(variant, {}).items()
    ]
    lines = [*table(heads, rows), ""]
    lines += [
        f"- most to fewest messages in the {variant}: {facts[f'ratio_{variant}']}"
        for variant in ("shop", "chat")
        if variant in facts
    ]
    lines.append(f"- Before that {WARMUP} turns of other customers, which are stored as well.")
    return lines
