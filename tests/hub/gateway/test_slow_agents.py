"""Agents that take nothing: the hub neither waits for them nor grows."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec

from hub.gateway.connection import Connection
from hub.gateway.outlet import FRAMES_MAX
from hub.gateway.tokens import AgentIdentity
from protocol import codec
from tests.hub.gateway.stage import Stage


class DeadEnd:
    """A socket that brought a hello and then takes nothing that is sent to it."""

    def __init__(self) -> None:
        self.ended: int | None = None

    def write(self, frames: Sequence[str]) -> None:
        """It lies in a buffer of the kernel's."""

    def hang_up(self, code: int, reason: str) -> None:
        self.ended = code

    def abort(self) -> None:
        self.ended = self.ended or 1006

    def hold(self, on: bool) -> None:
        """Nothing more comes in anyway."""

    def rest(self, seconds: float) -> None:
        """Nor after a while."""


async def test_a_socket_that_takes_nothing_ends_the_connection(tmp_path: Path) -> None:
    """After the send's time limit, without waiting for a word of the agent's."""
    async with Stage.set(tmp_path) as stage, stage.running():
        services = msgspec.structs.replace(stage.parts.services, send_timeout_s=0.05)
        wire = DeadEnd()
        line = Connection(services, AgentIdentity("agt_a", "ten_a"), wire)
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            group.create_task(line.run())
            line.received([codec.encode(stage.agent().hello())])
            line.writable(False)
        assert wire.ended is not None
        assert services.registry.count == 0
        assert await stage.status() == "lost"


async def test_an_outbox_that_overflows_ends_the_connection(tmp_path: Path) -> None:
    """What waits for an agent whose socket is full is bounded: 4007."""
    async with Stage.set(tmp_path) as stage, stage.running():
        services, wire = stage.parts.services, DeadEnd()
        line = Connection(services, AgentIdentity("agt_a", "ten_a"), wire)
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            serving = group.create_task(line.run())
            line.received([codec.encode(stage.agent().hello())])
            await stage.becomes("online")
            line.writable(False)
            for _ in range(FRAMES_MAX + 1):
                services.registry.show_typing("agt_a", "+919800000009", "1@c.us", True)
            line.writable(True)
            await serving
        assert wire.ended == 4007
