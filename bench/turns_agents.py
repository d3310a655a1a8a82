"""Agents whose customers ask what takes thought, each with a few answers in the making.

    python -m bench.turns_agents --port 8080 --tokens tokens.json --agents 50 --window 4
                                 --seconds 20

As `bench.agents`, with questions of shoppers instead of a text of no meaning.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import uvloop

from bench.agents import CHATS_MAX, TEXT, Agent, Tally, percentile_ms, summary
from bench.idle_agents import beats, connect, say

BEAT_S: Final = 1.0
QUESTIONS: Final = (
    "which of your screws would hold a shelf of 20 kilograms on an old brick wall",
    "I am building a boat with my daughter, what nails do not rust in salt water",
    "do the brass bolts fit the hinges that my grandfather bought here long ago",
    "can you recommend something for a garden gate that sags a little in winter",
)


class Asker(Agent):
    """Asks one question after the other."""

    def _messages(self, count: int, now: float) -> Iterator[str]:
        for number, frame in enumerate(super()._messages(count, now), self._seq):
            yield frame.replace(TEXT, QUESTIONS[number % len(QUESTIONS)])


async def ask(args: argparse.Namespace) -> dict[str, Any]:
    """Ask for so long, and sum it up.

    Raises:
        RuntimeError: an agent was refused or lost its connection.
    """
    tokens = json.loads(args.tokens.read_text())[: args.agents]
    tally = Tally()
    chats = CHATS_MAX // len(tokens)
    agents = await connect(
        args.port,
        tokens,
        lambda who, number: Asker(tally, who, number, args.window, chats),
        tally,
        BEAT_S,
    )
    tally.counting, since = True, time.perf_counter()
    for agent in agents:
        agent.start()
    await asyncio.sleep(args.seconds)
    tally.counting = False
    if tally.failure is not None:
        raise RuntimeError(tally.failure)
    figures = summary(tally, time.perf_counter() - since, time.process_time()) | beats(
        agents, tally
    )
    for agent in agents:
        agent.close()
    return figures | {"connected": len(agents), "heartbeat_p50_ms": percentile_ms(tally.beats, 50)}


def main() -> None:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description="Agents whose customers ask much.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tokens", type=Path, required=True)
    parser.add_argument("--agents", type=int, required=True)
    parser.add_argument("--window", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        say(**runner.run(ask(parser.parse_args())))


if __name__ == "__main__":
    main()
