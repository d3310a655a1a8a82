"""A hub that gives orders, a phone that obeys the test, and the dispatcher between them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import TypeVar
from uuid import UUID, uuid4

from agent.attention import Bell
from agent.dispatch import Dispatcher
from agent.downloads import Downloads
from agent.drivers.driver import (
    Driver,
    DriverStatus,
    FileGoneError,
    Lookup,
    Outcome,
    SendOrder,
    Sink,
)
from agent.files import Files
from agent.journal import Journal
from agent.pacing import Policy
from agent.settings import Settings
from agent.transfer import HubMedia
from protocol import codec
from protocol.messages import (
    CommandResult,
    EventData,
    MessageReceived,
    MessageSend,
    MessageStatus,
    Position,
)
from tests.agent.stage import ACCOUNT, NOW_MS, event, welcome
from tests.fakes import FakeClock

OTHER_CHAT = "919800000002@c.us"
AT_ONCE = Policy(typing_max_s=0, gap_s=0, lookup_every_s=0, attempts_max=2, doubts_max=3)


class Phone:
    """A WhatsApp in memory that does what a test tells it to, and notes what it was asked."""

    def __init__(self) -> None:
        self.status = DriverStatus("ready", ACCOUNT)
        self.asked: list[tuple[str, str]] = []
        self.on_send: Callable[[SendOrder], Awaitable[Outcome]] | None = None
        self.on_look_up: Callable[[SendOrder], Awaitable[Lookup]] | None = None
        self.on_typing: Callable[[str, bool], Awaitable[None]] | None = None
        self.history: list[MessageReceived] = []
        self.files: list[bytes] = []

    async def run(self, sink: Sink) -> None:
        raise AssertionError("the dispatcher does not run the driver")

    async def send(self, order: SendOrder) -> Outcome:
        self.asked.append(("send", order.text))
        if order.file is not None:
            self.files.append(order.file.path.read_bytes())
        return Outcome("sent") if self.on_send is None else await self.on_send(order)

    async def look_up(self, order: SendOrder) -> Lookup:
        self.asked.append(("look_up", order.text))
        return Lookup.ABSENT if self.on_look_up is None else await self.on_look_up(order)

    async def mark_read(self, chat: str) -> None:
        self.asked.append(("mark_read", chat))

    async def typing(self, chat: str, active: bool) -> None:
        self.asked.append(("typing" if active else "paused", chat))
        if self.on_typing is not None:
            await self.on_typing(chat, active)

    async def sweep(self, since_ms: int) -> AsyncIterator[MessageReceived]:
        for message in self.history:
            if message.sent_at.ms >= since_ms:
                yield message

    async def fetch(self, message: MessageReceived) -> AsyncIterator[bytes]:
        for _ in self.history:
            yield b"half a file"
        raise FileGoneError

    def sent(self) -> list[str]:
        """The texts that were handed over, in order."""
        return [text for what, text in self.asked if what == "send"]


class Desk:
    """A journal with a hub that gives orders, a phone, and the dispatcher between them."""

    def __init__(self, journal: Journal, clock: FakeClock) -> None:
        self.journal, self.clock, self.phone = journal, clock, Phone()
        self.policy, self.bell = AT_ONCE, Bell()
        self._seq = count(1)
        self._dispatcher: Dispatcher | None = None
        self.files = Files(journal._database.path.parent / "media" / "down", reserve_bytes=0)
        self.online = True
        self.downloads = Downloads(
            files=self.files,
            hub=HubMedia(journal, Settings(backoff_max_s=0.05), clock),
            journal=journal,
            online=lambda: self.online,
            roll=lambda: 0.0,
        )

    async def give(self, data: EventData, ts_ms: int = NOW_MS) -> UUID:
        """An order of the hub reaches the journal."""
        ordered = event(next(self._seq), data, uuid4(), ts_ms)
        await self.journal.accept(ordered)
        return ordered.id

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """The dispatcher at work until the block ends."""
        driver: Driver = self.phone
        self._dispatcher = Dispatcher(
            journal=self.journal,
            driver=driver,
            downloads=self.downloads,
            clock=self.clock,
            policy=self.policy,
            ring=self.bell.ring,
        )
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._dispatcher.run()),
                group.create_task(self.downloads.run()),
            ]
            yield
            for task in tasks:
                task.cancel()

    def phone_becomes(self, status: DriverStatus) -> None:
        """The driver's status changes."""
        self.phone.status = status
        assert self._dispatcher is not None
        self._dispatcher.driver_changed(status)

    async def told(self, number: int) -> list[MessageStatus | CommandResult]:
        """Wait until the hub was told so many results; returns them all, in order."""
        while True:
            self.journal.outbox_grew.clear()
            results = [
                codec.decode_data(row.type, row.data)
                for row in await self.journal.unsent(0, 1000)
                if row.type != MessageReceived.TYPE
            ]
            if len(results) >= number:
                return results  # type: ignore[return-value]
            await self.journal.outbox_grew.wait()

    async def finished(self, number: int) -> list[MessageStatus | CommandResult]:
        """Work until so many results were told."""
        async with self.at_work():
            return await self.told(number)


J = TypeVar("J", bound=Journal)


async def open_paired(path: Path, clock: FakeClock, kind: type[J]) -> J:
    """A journal that stands on a live connection."""
    journal = await kind.open(path, clock)
    await journal.save_identity(
        hub_url="https://hub.example",
        socket_url="wss://hub.example/agent",
        agent_id="a1",
        tenant_id="t1",
        token="sak_a_invented",
        token_expires_ms=None,
    )
    own = await journal.own_log()
    assert await journal.reconcile(welcome(Position(epoch=own.epoch, seq=0)))
    return journal


def to_chat(chat: str, text: str) -> MessageSend:
    """An order to send a text to some chat."""
    return MessageSend(account=ACCOUNT, chat=chat, text=text)


def outcome_of(result: MessageStatus | CommandResult) -> tuple[str, str | None]:
    """State and error code of a result."""
    return result.state, result.error.code if result.error else None
