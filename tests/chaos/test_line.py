"""The network of a chaos run does what it is told; a good network would prove nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.chaos.line import Line


class Far:
    """A server at the end of a line that answers each piece, and keeps what came in which order."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.ends = 0
        self.changed = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(100):
                self.heard.append(piece)
                self.changed.set()
                writer.write(b"heard " + piece)
        except ConnectionError:
            pass
        finally:
            self.ends += 1
            self.changed.set()
            writer.close()

    async def hears(self, *pieces: bytes) -> None:
        async with asyncio.timeout(5):
            while self.heard != list(pieces):
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def line_to(far: Far) -> AsyncIterator[Line]:
    server = await asyncio.start_server(far.serve, "127.0.0.1", 0)
    async with server, Line(server.sockets[0].getsockname()[1]).running() as line:
        yield line


async def dial(line: Line) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", line.port)


async def test_a_good_line_carries_and_ends_both_ways() -> None:
    """Words go there and back; the end of one side is the end of the other."""
    far = Far()
    async with line_to(far) as line:
        reader, writer = await dial(line)
        writer.write(b"one")
        assert await reader.readexactly(9) == b"heard one"
        line.cut(reset=False)
        assert await reader.read() == b""
        writer.close()
        async with asyncio.timeout(5):
            while not far.ends:
                far.changed.clear()
                await far.changed.wait()


async def test_a_deaf_line_stays_open_and_carries_one_way_only() -> None:
    """What is said upwards arrives; the answer never does, and nobody is told."""
    far = Far()
    async with line_to(far) as line:
        reader, writer = await dial(line)
        writer.write(b"one")
        assert await reader.readexactly(9) == b"heard one"
        line.go_deaf(up=False, down=True)
        writer.write(b"two")
        await far.hears(b"one", b"two")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await reader.read(1)
        assert far.ends == 0
        writer.close()


async def test_old_words_arrive_after_those_of_the_next_connection() -> None:
    """The near end was cut off; what it had said comes late, on its own old connection."""
    far = Far()
    async with line_to(far) as line, asyncio.TaskGroup() as group:
        reader, writer = await dial(line)
        writer.write(b"one")
        assert await reader.readexactly(9) == b"heard one"
        reordering = group.create_task(line.reorder(0.05))
        await asyncio.sleep(0)
        writer.write(b"old")
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        reader, other = await dial(line)
        other.write(b"new")
        assert await reader.readexactly(9) == b"heard new"
        await far.hears(b"one", b"new", b"old")
        await reordering
        other.close()
