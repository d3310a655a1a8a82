"""A TCP proxy whose links can go half-open: one end is gone, and the other is not told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

CHUNK_BYTES: Final = 65_536


class Link:
    """One connection through the proxy."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self._near = near
        self._far = far
        self._is_silent = False
        self._kept: list[bytes] = []

    def go_silent(self) -> None:
        """From now on neither side hears of the other, not even of its end."""
        self._is_silent = True

    def deliver_late(self) -> int:
        """Hand the hub what the agent said into the silence; how many bytes."""
        late, self._kept = b"".join(self._kept), []
        self._far.write(late)
        return len(late)

    def die(self) -> None:
        """Reset the connection to the hub."""
        self._far.transport.abort()

    async def pump(self, source: asyncio.StreamReader, *, up: bool) -> None:
        """Carry bytes one way until their source ends."""
        target = self._far if up else self._near
        with suppress(ConnectionError):
            while chunk := await source.read(CHUNK_BYTES):
                if not self._is_silent:
                    target.write(chunk)
                    await target.drain()
                elif up:
                    self._kept.append(chunk)
        if not self._is_silent:
            target.close()


class Proxy:
    """Listens on a free port of its own and dials `target_port` for each who comes."""

    def __init__(self) -> None:
        self.port = 0
        self.target_port = 0
        self.links: list[Link] = []
        self._writers: list[asyncio.StreamWriter] = []

    @classmethod
    @asynccontextmanager
    async def listening(cls) -> AsyncIterator["Proxy"]:
        """A proxy that accepts; every connection through it ends with the block."""
        proxy = cls()
        server = await asyncio.start_server(proxy._serve, "127.0.0.1", 0)
        proxy.port = server.sockets[0].getsockname()[1]
        try:
            yield proxy
        finally:
            server.close()
            for writer in proxy._writers:
                writer.transport.abort()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            writer.transport.abort()
            return
        self._writers.append(far_writer)
        link = Link(writer, far_writer)
        self.links.append(link)
        async with asyncio.TaskGroup() as group:
            group.create_task(link.pump(reader, up=True), name="up")
            group.create_task(link.pump(far_reader, up=False), name="down")
