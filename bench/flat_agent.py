"""One agent, one message in flight, for a number of turns; what they take of time and processor.

    python -m bench.flat_agent --port 8080 --tokens tokens.json --hub-pid 4711 --chats 10
                               --warmup 100 --turns 50

The warm-up is of other customers. The last line is one JSON object: milliseconds from a message to
its reply, and the hub's processor time per turn.
"""

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any, Final

import uvloop

from bench.agents import CHATS_MAX, Agent, Tally, percentile_ms
from bench.weight import cpu_s

PATIENCE_S: Final = 120.0


class Counted(Agent):
    """Counts replies: some to warm up, then those that are measured."""

    def __init__(self, tally: Tally, credentials: dict[str, str], args: argparse.Namespace) -> None:
        super().__init__(tally, credentials, 0, 1, CHATS_MAX)
        self._args = args
        self._measured_customer = self._customer
        self._customer += CHATS_MAX
        self._cpu_before = 0.0
        self.used_s: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        """Begin and end the measurement between two turns: a reply and the next message are one."""
        args = self._args
        if self._seq == args.warmup:  # the last message to warm up: others write from now on
            self._customer, self._chats = self._measured_customer, args.chats
        super().data_received(data)
        replies = self._seq - 1
        if replies == args.warmup and not self._tally.counting:
            self._cpu_before = cpu_s(args.hub_pid)
            self._tally.counting = True
        elif replies == args.warmup + args.turns and not self.used_s.done():
            self._tally.counting = False
            self.used_s.set_result(cpu_s(args.hub_pid) - self._cpu_before)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody has to wait for what does not come any more."""
        super().connection_lost(exc)
        if not self.used_s.done():
            self.used_s.set_exception(RuntimeError(self._tally.failure))


async def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Talk so long, and sum it up.

    Raises:
        RuntimeError: the connection was refused or lost.
        TimeoutError: a reply did not come.
    """
    tokens = json.loads(args.tokens.read_text())
    tally = Tally()
    async with asyncio.timeout(PATIENCE_S):
        _, agent = await asyncio.get_running_loop().create_connection(
            lambda: Counted(tally, tokens[0], args), "127.0.0.1", args.port
        )
        await agent.live
        agent.start()
        used_s = await agent.used_s
        agent.close()
    return {
        "turns": len(tally.round_trips),
        "p50_ms": percentile_ms(tally.round_trips, 50),
        "p95_ms": percentile_ms(tally.round_trips, 95),
        "cpu_ms": round(used_s * 1000 / len(tally.round_trips), 4),
    }


def main() -> None:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description="One agent that counts its turns.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tokens", type=Path, required=True)
    parser.add_argument("--hub-pid", type=int, required=True)
    parser.add_argument("--chats", type=int, required=True)
    parser.add_argument("--warmup", type=int, required=True)
    parser.add_argument("--turns", type=int, required=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(measure(parser.parse_args()))))


if __name__ == "__main__":
    main()
