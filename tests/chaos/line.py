"""The network between one agent and the hub: a TCP forwarder that does what networks do."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

_CHUNK_BYTES: Final = 16_384
_SMALL_BUFFER_BYTES: Final = 4_096  # so that a reader who stops is felt at the other end
_NEXT_LINK_S: Final = 3.0  # for a new connection to come about beside a held one
_LOOK_EVERY_S: Final = 0.01
_SETTLE_S: Final = 0.2
_RESET: Final = struct.pack("ii", 1, 0)


class Weather:
    """What the network does to every connection of a line, until it is told otherwise."""

    def __init__(self) -> None:
        self.refuses = False
        self.delay_s = 0.0
        self.bytes_per_s: float | None = None
        self.flows = asyncio.Event()  # cleared: nobody reads what is sent
        self.flows.set()

    def clear_up(self) -> None:
        """Be a good network again."""
        self.refuses, self.delay_s, self.bytes_per_s = False, 0.0, None
        self.flows.set()


class _Way:
    """One direction of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.swallows = False
        self.held: list[bytes] | None = None
        self.is_over = False
        self.passed_bytes = 0

    async def pump(self, weather: Weather) -> None:
        """Carry bytes until the near end stops; tell the far end, unless this way is dead."""
        with suppress(OSError):
            while chunk := await self.reader.read(_CHUNK_BYTES):
                await weather.flows.wait()
                if weather.delay_s:
                    await asyncio.sleep(weather.delay_s)
                await self._take(chunk, weather)
            if not (self._is_dead or self.writer.is_closing()):
                self.writer.write_eof()
                self.is_over = True
            return
        if not self._is_dead:
            self.writer.transport.abort()

    @property
    def _is_dead(self) -> bool:
        return self.swallows or self.held is not None

    async def _take(self, chunk: bytes, weather: Weather) -> None:
        if self.swallows:
            return
        if self.held is not None:
            self.held.append(chunk)
            return
        if weather.bytes_per_s:
            await asyncio.sleep(len(chunk) / weather.bytes_per_s)
        self.writer.write(chunk)
        await self.writer.drain()
        self.passed_bytes += len(chunk)


class _Link:
    """One connection of the agent, and ours to the hub that belongs to it."""

    def __init__(
        self,
        near: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        far: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self.near, self.far = near[1], far[1]
        self.up = _Way(near[0], far[1])
        self.down = _Way(far[0], near[1])

    @property
    def carries(self) -> bool:
        """Whether the agent has heard from the hub."""
        return self.down.passed_bytes > 0

    async def run(self, weather: Weather) -> None:
        """Carry both directions until both are over."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.up.pump(weather), name="line up")
            group.create_task(self.down.pump(weather), name="line down")

    def cut(self, *, reset: bool) -> None:
        """End both connections, with RST or with FIN."""
        for writer in (self.near, self.far):
            _end(writer, reset=reset)


class Line:
    """Forwards 127.0.0.1:`port` to the hub."""

    def __init__(self, hub_port: int) -> None:
        self.port = 0
        self.weather = Weather()
        self._hub_port = hub_port
        self._links: set[_Link] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Line"]:
        """Listen while the block runs."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.cut(reset=True)

    def cut(self, *, reset: bool) -> None:
        """Break every connection."""
        for link in list(self._links):
            link.cut(reset=reset)

    def go_deaf(self, *, up: bool, down: bool) -> None:
        """Swallow what the present connections carry, in one direction or both, for ever."""
        for link in self._links:
            link.up.swallows |= up
            link.down.swallows |= down

    async def reorder(self, held_s: float) -> None:
        """Hold what the agent says, break its connection, and deliver the old words after new ones.

        The hub sees the old connection speak while a newer one of the same agent is alive.
        """
        before = set(self._links)
        old = {link for link in before if not link.up.is_over}
        for link in old:
            link.up.held, link.down.swallows = [], True
        await asyncio.sleep(held_s)
        for link in old:
            _end(link.near, reset=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(_NEXT_LINK_S):
                while not any(new.carries for new in self._links - before):  # noqa: ASYNC110
                    await asyncio.sleep(_LOOK_EVERY_S)
        for link in old:
            with suppress(OSError):
                link.far.write(b"".join(link.up.held or ()))
                await link.far.drain()
        await asyncio.sleep(_SETTLE_S)
        for link in old:
            _end(link.far, reset=False)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.weather.refuses:
            _end(writer, reset=True)
            return
        try:
            far = await _dial(self._hub_port)
        except OSError:
            _end(writer, reset=True)
            return
        link = _Link((reader, writer), far)
        self._links.add(link)
        try:
            await link.run(self.weather)
        finally:
            self._links.discard(link)
            link.cut(reset=False)


async def _dial(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    sock = socket.socket()
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER_BYTES)
    try:
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        return await asyncio.open_connection(sock=sock, limit=_CHUNK_BYTES)
    except BaseException:
        sock.close()
        raise


def _end(writer: asyncio.StreamWriter, *, reset: bool) -> None:
    if not reset:
        writer.close()
        return
    with suppress(OSError):
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
