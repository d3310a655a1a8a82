"""The PC's network cable: a TCP forwarder that can be pulled out and put back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_CHUNK_BYTES = 65_536


class Cable:
    """Forwards 127.0.0.1:`port` to another local port while it is plugged in."""

    def __init__(self, target_port: int) -> None:
        self.port = 0
        self._target_port = target_port
        self._plugged = True
        self._open: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Cable"]:
        """Listen while the block runs."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self._break_connections()

    def pull(self) -> None:
        """Break every connection and let none come about."""
        self._plugged = False
        self._break_connections()

    def plug_in(self) -> None:
        """Let connections come about again."""
        self._plugged = True

    def _break_connections(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            if self._plugged:
                await self._forward(reader, writer)
        except OSError:
            pass  # the far end is down: to the near one that is a broken connection
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        self._open.add(far_writer)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, far_writer), name="cable-out")
                group.create_task(_pump(far_reader, writer), name="cable-in")
        finally:
            self._open.discard(far_writer)
            far_writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(_CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
    with suppress(OSError, RuntimeError):
        writer.write_eof()
