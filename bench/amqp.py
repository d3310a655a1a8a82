"""As much of AMQP 0-9-1 as the comparison needs, so that RabbitMQ and not a client is measured.

One connection with one channel in confirm mode; deliveries and confirms are handed on as they come,
and everything that is sent goes out in as few writes as possible.
"""

import asyncio
import struct
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, cast

METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8  # types of frames
FRAME_END: Final = b"\xce"
CHANNEL: Final = 1
LOGIN: Final = b"\0guest\0guest"

START, START_OK, TUNE, TUNE_OK = (10, 10), (10, 11), (10, 30), (10, 31)
OPEN, OPEN_OK, CLOSE = (10, 40), (10, 41), (10, 50)
CHANNEL_OPEN, CHANNEL_OPEN_OK, CHANNEL_CLOSE = (20, 10), (20, 11), (20, 40)
DECLARE, DECLARE_OK = (50, 10), (50, 11)
QOS, QOS_OK, CONSUME, CONSUME_OK = (60, 10), (60, 11), (60, 20), (60, 21)
PUBLISH, DELIVER, ACK, NACK = (60, 40), (60, 60), (60, 80), (60, 120)
CONFIRM, CONFIRM_OK = (85, 10), (85, 11)
PERSISTENT: Final = struct.pack("!HB", 0x1000, 2)  # the one property that is set
DURABLE: Final = 0b00010


class Delivery(NamedTuple):
    """A message for us."""

    tag: int
    body: bytes


class Confirm(NamedTuple):
    """The broker has stored what we published, `multiple`: and everything before it."""

    tag: int
    multiple: bool


def short(text: str) -> bytes:
    """A string of up to 255 bytes."""
    return bytes((len(text),)) + text.encode()


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    """A frame."""
    return struct.pack("!BHI", kind, channel, len(payload)) + payload + FRAME_END


def method(name: tuple[int, int], arguments: bytes = b"", channel: int = CHANNEL) -> bytes:
    """A frame with a method."""
    return frame(METHOD, channel, struct.pack("!HH", *name) + arguments)


def publish(queue: str, body: bytes) -> bytes:
    """The frames of a persistent message through the default exchange."""
    return (
        method(PUBLISH, b"\0\0" + short("") + short(queue) + b"\0")
        + frame(HEADER, CHANNEL, struct.pack("!HHQ", 60, 0, len(body)) + PERSISTENT)
        + frame(BODY, CHANNEL, body)
    )


def acknowledge(tag: int, multiple: bool = False) -> bytes:
    """The frame that lets the broker forget a delivery."""
    return method(ACK, struct.pack("!Q?", tag, multiple))


class Connection(asyncio.Protocol):
    """One connection; `hear` gets the deliveries and confirms of each read together."""

    def __init__(
        self, hear: Callable[[list[Delivery | Confirm]], None], failed: Callable[[str], None]
    ) -> None:
        self._hear = hear
        self._failed = failed
        self._closed = False
        self._buffer = b""
        self._tag = 0  # of the delivery whose body is awaited
        self._body = b""
        self._body_size = 0
        self._answers: asyncio.Queue[tuple[tuple[int, int], bytes]] = asyncio.Queue()
        self._transport: asyncio.Transport | None = None

    async def connect(self, port: int) -> None:
        """Log in and open the channel in confirm mode."""
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self, "127.0.0.1", port)
        self.send(b"AMQP\0\0\x09\x01")
        await self._answer(START)
        login = struct.pack("!I", len(LOGIN)) + LOGIN
        self.send(method(START_OK, bytes(4) + short("PLAIN") + login + short("en_US"), 0))
        limits = await self._answer(TUNE)
        self.send(method(TUNE_OK, limits[:6] + bytes(2), 0))  # without heartbeats
        self.send(method(OPEN, short("/") + short("") + b"\0", 0))
        await self._answer(OPEN_OK)
        await self._ask(CHANNEL_OPEN, short(""), CHANNEL_OPEN_OK)
        await self._ask(CONFIRM, b"\0", CONFIRM_OK)

    async def declare(self, queue: str) -> None:
        """Make a durable queue, unless it is there."""
        arguments = b"\0\0" + short(queue) + bytes((DURABLE,)) + bytes(4)
        await self._ask(DECLARE, arguments, DECLARE_OK)

    async def consume(self, queue: str, prefetch: int) -> None:
        """Have the queue's messages delivered, that many unacknowledged at most."""
        await self._ask(QOS, struct.pack("!IH?", 0, prefetch, False), QOS_OK)
        arguments = b"\0\0" + short(queue) + short("") + b"\0" + bytes(4)
        await self._ask(CONSUME, arguments, CONSUME_OK)

    def send(self, *frames: bytes) -> None:
        """Send frames in one write."""
        assert self._transport is not None
        self._transport.write(b"".join(frames))

    def close(self) -> None:
        """Say and hear nothing any more."""
        self._closed = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be ready."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The run is void when it happens before its end."""
        if not self._closed:
            self._failed(f"a connection was lost: {exc}")

    def data_received(self, data: bytes) -> None:
        """Sort what has come."""
        self._buffer += data
        heard: list[Delivery | Confirm] = []
        for kind, payload in self._frames():
            if kind == METHOD:
                self._take(struct.unpack_from("!HH", payload), payload[4:], heard)
            elif kind == HEADER:
                self._body, self._body_size = b"", int.from_bytes(payload[4:12], "big")
            elif kind == BODY:
                self._body += payload
                if len(self._body) >= self._body_size:
                    heard.append(Delivery(self._tag, self._body))
        if heard:
            self._hear(heard)

    def _take(self, name: Any, rest: bytes, heard: list[Delivery | Confirm]) -> None:
        if name == DELIVER:
            consumer = rest[0] + 1
            self._tag = int.from_bytes(rest[consumer : consumer + 8], "big")
        elif name == ACK:
            heard.append(Confirm(*struct.unpack("!Q?", rest)))
        elif name in (CLOSE, CHANNEL_CLOSE, NACK):
            self._failed(f"the broker refuses: {name} {rest!r}")
        else:
            self._answers.put_nowait((name, rest))

    def _frames(self) -> Iterator[tuple[int, bytes]]:
        """The complete frames in the buffer."""
        buffer, at = self._buffer, 0
        while len(buffer) - at >= 8:
            kind, _, size = struct.unpack_from("!BHI", buffer, at)
            if len(buffer) - at < size + 8:
                break
            yield kind, buffer[at + 7 : at + 7 + size]
            at += size + 8
        self._buffer = buffer[at:]

    async def _ask(self, name: tuple[int, int], arguments: bytes, answer: tuple[int, int]) -> None:
        self.send(method(name, arguments))
        await self._answer(answer)

    async def _answer(self, expected: tuple[int, int]) -> bytes:
        """Raises ConnectionError when something else comes."""
        name, rest = await self._answers.get()
        if name != expected:
            raise ConnectionError(f"{name} in place of {expected}")
        return rest
