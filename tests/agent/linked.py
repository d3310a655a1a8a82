"""A link with its journal, towards a scripted hub."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from msgspec.structs import replace

from agent.clock import SystemClock
from agent.journal import Journal
from agent.link import Link, LinkStatus, Phase
from agent.settings import Settings
from protocol.messages import (
    AgentStatus,
    MessageReceived,
    Typing,
)
from tests.agent.scripted_hub import WAIT_S, ScriptedHub
from tests.agent.stage import ACCOUNT, CHAT, received

FIRST = "sak_a_first"
TYPING = Typing(account=ACCOUNT, chat=CHAT, composing=True)


class Stage:
    """A link with its journal, towards a scripted hub."""

    def __init__(self, hub: ScriptedHub, journal: Journal, settings: Settings) -> None:
        self.hub = hub
        self.journal = journal
        self.settings = settings
        self.typings: list[Typing] = []
        self.states: list[LinkStatus] = []
        self.waits = asyncio.Semaphore(0)  # one for each pause that began
        self.refused = asyncio.Semaphore(0)  # one for each long one
        self.link = self.new_link()

    def new_link(self) -> Link:
        return Link(
            journal=self.journal,
            settings=self.settings,
            clock=SystemClock(),
            instance_id=UUID(int=7),
            status=self.status,
            typing=self.typings.append,
            changed=self.changed,
            roll=lambda: 0.5,
        )

    async def status(self) -> AgentStatus:
        facts = await self.journal.facts()
        return AgentStatus(
            whatsapp="ready", account=ACCOUNT, paused=False, outbox=facts.outbox, inbox=facts.inbox
        )

    def changed(self) -> None:
        self.states.append(self.link.status)
        if self.link.status.phase is Phase.WAITING:
            self.waits.release()
        if self.link.status.phase is Phase.REFUSED:
            self.refused.release()

    def reasons(self, phase: Phase) -> list[str]:
        return [state.reason for state in self.states if state.phase is phase]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.timeout(3 * WAIT_S), asyncio.TaskGroup() as group:
            group.create_task(self.link.run())
            yield
            self.link.stop()

    async def online(self) -> None:
        await self.hub.until(lambda: len(self.hub.beats) > 0)

    async def told(self, *wa_ids: str) -> None:
        """Record messages of the customer."""
        for wa_id in wa_ids:
            await self.journal.record_inbound(received(wa_id))

    def heard(self) -> list[str]:
        """The WhatsApp ids of the messages that reached the hub, in order."""
        return [e.data.wa_id for e in self.hub.received if isinstance(e.data, MessageReceived)]


SETTINGS = Settings(
    backoff_max_s=0.05,
    replaced_wait_s=0.3,
    stopped_retry_s=0.6,
    ack_timeout_s=5,
    welcome_timeout_s=5,
    open_timeout_s=5,
)


async def pair(journal: Journal, socket_url: str, token: str = FIRST) -> None:
    await journal.save_identity(
        hub_url="http://127.0.0.1:1",
        socket_url=socket_url,
        agent_id="a1",
        tenant_id="t1",
        token=token,
        token_expires_ms=None,
    )


def with_settings(**changes: float) -> Callable[[object], object]:
    return pytest.mark.parametrize("settings", [replace(SETTINGS, **changes)])


def frames(peer_frames: list[str | bytes]) -> list[str]:
    return [json.loads(frame)["type"] for frame in peer_frames]
