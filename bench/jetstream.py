"""The same work on NATS JetStream with every write synchronised.

    python -m bench.jetstream respond --port N --agents A
    python -m bench.jetstream load --port N --agents A --window W --seconds S

A message is published to the stream UP; the server's answer to it, given after the fsync, is the
acknowledgement. The responder consumes UP, publishes each reply to the stream DOWN and then
acknowledges the message; each agent has a durable consumer on DOWN and acknowledges its replies.
"""

import argparse
import asyncio
import random
import time
from typing import Any, Final

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, StorageType, StreamConfig

from bench.agents import Tally
from bench.load import ID_CHARS, TEXT, command_line, few_at_once, measure, until_told

IN_HAND_MAX: Final = 4096  # messages that the responder works on at once
TIMEOUT_S: Final = 60.0  # of a publish: with 3,200 in flight one waits for seconds


async def connect(port: int) -> tuple[Client, JetStreamContext]:
    """A connection that gives up when it is lost: the run is void then."""
    client: Client = await nats.connect(f"nats://127.0.0.1:{port}", allow_reconnect=False)
    return client, client.jetstream(timeout=TIMEOUT_S)


def consumer(most: int) -> ConsumerConfig:
    """One that must acknowledge each message."""
    return ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, max_ack_pending=most, ack_wait=120.0)


async def respond(args: argparse.Namespace) -> None:
    """Be the hub until SIGTERM."""
    client, stream = await connect(args.port)
    for name in ("up", "down"):
        subjects = [f"{name}.*"]
        config = StreamConfig(name.upper(), subjects=subjects, storage=StorageType.FILE)
        await stream.add_stream(config)

    async def reply(message: Msg) -> None:
        await stream.publish(message.subject.replace("up", "down"), message.data)
        await message.ack()

    async with asyncio.TaskGroup() as group:

        async def take(message: Msg) -> None:
            group.create_task(reply(message))

        await stream.subscribe(
            "up.*",
            durable="hub",
            stream="UP",
            cb=take,
            manual_ack=True,
            config=consumer(IN_HAND_MAX),
        )
        await until_told(args.port)
        await client.close()


class Agent:
    """One agent with a connection of its own and a durable consumer of its replies."""

    def __init__(self, tally: Tally, number: int, window: int, group: asyncio.TaskGroup) -> None:
        self._tally = tally
        self._number = number
        self._window = window
        self._group = group
        self._waiting: dict[bytes, asyncio.Future[None]] = {}
        self._slots: list[asyncio.Task[None]] = []
        self._closed = False
        self._stream: JetStreamContext | None = None

    async def connect(self, port: int) -> None:
        """Open the connection and make the consumer."""
        _, self._stream = await connect(port)
        await self._stream.subscribe(
            f"down.{self._number}",
            durable=f"agent-{self._number}",
            stream="DOWN",
            cb=self._take,
            manual_ack=True,
            config=consumer(self._window * 2),
        )

    def start(self) -> None:
        """Fill the window."""
        for _ in range(self._window):
            self._slots.append(self._group.create_task(self._converse()))

    def close(self) -> None:
        """Send nothing any more; nats-py swallows some cancellations, hence the flag."""
        self._closed = True
        for slot in self._slots:
            slot.cancel()

    async def _converse(self) -> None:
        assert self._stream is not None
        loop = asyncio.get_running_loop()
        while not self._closed:
            message_id, since = f"{random.getrandbits(128):032x}".encode(), time.perf_counter()
            answered = self._waiting[message_id] = loop.create_future()
            await self._stream.publish(f"up.{self._number}", message_id + TEXT.encode())
            if self._tally.counting:
                self._tally.acks.append(time.perf_counter() - since)
            await answered
            if self._tally.counting:
                self._tally.round_trips.append(time.perf_counter() - since)

    async def _take(self, message: Msg) -> None:
        answered = self._waiting.pop(message.data[:ID_CHARS])
        if not answered.done():  # cancelled at the end
            answered.set_result(None)
        await message.ack()


async def load(args: argparse.Namespace) -> dict[str, Any]:
    """Run the load and sum it up."""
    tally = Tally()
    async with asyncio.TaskGroup() as group:
        agents = [Agent(tally, number, args.window, group) for number in range(args.agents)]
        await few_at_once(agent.connect(args.port) for agent in agents)
        return await measure(args, tally, agents)


if __name__ == "__main__":
    command_line("NATS JetStream at our work.", respond=respond, load=load)
