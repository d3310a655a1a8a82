"""The same work on RabbitMQ: durable queues, persistent messages, publisher confirms, manual acks.

    python -m bench.rabbitmq respond --port N --agents A
    python -m bench.rabbitmq load --port N --agents A --window W --seconds S

A message is published to the queue `up`; the broker's confirm, given when it is on disk, is the
acknowledgement. The responder publishes each reply to its agent's queue and acknowledges the
message when the broker has confirmed the reply; the agent acknowledges what it received.
"""

import argparse
import random
import time
from typing import Any, Final

from bench.agents import Tally
from bench.amqp import Confirm, Connection, Delivery, acknowledge, publish
from bench.load import ID_CHARS, TEXT, command_line, few_at_once, measure, until_told

UP: Final = "up"
AGENT_CHARS: Final = 5  # of a message, before the id: who sent it
IN_HAND_MAX: Final = 4096  # messages that the responder works on at once


def queue_of(agent: int) -> str:
    """The queue of an agent's replies."""
    return f"down-{agent}"


class Responder:
    """The hub's part.

    It publishes in the order of the deliveries and nothing else, so both are counted alike: a
    confirm's number is the number of the delivery that may be acknowledged.
    """

    def __init__(self) -> None:
        self._connection = Connection(self._hear, fail)

    async def connect(self, port: int, agents: int) -> None:
        """Make the queues and consume `up`."""
        await self._connection.connect(port)
        for agent in range(agents):
            await self._connection.declare(queue_of(agent))
        await self._connection.declare(UP)
        await self._connection.consume(UP, IN_HAND_MAX)

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def _hear(self, heard: list[Delivery | Confirm]) -> None:
        frames = [
            acknowledge(one.tag, one.multiple)
            if isinstance(one, Confirm)
            else publish(queue_of(int(one.body[:AGENT_CHARS])), one.body)
            for one in heard
        ]
        self._connection.send(*frames)


def fail(why: str) -> None:
    """End the responder: its run is void."""
    raise SystemExit(why)


class Agent:
    """One agent with a connection of its own."""

    def __init__(self, tally: Tally, number: int, window: int) -> None:
        self._tally = tally
        self._number = number
        self._window = window
        self._published = 0
        self._confirmed = 0
        self._unconfirmed: dict[int, float] = {}
        self._waiting: dict[bytes, float] = {}
        self._connection = Connection(self._hear, self._fail)

    async def connect(self, port: int) -> None:
        """Open the connection and consume the replies."""
        await self._connection.connect(port)
        await self._connection.consume(queue_of(self._number), self._window * 2)

    def start(self) -> None:
        """Fill the window."""
        now = time.perf_counter()
        self._connection.send(*(self._message(now) for _ in range(self._window)))

    def close(self) -> None:
        """Say and hear nothing any more."""
        self._connection.close()

    def _message(self, now: float) -> bytes:
        message_id = f"{random.getrandbits(128):032x}".encode()
        self._published += 1
        self._unconfirmed[self._published] = self._waiting[message_id] = now
        return publish(UP, f"{self._number:05d}".encode() + message_id + TEXT.encode())

    def _hear(self, heard: list[Delivery | Confirm]) -> None:
        now, frames = time.perf_counter(), []
        for one in heard:
            if isinstance(one, Confirm):
                self._confirm(one, now)
                continue
            waited = now - self._waiting.pop(one.body[AGENT_CHARS : AGENT_CHARS + ID_CHARS])
            if self._tally.counting:
                self._tally.round_trips.append(waited)
            frames += [acknowledge(one.tag), self._message(now)]
        self._connection.send(*frames)

    def _confirm(self, confirm: Confirm, now: float) -> None:
        if confirm.multiple:
            tags = [tag for tag in self._unconfirmed if tag <= confirm.tag]
        else:
            tags = [confirm.tag]
        for tag in tags:
            waited = now - self._unconfirmed.pop(tag)
            if self._tally.counting:
                self._tally.acks.append(waited)

    def _fail(self, why: str) -> None:
        self._tally.failure = self._tally.failure or why


async def respond(args: argparse.Namespace) -> None:
    """Be the hub until SIGTERM."""
    responder = Responder()
    await responder.connect(args.port, args.agents)
    await until_told(args.port)
    responder.close()


async def load(args: argparse.Namespace) -> dict[str, Any]:
    """Run the load and sum it up."""
    tally = Tally()
    agents = [Agent(tally, number, args.window) for number in range(args.agents)]
    await few_at_once(agent.connect(args.port) for agent in agents)
    return await measure(args, tally, agents)


if __name__ == "__main__":
    command_line("RabbitMQ at our work.", respond=respond, load=load)
