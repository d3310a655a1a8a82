"""An agent that costs next to nothing: frames over a bare TCP stream, no session, no library.

It says what it is told to, rules or not, and keeps what it hears.
"""

import asyncio
import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from typing import Final, Self
from uuid import UUID, uuid4

from protocol import codec
from protocol.codec import LogRow
from protocol.messages import (
    SUBPROTOCOL,
    Ack,
    Control,
    Error,
    Event,
    EventData,
    Heartbeat,
    HeartbeatAck,
    HeldPosition,
    Hello,
    Instant,
    LogHead,
    Software,
    Typing,
    Welcome,
)
from tests.hub.gateway.client import READY

WINDOW: Final = 32
WAIT_S: Final = 20.0
TEXT, CLOSE = 1, 8
ABNORMAL: Final = 1006


class Lean:
    """One connection of an agent and what it heard.

    A deaf one looks for `awaited` in what comes in and reads nothing else: to understand a flood of
    answers would slow everybody down who shares its loop.
    """

    def __init__(self, agent_id: str, token: str, *, deaf: bool = False) -> None:
        self.agent_id = agent_id
        self.token = token
        self.deaf = deaf
        self.awaited: bytes | None = None
        self.seq = 0
        self.acked = 0
        self.sent_bytes = 0
        self.beats: list[int] = []
        self.errors: list[Error] = []
        self.orders: list[Event] = []
        self.typing: list[Typing] = []
        self.closed: int | None = None
        self._epoch = uuid4().hex
        self._heard, self._sent = asyncio.Event(), asyncio.Event()
        self._reader: StreamReader
        self._writer: StreamWriter

    async def dial(self, port: int, group: asyncio.TaskGroup) -> Self:
        """Connect and wait for the welcome; `group` listens until the end or `cut`."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
        self._writer.write(self._upgrade())
        answer = await self._reader.readuntil(b"\r\n\r\n")
        assert b" 101 " in answer.splitlines()[0], answer
        await self.send(codec.encode(self._hello()))
        _, frame = await self._frame()
        assert isinstance(codec.decode(frame.decode()), Welcome)
        group.create_task(self._listen(), name=f"{self.agent_id} listens")
        return self

    def cut(self) -> None:
        """Lose the network: no close frame."""
        self._writer.transport.abort()

    def event(self, data: EventData, event_id: UUID | None = None) -> str:
        """The frame of the next event."""
        return self.next_frame(data.TYPE, codec.encode_data(data), event_id)

    def next_frame(self, name: str, data: str, event_id: UUID | None = None) -> str:
        """The frame of the next event, of any type and with any data."""
        self.seq += 1
        row = LogRow(event_id or uuid4(), self.seq, Instant(0), name, data)
        return codec.encode_row(row)

    async def send(self, *frames: str) -> None:
        """Put frames on the socket, once it takes them."""
        await self.send_bytes(framed(*frames))

    async def send_bytes(self, frames: bytes) -> None:
        """The same for frames that are made already."""
        self._writer.write(frames)
        await self._writer.drain()
        self.sent_bytes += len(frames)
        self._sent.set()

    async def has_sent(self, size: int) -> None:
        """Wait until so many bytes went out; only one task may wait."""
        async with asyncio.timeout(WAIT_S):
            while self.sent_bytes < size:
                self._sent.clear()
                await self._sent.wait()

    async def beat(self, n: int) -> None:
        """Send a heartbeat and wait until it is answered: all that was sent before is taken."""
        answer = f'"heartbeat.ack","data":{{"n":{n},'.encode()
        self.awaited = answer
        await self.send(codec.encode(Heartbeat(n=n, status=READY)))
        await self.until(lambda: n in self.beats or self.awaited is not answer)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Listen until `holds`; only one task may wait."""
        async with asyncio.timeout(WAIT_S):
            while not holds():
                assert self.closed is None, f"closed with {self.closed}: {self.errors}"
                self._heard.clear()
                await self._heard.wait()

    async def _listen(self) -> None:
        try:
            await (self._skim() if self.deaf else self._hear())
        finally:
            self.cut()

    async def _hear(self) -> None:
        while self.closed is None:
            try:
                opcode, payload = await self._frame()
            except (asyncio.IncompleteReadError, ConnectionError):
                opcode, payload = CLOSE, struct.pack("!H", ABNORMAL)
            if opcode == CLOSE:
                (self.closed,) = struct.unpack("!H", payload[:2])
            else:
                self._take(payload.decode())
            self._heard.set()

    async def _skim(self) -> None:
        tail = b""
        while chunk := await self._reader.read(2**16):
            tail = tail[-100:] + chunk
            if self.awaited is not None and self.awaited in tail:
                self.awaited = None
                self._heard.set()
        self.closed = ABNORMAL
        self._heard.set()

    def _take(self, frame: str) -> None:
        match codec.decode(frame):
            case Ack(seq=seq):
                self.acked = seq
            case HeartbeatAck(n=n):
                self.beats.append(n)
            case Error() as error:
                self.errors.append(error)
            case Event() as order:
                self.orders.append(order)
                self._say(Ack(seq=order.seq))
            case Typing() as typing:
                self.typing.append(typing)
            case _:
                pass

    def _say(self, control: Control) -> None:
        self._writer.write(framed(codec.encode(control)))

    async def _frame(self) -> tuple[int, bytes]:
        first, size = await self._reader.readexactly(2)
        if size == 126:
            (size,) = struct.unpack("!H", await self._reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", await self._reader.readexactly(8))
        return first & 0x0F, await self._reader.readexactly(size)

    def _upgrade(self) -> bytes:
        head = (
            "GET /agent HTTP/1.1",
            "Host: 127.0.0.1",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
            f"Sec-WebSocket-Protocol: {SUBPROTOCOL}",
            f"Authorization: Bearer {self.token}",
        )
        return "\r\n".join((*head, "", "")).encode()

    def _hello(self) -> Hello:
        return Hello(
            agent_id=self.agent_id,
            instance_id=uuid4(),
            conn_no=1,
            software=Software(name="lean", version="1"),
            caps=[],
            window=WINDOW,
            up=LogHead(epoch=self._epoch, head=0),
            down=HeldPosition(seq=0),
            status=READY,
        )


def framed(*texts: str) -> bytes:
    """Masked text frames, with a mask of zeros, so that nothing has to be computed."""
    return b"".join(_head(len(payload)) + payload for payload in map(str.encode, texts))


def _head(size: int) -> bytes:
    first, mask = 0x80 | TEXT, bytes(4)
    if size < 126:
        return bytes([first, 0x80 | size]) + mask
    if size < 65_536:
        return struct.pack("!BBH", first, 0x80 | 126, size) + mask
    return struct.pack("!BBQ", first, 0x80 | 127, size) + mask
