"""Agents that take nothing: the hub neither waits for them nor grows."""

import asyncio
from pathlib import Path

import msgspec

from hub.gateway.connection import OUTBOX_FRAMES_MAX, Connection
from hub.gateway.tokens import AgentIdentity
from protocol import codec
from tests.hub.gateway.client import Agent
from tests.hub.gateway.stage import Stage


class DeadEnd:
    """A socket that says hello and then takes nothing that is sent to it."""

    def __init__(self, agent: Agent) -> None:
        self._frames = [codec.encode(agent.hello())]
        self._never = asyncio.Event()

    async def receive(self) -> str | bytes | int:
        if not self._frames:
            await self._never.wait()
        return self._frames.pop()

    async def send(self, frame: str) -> None:
        await self._never.wait()

    async def close(self, code: int, reason: str) -> None:
        await self._never.wait()


async def test_a_send_that_does_not_end_ends_the_connection(tmp_path: Path) -> None:
    """After the send's time limit, without waiting for a word of the agent's."""
    async with Stage.set(tmp_path) as stage, stage.running():
        services = msgspec.structs.replace(stage.parts.services, send_timeout_s=0.05)
        who = AgentIdentity("agt_a", "ten_a")
        async with asyncio.timeout(10):
            await Connection(services, who, DeadEnd(stage.agent())).run()
        assert services.registry.count == 0
        assert await stage.status() == "lost"


async def test_an_outbox_that_overflows_ends_the_connection(stage: Stage) -> None:
    """What waits for an agent is bounded: 4007."""
    async with stage.agent().dial() as line:
        await line.live()
        for _ in range(OUTBOX_FRAMES_MAX + 1):
            stage.parts.services.registry.show_typing("agt_a", "+919800000009", "1@c.us", True)
        assert await line.over() == 4007
