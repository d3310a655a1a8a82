"""Agents that are on line and have nothing to say but that they live.

    python -m bench.idle_agents --port 8080 --tokens tokens.json --agents 1000 --seconds 40

Two lines of JSON: when all are connected, and after the idle time. They stay connected until
SIGTERM, so that the hub can be weighed. Heartbeats begin with the welcome, as in life.
"""

import argparse
import asyncio
import json
import random
import signal
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

import uvloop

from bench.agents import Agent, Tally, percentile_ms

WAVE: Final = 100  # connect at once, so that no backlog overflows
BEAT_S: Final = 20.0  # the hub's own setting

Credentials = dict[str, str]
A = TypeVar("A", bound=Agent)


async def connect(
    port: int,
    tokens: Sequence[Credentials],
    make: Callable[[Credentials, int], A],
    tally: Tally,
    beat_s: float = BEAT_S,
) -> list[A]:
    """Bring one agent per token on line, wave by wave; each beats from its welcome on.

    Raises:
        RuntimeError: one of them was refused.
    """
    loop = asyncio.get_running_loop()
    agents: list[A] = []

    async def enter(number: int, credentials: Credentials) -> None:
        _, agent = await loop.create_connection(
            lambda: make(credentials, number), "127.0.0.1", port
        )
        await agent.live
        keep_beating(agent, beat_s)
        agents.append(agent)

    numbered = enumerate(tokens)
    while wave := list(islice(numbered, WAVE)):
        async with asyncio.TaskGroup() as group:
            for number, credentials in wave:
                group.create_task(enter(number, credentials), name=f"agent {number}")
        if tally.failure is not None:
            raise RuntimeError(tally.failure)
    return agents


def keep_beating(agent: Agent, interval_s: float) -> None:
    """Beat first after a random part of the interval, then at every interval."""
    loop = asyncio.get_running_loop()

    def beat() -> None:
        agent.beat()
        loop.call_later(interval_s, beat)

    loop.call_later(random.uniform(0, interval_s), beat)


async def idle(args: argparse.Namespace) -> None:
    """Connect, be idle, say how that was, and stay until SIGTERM.

    Raises:
        RuntimeError: an agent was refused or lost its connection.
    """
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    tokens = json.loads(args.tokens.read_text())[: args.agents]
    tally = Tally()
    since = time.perf_counter()
    agents = await connect(
        args.port, tokens, lambda who, number: Agent(tally, who, number, 0, 1), tally, args.beat
    )
    say(connected=len(agents), connect_s=round(time.perf_counter() - since, 2))
    tally.counting = True
    await asyncio.sleep(args.seconds)
    tally.counting = False
    if tally.failure is not None:
        raise RuntimeError(tally.failure)
    say(**beats(agents, tally))
    await over.wait()


def beats(agents: Sequence[Agent], tally: Tally) -> dict[str, Any]:
    """How soon heartbeats were answered; one that still waits counts with its waiting so far."""
    now = time.perf_counter()
    waited = [*tally.beats, *(now - at for agent in agents if (at := agent.oldest_beat()))]
    return {
        "heartbeats": len(waited),
        "heartbeat_p50_ms": percentile_ms(waited, 50),
        "heartbeat_p99_ms": percentile_ms(waited, 99),
    }


def say(**facts: Any) -> None:
    """Print one line of JSON."""
    print(json.dumps(facts), flush=True)


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="Agents that only beat.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tokens", type=Path, required=True)
    parser.add_argument("--agents", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--beat", type=float, default=BEAT_S, help="seconds between two beats")
    args = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(idle(args))


if __name__ == "__main__":
    main()
