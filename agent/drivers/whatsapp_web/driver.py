"""The driver: it holds one WhatsApp Web, starts its browser again whenever it is lost, and answers.

run ─ Profile (one holder) ─ lives (browsers), one after the other ─ visits (pages) in each
        PageAttendant: hears, probes, climbs the ladder ─ Condition (the status) ─ Reports ─ Sink
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import NoReturn

import structlog

from agent.drivers.driver import (
    DriverStatus,
    FileNotNowError,
    LinkOffer,
    LinkWish,
    Lookup,
    Outcome,
    SendOrder,
    Sink,
)
from agent.drivers.whatsapp_web.attendant import PageAttendant
from agent.drivers.whatsapp_web.browser import SETTING
from agent.drivers.whatsapp_web.calls import Calls
from agent.drivers.whatsapp_web.condition import Condition, wall_ms
from agent.drivers.whatsapp_web.drift import Drift
from agent.drivers.whatsapp_web.errors import (
    BrowserFailedError,
    BrowserGoneError,
    BrowserMissingError,
    PageUnavailableError,
    WhatsAppWebError,
)
from agent.drivers.whatsapp_web.evidence import Patience, plain
from agent.drivers.whatsapp_web.inject import Scripts
from agent.drivers.whatsapp_web.ladder import Step, Trouble
from agent.drivers.whatsapp_web.life import Launchpad, Life
from agent.drivers.whatsapp_web.linker import Linker
from agent.drivers.whatsapp_web.mapping import received
from agent.drivers.whatsapp_web.profile import Profile
from agent.drivers.whatsapp_web.reports import Reports
from agent.drivers.whatsapp_web.settings import WebSettings
from agent.drivers.whatsapp_web.traffic import Traffic
from protocol.ids import is_one_to_one
from protocol.messages import MessageReceived

_log = structlog.get_logger(__name__)


class WhatsAppWebDriver:
    """One WhatsApp Web in one browser profile. Implements `agent.drivers.driver.Driver`."""

    def __init__(
        self, settings: WebSettings, offered: Callable[[LinkOffer | None], None] | None = None
    ) -> None:
        """`offered` hears each code to link a phone with; it must not block."""
        self._settings = settings
        self._profile = Profile(settings.profile_dir)
        self._reports = Reports(settings.reports_max)
        self._traffic = Traffic()
        self._life: Life | None = None
        self._linker = Linker(
            settings,
            now_ms=wall_ms,
            changed=lambda: self._condition.relinked(),
            calls=lambda: None if self._life is None else self._life.calls,
            offered=offered,
        )
        patience = Patience(unheard_s=settings.unheard_max_s)
        self._condition = Condition(self._profile, self._reports, patience, self._linker)
        self._attendant = PageAttendant(
            settings,
            self._profile.user_data,
            self._condition,
            self._reports,
            self._traffic,
            self._linker,
        )
        self._is_proven = settings.browser_path is None  # a browser of a person's choice is not

    @property
    def status(self) -> DriverStatus:
        """What is known now."""
        return self._condition.status

    async def run(self, sink: Sink) -> None:
        """Hold the WhatsApp until cancelled.

        Raises:
            BrowserMissingError, BundleMissingError, ProfileInUseError: nothing here can heal it.
        """
        failure: BaseException | None = None
        self._attendant.sink = sink
        try:
            with self._profile:
                bundles_dir = self._settings.bundles_dir
                scripts = Scripts.load(self._settings.bundle_path, bundles_dir)
                self._attendant.drift = Drift(bundles_dir, scripts, self._settings.url, wall_ms)
                user_data, headless = self._profile.user_data, self._linker.headless
                pad = Launchpad(self._settings, user_data, scripts, headless)
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._reports.deliver(sink), name="driver-reports")
                    tasks.create_task(self._linker.run(), name="driver-linker")
                    tasks.create_task(self._live_on(pad), name="driver-lives")
        except* WhatsAppWebError as group:
            failure = group.exceptions[0]
        finally:
            self._condition.show(plain("stopped"))
        if failure is not None:
            raise failure

    async def send(self, order: SendOrder) -> Outcome:
        """Send once. `unknown` is also the answer while the page is away: a lookup tells more."""
        if not is_one_to_one(order.chat):
            return Outcome("failed", "not_one_to_one", "The agent answers one-to-one chats only.")
        if (calls := self._calls) is None:
            return Outcome("unknown", "not_ready", "WhatsApp Web is not ready.")
        with self._traffic.sending():
            return await calls.send(order)

    async def look_up(self, order: SendOrder) -> Lookup:
        """Ask the page what became of `order.key`."""
        if (calls := self._calls) is None:
            return Lookup.UNAVAILABLE
        return await calls.look_up(order)

    async def customer_wrote(self, account: str, chat: str) -> bool:
        """Whether the customer wrote in this chat; PageUnavailableError."""
        return await self._ready_calls().customer_wrote(account, chat)

    async def mark_read(self, chat: str) -> None:
        """Mark the chat as read; a courtesy, so that a failure is only logged."""
        try:
            await self._ready_calls().mark_read(chat)
        except PageUnavailableError as error:
            _log.info("whatsapp_read_mark_failed", why=str(error))

    async def typing(self, chat: str, active: bool) -> None:
        """Show or end *typing…*; a courtesy, so that a failure is only logged."""
        try:
            await self._ready_calls().typing(chat, active)
        except PageUnavailableError as error:
            _log.info("whatsapp_typing_failed", why=str(error))

    async def sweep(self, since_ms: int) -> AsyncGenerator[MessageReceived]:
        """Every message of one-to-one chats since a moment, chat by chat, each oldest first.

        Raises:
            PageUnavailableError: WhatsApp Web is not ready, went away, or did not show a chat (then
                after the messages of all others); sweep again later.
        """
        calls, account = self._ready_calls(), self.status.account
        if account is None:
            raise PageUnavailableError("WhatsApp Web does not say whose it is.")
        since_s = since_ms // 1000
        failure: PageUnavailableError | None = None
        for chat in await calls.chats_since(since_s):
            try:
                messages = await calls.messages_since(chat, since_s)
            except PageUnavailableError as error:
                if self._calls is not calls:
                    raise
                failure = error  # one chat that cannot be shown must not hide the others
                continue
            for message in messages:
                yield received(message, account, live=False)
        if failure is not None:
            raise failure

    async def fetch(self, message: MessageReceived) -> AsyncGenerator[bytes]:
        """The bytes of a message's file; FileTooLargeError, and the contract's own errors."""
        if (calls := self._calls) is None:
            raise FileNotNowError("WhatsApp Web is not ready.")
        async with aclosing(calls.fetch(message)) as pieces:
            async for piece in pieces:
                yield piece

    async def reload(self) -> None:
        """Have the page load itself anew, also one that is not ready, or that was given up.

        Raises:
            PageUnavailableError: there is no page, or it does not even do that.
        """
        if self.status.whatsapp == "stopped":
            self.begin_anew()
            return
        calls = None if self._life is None else self._life.calls
        if calls is None:
            raise PageUnavailableError("There is no page of WhatsApp Web.")
        await calls.reload()

    async def take_over(self) -> None:
        """Use WhatsApp here, not in the window that has it now.

        Raises:
            PageUnavailableError: there is no page, or it does not do that.
        """
        calls = None if self._life is None else self._life.calls
        if calls is None:
            raise PageUnavailableError("There is no page of WhatsApp Web.")
        await calls.take_over()

    def begin_anew(self) -> None:
        """A person looked after it: try again now, and trust WhatsApp's restrictions to be over."""
        self._condition.begins_anew()
        self._attendant.begin_anew()

    def begin_link(self, wish: LinkWish) -> None:
        """Offer to link a phone; LinkRefusedError."""
        self._linker.begin(wish)

    @property
    def _calls(self) -> Calls | None:
        """The page's functions, while it is ready."""
        is_ready = self.status.whatsapp == "ready" and self._life is not None
        return self._life.calls if is_ready and self._life is not None else None

    def _ready_calls(self) -> Calls:
        if (calls := self._calls) is None:
            raise PageUnavailableError("WhatsApp Web is not ready.")
        return calls

    async def _live_on(self, pad: Launchpad) -> NoReturn:
        """One life after the other, with the ladder's pauses."""
        while True:
            step = await self._live_once(pad)
            await self._attendant.pause(step)

    async def _live_once(self, pad: Launchpad) -> Step:
        """Start a browser and stay with it to its end; the profile is tidied up before.

        Raises:
            BrowserMissingError: what is configured as the browser never came up: it may be none.
        """
        self._condition.loses_page()
        await asyncio.to_thread(self._profile.clear)
        self._life = life = Life(pad, self._attendant)
        self._attendant.browser_began = life.began
        try:
            return await life.run()
        except BrowserGoneError as error:
            if isinstance(error, BrowserFailedError):
                self._linker.window_failed()
            if isinstance(error, BrowserFailedError) and not self._is_proven:
                raise BrowserMissingError(
                    f"{self._settings.browser_path} does not start as a browser: correct "
                    f"{SETTING} or leave it out."
                ) from error
            _log.warning("whatsapp_browser_lost", why=str(error))
            return await self._attendant.climb(Trouble.GONE, 0)
        finally:
            self._is_proven |= life.came_up
            self._life = None
            if self.status.whatsapp != "stopped":
                self._condition.loses_page()
