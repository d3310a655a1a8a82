"""The same work on Redis Streams with appendfsync always.

    python -m bench.redis_streams respond --port N --agents A
    python -m bench.redis_streams load --port N --agents A --window W --seconds S

A message is added to the stream `up`; its answer to XADD, which Redis gives after the fsync, is the
acknowledgement. The responder reads `up` as a consumer group, adds each reply to its agent's stream
and acknowledges what it read, all in one write; the agent reads its stream the same way. The lean
client pipelines whatever it can, so that Redis and not Python is measured.
"""

import argparse
import asyncio
import random
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, cast

import hiredis

from bench.agents import Tally
from bench.load import TEXT, command_line, few_at_once, measure, until_told

UP: Final = "up"
GROUP: Final = "readers"
READ_MAX: Final = 512  # entries that the responder takes at once


class Connection(asyncio.Protocol):
    """Sends commands without waiting and hands on their answers in order."""

    def __init__(self, hear: Callable[[Any], None], failed: Callable[[str], None]) -> None:
        self._hear = hear
        self._failed = failed
        self._closed = False
        self._reader = hiredis.Reader()
        self._transport: asyncio.Transport | None = None

    async def connect(self, port: int) -> None:
        """Open the connection."""
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self, "127.0.0.1", port)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be ready."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The run is void when it happens before its end."""
        if not self._closed:
            self._failed(f"a connection was lost: {exc}")

    def data_received(self, data: bytes) -> None:
        """Hand on the answers that are complete."""
        self._reader.feed(data)
        while (answer := self._reader.gets()) is not False:
            if isinstance(answer, hiredis.ReplyError):
                self._failed(str(answer))
            else:
                self._hear(answer)

    def send(self, *commands: tuple[Any, ...]) -> None:
        """Send commands in one write."""
        assert self._transport is not None
        self._transport.write(b"".join(map(hiredis.pack_command, commands)))

    def close(self) -> None:
        """Say and hear nothing any more."""
        self._closed = True
        if self._transport is not None:
            self._transport.abort()


def stream_of(agent: int | bytes) -> str:
    """The stream of an agent's replies."""
    return f"down:{int(agent)}"


def read(stream: str, consumer: str, most: int) -> tuple[Any, ...]:
    """The command that waits for entries of a stream."""
    return (
        *("XREADGROUP", "GROUP", GROUP, consumer, "COUNT", most),
        *("BLOCK", 0, "STREAMS", stream, ">"),
    )


class Responder:
    """The hub's part: a durable reply for each message, then the acknowledgement."""

    def __init__(self) -> None:
        self._reading = Connection(self._entries, fail)
        self._writing = Connection(lambda _: None, fail)

    async def connect(self, port: int, agents: int) -> None:
        """Make the streams, and begin to read."""
        await self._reading.connect(port)
        await self._writing.connect(port)
        ready = asyncio.get_running_loop().create_future()
        left = agents + 1

        def made(_: Any) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                ready.set_result(None)

        making = Connection(made, fail)
        await making.connect(port)
        for stream in (UP, *map(stream_of, range(agents))):
            making.send(("XGROUP", "CREATE", stream, GROUP, "$", "MKSTREAM"))
        await ready
        making.close()
        self._reading.send(read(UP, "hub", READ_MAX))

    def close(self) -> None:
        """End both connections."""
        self._reading.close()
        self._writing.close()

    def _entries(self, answer: Any) -> None:
        entries = answer[0][1]
        replies = [
            ("XADD", stream_of(fields[1]), "*", "id", fields[3], "text", fields[5])
            for _, fields in entries
        ]
        self._writing.send(*replies, ("XACK", UP, GROUP, *(entry[0] for entry in entries)))
        self._reading.send(read(UP, "hub", READ_MAX))


def fail(why: str) -> None:
    """End the responder: its run is void."""
    raise SystemExit(why)


class Agent:
    """One agent: a connection that waits for replies, and one for everything else."""

    def __init__(self, tally: Tally, number: int, window: int) -> None:
        self._tally = tally
        self._number = number
        self._window = window
        self._stream = stream_of(number)
        self._asked: deque[float] = deque()  # per command under way: when sent, 0 if it is an ack
        self._waiting: dict[bytes, float] = {}
        self._writing = Connection(self._answered, self._fail)
        self._reading = Connection(self._entries, self._fail)

    async def connect(self, port: int) -> None:
        """Open both connections."""
        await self._writing.connect(port)
        await self._reading.connect(port)

    def start(self) -> None:
        """Fill the window."""
        self._reading.send(read(self._stream, "agent", self._window))
        self._writing.send(*(self._message(time.perf_counter()) for _ in range(self._window)))

    def close(self) -> None:
        """Say and hear nothing any more."""
        self._writing.close()
        self._reading.close()

    def _message(self, now: float) -> tuple[Any, ...]:
        message_id = f"{random.getrandbits(128):032x}"
        self._waiting[message_id.encode()] = now
        self._asked.append(now)
        return ("XADD", UP, "*", "agent", self._number, "id", message_id, "text", TEXT)

    def _answered(self, _: Any) -> None:
        since = self._asked.popleft()
        if since and self._tally.counting:
            self._tally.acks.append(time.perf_counter() - since)

    def _entries(self, answer: Any) -> None:
        now, entries = time.perf_counter(), answer[0][1]
        for _, fields in entries:
            waited = now - self._waiting.pop(fields[1])
            if self._tally.counting:
                self._tally.round_trips.append(waited)
        self._asked.append(0.0)
        acks = ("XACK", self._stream, GROUP, *(entry[0] for entry in entries))
        self._writing.send(acks, *(self._message(now) for _ in entries))
        self._reading.send(read(self._stream, "agent", self._window))

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
    command_line("Redis Streams at our work.", respond=respond, load=load)
