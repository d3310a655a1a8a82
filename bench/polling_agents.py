"""A load of polling agents on bench/polling.py.

    python -m bench.polling_agents load --port N --agents A --window W --seconds S
    python -m bench.polling_agents wait --port N --agents A --seconds S

`load`: every agent keeps W messages in flight, each on a connection of its own that stays open; a
round trip is a message sent, committed and answered in the response, and its reply acknowledged
with the next message. `wait`: the reply is fetched by a poll every POLL_S, as in the design that is
replaced; customers write at moments from a seed.
"""

import argparse
import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, cast

import msgspec

from bench.agents import Tally, summary
from bench.load import TEXT, command_line, few_at_once, measure
from bench.polling import Replies

POLL_S: Final = 2.0  # of the design that is replaced
SEED: Final = 20_251_120
PAUSE_MAX_S: Final = POLL_S  # between a reply and the next message: at any point between polls
HEAD: Final = (
    "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"
    "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
)
BODY: Final = (
    '{"id":"%s","account":"%s","chat":"%s","wa_id":"%s","sent_at":"%s","inline":%s,"acks":%s,'
    f'"text":"{TEXT}"}}'
)
SENT_AT: Final = "2026-01-01T00:00:00.000Z"  # the polling hub only keeps it


class Caller(asyncio.Protocol):
    """One kept connection with one request under way; hands on the body of each response."""

    def __init__(self, tally: Tally, hear: Callable[[Replies], None]) -> None:
        self._tally = tally
        self._hear = hear
        self._buffer = b""
        self._closed = False
        self._decoder = msgspec.json.Decoder(Replies)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be ready."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The run is void when it happens before its end."""
        if not self._closed and self._tally.failure is None:
            self._tally.failure = f"a connection was lost: {exc}"

    def data_received(self, data: bytes) -> None:
        """Take a response once it is complete."""
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return
        size = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(body) < size:
            return
        self._buffer = b""
        if not head.startswith(b"HTTP/1.1 200 "):
            self._tally.failure = head.decode(errors="replace")
            return
        self._hear(self._decoder.decode(body))

    def call(self, method: str, path: str, token: str, body: str = "") -> None:
        """Send a request."""
        assert self._transport is not None
        self._transport.write((HEAD % (method, path, token, len(body)) + body).encode())

    def close(self) -> None:
        """Say and hear nothing any more."""
        self._closed = True
        if self._transport is not None:
            self._transport.abort()


class Slot:
    """One message in flight of one agent."""

    def __init__(self, tally: Tally, agent: int) -> None:
        self._tally = tally
        self._token = f"sak_a_{agent:043d}"
        self._account = f"+9198{agent:08d}"
        self._chat = f"{910_000_000_000 + random.getrandbits(36)}@c.us"
        self._sent_at = 0.0
        self._caller = Caller(tally, self._answered)

    async def connect(self, port: int) -> None:
        """Open the connection."""
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self._caller, "127.0.0.1", port)

    def start(self) -> None:
        """Send the first message."""
        self._send("[]")

    def close(self) -> None:
        """Say and hear nothing any more."""
        self._caller.close()

    def _send(self, acks: str) -> None:
        self._sent_at = time.perf_counter()
        self._caller.call(
            "POST", "/messages", self._token, post(self._account, self._chat, "true", acks)
        )

    def _answered(self, heard: Replies) -> None:
        if self._tally.counting:
            waited = time.perf_counter() - self._sent_at
            self._tally.round_trips.append(waited)
            self._tally.acks.append(waited)
        self._send(f"[{heard.replies[0].id}]")


def post(account: str, chat: str, inline: str, acks: str) -> str:
    """The body of a message."""
    bits = f"{random.getrandbits(128):032x}"
    return BODY % (bits, account, chat, bits[:20], SENT_AT, inline, acks)


async def load(args: argparse.Namespace) -> dict[str, Any]:
    """Run the load and sum it up."""
    tally = Tally()
    slots = [Slot(tally, agent) for agent in range(args.agents) for _ in range(args.window)]
    await few_at_once(slot.connect(args.port) for slot in slots)
    return await measure(args, tally, slots)


class Poller:
    """An agent that posts what its customer writes and fetches replies every POLL_S."""

    def __init__(self, tally: Tally, agent: int) -> None:
        self._tally = tally
        self._token = f"sak_a_{agent:043d}"
        self._account = f"+9198{agent:08d}"
        self._chat = f"{910_000_000_000 + agent}@c.us"
        self._dice = random.Random(SEED + agent)
        self._heard: asyncio.Queue[Replies] = asyncio.Queue()
        self._caller = Caller(tally, self._heard.put_nowait)
        self._turns = asyncio.Lock()  # one request at a time on the connection
        self._answered = asyncio.Event()

    async def work(self, port: int) -> None:
        """Converse and poll until cancelled."""
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self._caller, "127.0.0.1", port)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._converse())
            group.create_task(self._poll())

    def close(self) -> None:
        """Say and hear nothing any more."""
        self._caller.close()

    async def _converse(self) -> None:
        while True:
            await asyncio.sleep(self._dice.uniform(0, PAUSE_MAX_S))
            self._answered.clear()
            since = time.perf_counter()
            await self._call("POST", "/messages", post(self._account, self._chat, "false", "[]"))
            if self._tally.counting:
                self._tally.acks.append(time.perf_counter() - since)
            await self._answered.wait()
            if self._tally.counting:
                self._tally.round_trips.append(time.perf_counter() - since)

    async def _poll(self) -> None:
        await asyncio.sleep(self._dice.uniform(0, POLL_S))
        while True:
            found = await self._call("GET", "/replies")
            if found.replies:
                self._answered.set()
                acks = ",".join(str(reply.id) for reply in found.replies)
                await self._call("POST", "/acks", f"[{acks}]")
            await asyncio.sleep(POLL_S)

    async def _call(self, method: str, path: str, body: str = "") -> Replies:
        async with self._turns:
            self._caller.call(method, path, self._token, body)
            return await self._heard.get()


async def wait(args: argparse.Namespace) -> dict[str, Any]:
    """Measure how long replies wait for the next poll."""
    tally = Tally()
    tally.counting = True
    pollers = [Poller(tally, agent) for agent in range(args.agents)]
    with suppress(TimeoutError):
        async with asyncio.timeout(args.seconds), asyncio.TaskGroup() as group:
            for poller in pollers:
                group.create_task(poller.work(args.port))
    for poller in pollers:
        poller.close()
    if tally.failure is not None:
        raise RuntimeError(tally.failure)
    return summary(tally, args.seconds, time.process_time())


if __name__ == "__main__":
    command_line("A load of polling agents.", load=load, wait=wait)
