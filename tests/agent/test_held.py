"""Live messages keep their place behind those that a search has yet to find."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from agent import held as room
from agent.drivers.driver import DriverStatus
from agent.held import Held
from protocol.messages import MessageReceived
from tests.agent.stage import received


class Book:
    """What was recorded, in order."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.news = asyncio.Condition()

    async def record(self, message: MessageReceived) -> bool:
        async with self.news:
            self.names.append(message.wa_id)
            self.news.notify_all()
        return True

    async def has(self, *names: str) -> None:
        async with asyncio.timeout(5), self.news:
            await self.news.wait_for(lambda: self.names == list(names))


@asynccontextmanager
async def holding(book: Book) -> AsyncIterator[Held]:
    held = Held(book.record)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(held.run())
        yield held
        task.cancel()


async def test_what_a_search_finds_comes_before_what_arrived_meanwhile() -> None:
    """The page is back and tells B; the search finds A; C comes when all is well again."""
    book = Book()
    async with holding(book) as held:
        held.driver_changed(DriverStatus("starting"))
        await held.take(received("B"))
        held.driver_changed(DriverStatus("ready"))
        await held.take(received("A", live=False))
        assert book.names == ["A"]
        held.let_go()
        await held.take(received("C"))
        await book.has("A", "B", "C")
        await held.take(received("D"))
        assert book.names[-1] == "D"


async def test_a_page_that_is_lost_again_holds_again() -> None:
    """Each search has its own messages behind it."""
    book = Book()
    async with holding(book) as held:
        held.let_go()
        await held.take(received("A"))
        held.driver_changed(DriverStatus("offline"))
        await held.take(received("B"))
        assert book.names == ["A"]
        held.let_go()
        await book.has("A", "B")


@pytest.mark.parametrize("whatsapp", ["conflict", "restricted", "page_changed", "logged_out"])
async def test_nobody_waits_for_a_search_that_will_not_be(whatsapp: str) -> None:
    """Where WhatsApp tells of messages without being ready, they go up at once."""
    book = Book()
    async with holding(book) as held:
        await held.take(received("A"))
        held.driver_changed(DriverStatus(whatsapp))
        await book.has("A")


async def test_nobody_waits_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that stays on its way costs half a minute, also when it is lost meanwhile."""
    monkeypatch.setattr(room, "HOLD_MAX_S", 0.05)
    book = Book()
    async with holding(book) as held:
        await held.take(received("A"))
        held.driver_changed(DriverStatus("syncing"))
        await book.has("A")
        await held.take(received("B"))
        await book.has("A", "B")
