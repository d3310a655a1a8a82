"""Notifications are shown where a desktop is, and never cost the agent anything where none is."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import structlog

from agent import notify
from agent.attention import Attention
from agent.notify import WAITING_MAX, NoDesktopError, Notifications, Show

LINK = Attention("link", "Open the panel.")
WAIT_S = 5.0


class Desk:
    """A desktop that does what the test says with each notification."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.connects = 0
        self.refuses: Exception | None = None
        self.takes = True
        self.hangs = False
        self.news = asyncio.Condition()

    async def connect(self) -> Show:
        async with self.news:
            self.connects += 1
            self.news.notify_all()
        if self.refuses is not None:
            raise self.refuses
        return self.show

    async def show(self, _title: str, text: str) -> bool:
        if self.hangs:
            await asyncio.Event().wait()
        async with self.news:
            self.shown.append(text)
            self.news.notify_all()
        return self.takes

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S), self.news:
            await self.news.wait_for(holds)


@asynccontextmanager
async def showing(desk: Desk) -> AsyncIterator[Notifications]:
    notifications = Notifications(desk.connect)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(notifications.run())
        yield notifications
        task.cancel()


async def test_what_rings_is_shown_in_order() -> None:
    """One connection to the desktop serves all rings."""
    desk = Desk()
    async with showing(desk) as notifications:
        notifications.tell(LINK)
        notifications.tell(Attention("stopped", "Start it again."))
        await desk.until(lambda: len(desk.shown) == 2)
    assert (desk.shown, desk.connects) == (["Open the panel.", "Start it again."], 1)


async def test_numbers_do_not_reach_the_desktop() -> None:
    """A lock screen shows nobody's phone number, whatever a sentence quotes."""
    desk = Desk()
    async with showing(desk) as notifications:
        notifications.tell(Attention("unknown_send", "Look into the chat of +919800000001."))
        await desk.until(lambda: bool(desk.shown))
    assert desk.shown == ["Look into the chat of [..01]."]


@pytest.mark.parametrize(
    "refusal", [NoDesktopError("none"), ImportError("none"), ValueError("none"), KeyError("none")]
)
async def test_without_a_desktop_it_is_said_once(refusal: Exception) -> None:
    """Each ring looks for a desktop again, and the log does not fill."""
    desk = Desk()
    desk.refuses = refusal
    with structlog.testing.capture_logs() as logged:
        async with showing(desk) as notifications:
            for connects in (1, 2, 3):
                notifications.tell(LINK)
                await desk.until(lambda expected=connects: desk.connects == expected)  # type: ignore[misc]
            desk.refuses = None
            notifications.tell(LINK)
            await desk.until(lambda: bool(desk.shown))
    assert len([line for line in logged if line["event"] == notify._INSTEAD]) == 1


async def test_a_desktop_that_went_away_is_looked_for_again() -> None:
    """After a new log-in the next ring is shown."""
    desk = Desk()
    desk.takes = False
    async with showing(desk) as notifications:
        notifications.tell(LINK)
        notifications.tell(LINK)
        await desk.until(lambda: desk.connects == 2)


async def test_a_desktop_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next notification does not wait behind it for ever."""
    monkeypatch.setattr(notify, "SHOW_S", 0.01)
    desk = Desk()
    desk.hangs = True
    async with showing(desk) as notifications:
        notifications.tell(LINK)
        notifications.tell(LINK)
        await desk.until(lambda: desk.connects == 2)


async def test_a_flood_is_cut() -> None:
    """Ringing never waits, and what nobody could read is forgotten."""
    notifications = Notifications(Desk().connect)
    for _ in range(2 * WAITING_MAX):
        notifications.tell(LINK)
    assert notifications._waiting.qsize() == WAITING_MAX
