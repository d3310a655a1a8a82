"""A shop on the stand-in: the real driver with a real browser, and a sink that remembers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from agent.drivers.driver import DriverStatus, OrderedFile, SendOrder, Unread
from agent.drivers.whatsapp_web import WebSettings, WhatsAppWebDriver
from protocol.messages import MessageReceived, SendState

ACCOUNT = "+919800000009"
_TIMEOUT_S = 40.0


class Recorder:
    """A sink that keeps everything and lets a test wait for it."""

    def __init__(self) -> None:
        self.messages: list[MessageReceived] = []
        self.acknowledgements: list[tuple[str, str, SendState]] = []
        self.composings: list[tuple[str, bool]] = []
        self.statuses: list[str] = []
        self.lost: set[str] = set()
        """Keys of messages that are not recorded, however often they are told."""
        self._changed = asyncio.Condition()

    async def received(self, message: MessageReceived) -> None:
        if message.wa_id not in self.lost:
            self.messages.append(message)
        await self._tell()

    async def acknowledged(self, account: str, key: str, state: SendState) -> None:
        self.acknowledgements.append((account, key, state))
        await self._tell()

    async def composing(self, account: str, chat: str, active: bool) -> None:
        assert account == ACCOUNT
        self.composings.append((chat, active))
        await self._tell()

    async def changed(self, status: DriverStatus) -> None:
        self.statuses.append(status.whatsapp)
        await self._tell()

    async def lacks(self, account: str, unread: Sequence[Unread]) -> list[Unread]:
        assert account == ACCOUNT
        known = {message.wa_id for message in self.messages}
        await self._tell()
        return [one for one in unread if one.wa_id not in known]

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return as soon as `holds` is true after one of the calls above."""
        async with asyncio.timeout(_TIMEOUT_S), self._changed:
            await self._changed.wait_for(holds)

    def forget(self, wa_id: str) -> None:
        """Lose a message, now and whenever it is told again."""
        self.lost.add(wa_id)
        self.messages = [message for message in self.messages if message.wa_id != wa_id]

    async def message(self, wa_id: str) -> MessageReceived:
        """The message with this key, as soon as it is there."""
        await self.until(lambda: any(m.wa_id == wa_id for m in self.messages))
        return next(m for m in self.messages if m.wa_id == wa_id)

    async def states_of(self, key: str, last: SendState) -> list[SendState]:
        """What was acknowledged under a key, up to `last`."""
        await self.until(lambda: (ACCOUNT, key, last) in self.acknowledgements)
        return [state for _, known, state in self.acknowledgements if known == key]

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


class Shop:
    """A driver that runs, and what it reported."""

    def __init__(self, driver: WhatsAppWebDriver, settings: WebSettings) -> None:
        self.driver = driver
        self.sink = Recorder()
        self._user_data = settings.profile_dir / "chromium"

    async def until(self, whatsapp: str) -> None:
        """Wait until WhatsApp is in this state."""
        await self.sink.until(lambda: self.driver.status.whatsapp == whatsapp)

    async def until_again(self, whatsapp: str, seen: int) -> None:
        """Wait until WhatsApp is in this state and left it since `seen` statuses."""
        await self.sink.until(
            lambda: len(self.sink.statuses) > seen + 1 and self.driver.status.whatsapp == whatsapp
        )

    def browser(self) -> psutil.Process:
        """The browser's main process."""
        mark = f"--user-data-dir={self._user_data}"
        found = [p for p in psutil.process_iter() if mark in _command(p)]
        return next(p for p in found if not any(a.startswith("--type=") for a in _command(p)))

    def playwright(self) -> psutil.Process:
        """Playwright's own process."""
        children = psutil.Process().children()
        return next(process for process in children if "run-driver" in _command(process))

    def renderers(self) -> list[psutil.Process]:
        """The processes that run pages: ours, and what Chromium keeps in reserve."""
        children = self.browser().children(recursive=True)
        return [process for process in children if "--type=renderer" in _command(process)]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def web_settings(folder: Path, url: str, **more: object) -> WebSettings:
    """Settings with a test's patience."""
    values: dict[str, object] = {
        "ready_timeout_s": 30.0,
        "send_timeout_s": 3.0,
        "ping_interval_s": 0.5,
        "ping_timeout_s": 4.0,
        "close_timeout_s": 1.0,
        "relaunch_delays_s": (0.1,),
        "steady_s": 0.0,  # each trouble begins at the bottom of the ladder
    }
    return WebSettings(profile_dir=folder / "profile", url=url, **(values | more))  # type: ignore[arg-type]


@asynccontextmanager
async def open_shop(settings: WebSettings, sink: Recorder | None = None) -> AsyncIterator[Shop]:
    """A running driver while the block runs."""
    shop = Shop(WhatsAppWebDriver(settings), settings)
    shop.sink = sink or shop.sink
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(shop.driver.run(shop.sink))
        try:
            yield shop
        finally:
            running.cancel()


def order(
    key: str, chat: str, text: str, reply_to: str | None = None, file: OrderedFile | None = None
) -> SendOrder:
    """An order of the hub, under a key that a test can read."""
    return SendOrder(f"3EB0{key:0>18}", ACCOUNT, chat, text, reply_to, file)
