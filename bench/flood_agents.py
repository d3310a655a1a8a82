"""Agents that send as fast as the hub acknowledges, and wait for no reply.

    python -m bench.flood_agents --port 8080 --tokens tokens.json --agents 1000 --seconds 60

Each keeps a full window of messages from many customers on the way and beats as in life. When the
hub asks for a pause they pause; with `--deaf` they do not hear it. Two lines of JSON: when all are
connected, and, a little later, what became of the flood.
"""

import argparse
import asyncio
import json
import time
from pathlib import Path
from typing import Any, Final

import msgspec
import uvloop

from bench.agents import Agent, Data, Frame, Tally, percentile_ms
from bench.idle_agents import BEAT_S, beats, connect, say
from protocol.session import Settings

WINDOW: Final = Settings().window  # what the hub announces
CHATS: Final = 100  # of each agent
CALM_S: Final = 0.5  # before the flood, in which the hub is weighed


class Notice(Data):
    """What matters of an error, too."""

    code: str = ""
    retry_after_s: float = 0.0


class Notification(Frame):
    """Any frame, an error included."""

    data: Notice


class Flooder(Agent):
    """Keeps the window full of unacknowledged messages."""

    def __init__(
        self, tally: Tally, credentials: dict[str, str], number: int, *, deaf: bool
    ) -> None:
        super().__init__(tally, credentials, number, WINDOW, CHATS)
        self._decoder = msgspec.json.Decoder[Frame](Notification)
        self._deaf = deaf
        self._paused_until = 0.0
        self._flooding = False
        self.pauses = 0

    def start(self) -> None:
        """Begin."""
        self._flooding = True
        self._fill()

    def stop(self) -> None:
        """Send nothing more."""
        self._flooding = False

    def _fill(self) -> None:
        now = time.perf_counter()
        room = self._window - (self._seq - self._acked)
        if self._flooding and room and now >= self._paused_until:
            self._write(*self._messages(room, now))

    def _take_reply(self, frame: Frame, now: float) -> int:
        """A reply is acknowledged, but it calls for no message."""
        super()._take_reply(frame, now)
        return 0

    def _take_control(self, frame: Frame, now: float) -> None:
        match frame:
            case Notification(type="error", data=Notice(code="busy", retry_after_s=pause_s)):
                self.pauses += 1
                if not self._deaf:
                    self._paused_until = now + pause_s
                    asyncio.get_running_loop().call_later(pause_s, self._fill)
            case _:
                super()._take_control(frame, now)
                self._fill()


async def flood(args: argparse.Namespace) -> None:
    """Connect, flood, and say what became of it.

    Raises:
        RuntimeError: an agent was refused or lost its connection.
    """
    tokens = json.loads(args.tokens.read_text())[: args.agents]
    tally = Tally()
    agents = await connect(
        args.port,
        tokens,
        lambda who, number: Flooder(tally, who, number, deaf=args.deaf),
        tally,
        args.beat,
    )
    say(connected=len(agents))
    await asyncio.sleep(CALM_S)
    tally.counting, since = True, time.perf_counter()
    for agent in agents:
        agent.start()
    await asyncio.sleep(args.seconds)
    tally.counting = False
    for agent in agents:
        agent.stop()
    if tally.failure is not None:
        raise RuntimeError(tally.failure)
    say(**summary(agents, tally, time.perf_counter() - since), **beats(agents, tally))
    for agent in agents:
        agent.close()


def summary(agents: list[Flooder], tally: Tally, seconds: float) -> dict[str, Any]:
    """What the hub took, and what it sent meanwhile."""
    return {
        "events": len(tally.acks),
        "events_per_s": round(len(tally.acks) / seconds, 1),
        "ack_p50_ms": percentile_ms(tally.acks, 50),
        "ack_p99_ms": percentile_ms(tally.acks, 99),
        "replies_per_s": round(len(tally.round_trips) / seconds, 1),
        "pauses_per_agent": round(sum(agent.pauses for agent in agents) / len(agents), 2),
    }


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="Agents that flood a hub.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tokens", type=Path, required=True)
    parser.add_argument("--agents", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--beat", type=float, default=BEAT_S, help="seconds between two beats")
    parser.add_argument("--deaf", action="store_true", help="do not pause when asked to")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(flood(parser.parse_args()))


if __name__ == "__main__":
    main()
