"""The driver: it holds one WhatsApp Web, starts its browser again whenever it is lost, and answers.

run ─ Profile (one holder) ─ lives, one after the other, with growing pauses ─ Reports ─ Sink
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import NoReturn

import structlog

from agent.drivers.driver import (
    DriverStatus,
    FileNotNowError,
    Lookup,
    Outcome,
    SendOrder,
    Sink,
)
from agent.drivers.whatsapp_web.browser import SETTING
from agent.drivers.whatsapp_web.calls import Calls
from agent.drivers.whatsapp_web.errors import (
    BrowserFailedError,
    BrowserGoneError,
    BrowserMissingError,
    PageUnavailableError,
    WhatsAppWebError,
)
from agent.drivers.whatsapp_web.inject import Scripts
from agent.drivers.whatsapp_web.life import (
    AckTold,
    ComposingTold,
    Launchpad,
    Life,
    MessageTold,
    OutdatedTold,
    StateTold,
    Told,
    UnreachableTold,
)
from agent.drivers.whatsapp_web.mapping import (
    ADVICE,
    PageMessage,
    PageState,
    e164,
    received,
    send_state,
    whatsapp_state,
)
from agent.drivers.whatsapp_web.profile import Profile
from agent.drivers.whatsapp_web.reports import Acknowledged, Composing, Reports
from agent.drivers.whatsapp_web.settings import WebSettings
from protocol.ids import is_one_to_one
from protocol.messages import MessageReceived

_log = structlog.get_logger(__name__)


class WhatsAppWebDriver:
    """One WhatsApp Web in one browser profile. Implements `agent.drivers.driver.Driver`."""

    def __init__(self, settings: WebSettings) -> None:
        self._settings = settings
        self._profile = Profile(settings.profile_dir)
        self._reports = Reports(settings.reports_max)
        self._status = DriverStatus("stopped", advice=ADVICE["stopped"])
        self._life: Life | None = None
        self._is_proven = settings.browser_path is None  # a browser of a person's choice is not

    @property
    def status(self) -> DriverStatus:
        """What is known now."""
        return self._status

    async def run(self, sink: Sink) -> None:
        """Hold the WhatsApp until cancelled.

        Raises:
            BrowserMissingError, BundleMissingError, ProfileInUseError: nothing here can heal it.
        """
        failure: BaseException | None = None
        try:
            with self._profile:
                scripts = Scripts.load(self._settings.bundle_path)
                pad = Launchpad(self._settings, self._profile.user_data, scripts)
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._reports.deliver(sink), name="driver-reports")
                    tasks.create_task(self._live_on(pad), name="driver-lives")
        except* WhatsAppWebError as group:
            failure = group.exceptions[0]
        finally:
            self._status = DriverStatus("stopped", advice=ADVICE["stopped"])
        if failure is not None:
            raise failure

    async def send(self, order: SendOrder) -> Outcome:
        """Send once. `unknown` is also the answer while the page is away: a lookup tells more."""
        if not is_one_to_one(order.chat):
            return Outcome("failed", "not_one_to_one", "The agent answers one-to-one chats only.")
        if (calls := self._calls) is None:
            return Outcome("unknown", "not_ready", "WhatsApp Web is not ready.")
        return await calls.send(order)

    async def look_up(self, order: SendOrder) -> Lookup:
        """Ask the page what became of `order.key`."""
        if (calls := self._calls) is None:
            return Lookup.UNAVAILABLE
        return await calls.look_up(order)

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
        """Every message of one-to-one chats since a moment, oldest first.

        Raises:
            PageUnavailableError: WhatsApp Web is not ready, went away, or did not show a chat (then
                after the messages of all others); sweep again later.
        """
        calls, account = self._ready_calls(), self._status.account
        if account is None:
            raise PageUnavailableError("WhatsApp Web does not say whose it is.")
        since_s = since_ms // 1000
        found: list[PageMessage] = []
        failure: PageUnavailableError | None = None
        for chat in await calls.chats_since(since_s):
            try:
                messages = await calls.messages_since(chat, since_s)
            except PageUnavailableError as error:
                if self._calls is not calls:
                    raise
                failure = error  # one chat that cannot be shown must not hide the others
                continue
            if len(messages) >= self._settings.sweep_max:
                _log.warning("whatsapp_sweep_cut", messages=len(messages))
            found += messages
        for message in sorted(found, key=lambda message: message.t):
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
        """Have the page load itself anew, also one that is not ready.

        Raises:
            PageUnavailableError: there is no page, or it does not even do that.
        """
        if self._life is None or (calls := self._life.calls) is None:
            raise PageUnavailableError("There is no page of WhatsApp Web.")
        await calls.reload()

    @property
    def _calls(self) -> Calls | None:
        """The page's functions, while it is ready."""
        is_ready = self._status.whatsapp == "ready" and self._life is not None
        return self._life.calls if is_ready and self._life is not None else None

    def _ready_calls(self) -> Calls:
        if (calls := self._calls) is None:
            raise PageUnavailableError("WhatsApp Web is not ready.")
        return calls

    async def _live_on(self, pad: Launchpad) -> NoReturn:
        """One life after the other; a long one makes the pauses short again."""
        clock = asyncio.get_running_loop().time
        short_lives = 0
        while True:
            began = clock()
            await self._live_once(pad)
            if clock() - began >= self._settings.steady_s:
                short_lives = 0
            delays_s = self._settings.relaunch_delays_s
            await asyncio.sleep(delays_s[min(short_lives, len(delays_s) - 1)])
            short_lives += 1

    async def _live_once(self, pad: Launchpad) -> None:
        """Start a browser and stay with it to its end; the profile is tidied up before.

        Raises:
            BrowserMissingError: what is configured as the browser never came up: it may be none.
        """
        self._lose_page()
        await asyncio.to_thread(self._profile.clear)
        self._life = life = Life(pad, self._hear)
        try:
            await life.run()
        except BrowserGoneError as error:
            self._is_proven |= life.came_up
            if isinstance(error, BrowserFailedError) and not self._is_proven:
                raise BrowserMissingError(
                    f"{self._settings.browser_path} does not start as a browser: correct "
                    f"{SETTING} or leave it out."
                ) from error
            _log.warning("whatsapp_browser_lost", why=str(error))
        finally:
            self._life = None
            self._lose_page()

    def _hear(self, told: Told) -> None:
        """Turn what the page tells into reports.

        Raises:
            BrowserGoneError: too many reports wait.
        """
        match told:
            case StateTold(state):
                self._hear_state(state)
            case OutdatedTold():
                self._show("page_changed")
            case UnreachableTold():
                self._show("offline")
            case _ if self._status.account is None:
                _log.error("whatsapp_report_without_account")
            case MessageTold(message):
                self._reports.put(received(message, self._status.account, live=True))
            case AckTold():
                self._hear_ack(told, self._status.account)
            case ComposingTold(chat, active):
                self._reports.put(Composing(self._status.account, chat, active))

    def _hear_ack(self, told: AckTold, account: str) -> None:
        if (state := send_state(told.ack)) is not None:
            for key in told.ids:
                self._reports.put(Acknowledged(account, key, state))

    def _hear_state(self, page: PageState | None) -> None:
        if page is None:
            self._lose_page()
            return
        whatsapp = whatsapp_state(page, was_linked=self._profile.was_linked)
        if whatsapp == "ready":
            self._profile.note_linked()
        self._show(whatsapp, e164(page.account))

    def _lose_page(self) -> None:
        """The page is away or loads; a state that needs somebody stays until it says otherwise."""
        if self._status.whatsapp in ("ready", "syncing", "stopped"):
            self._show("starting")

    def _show(self, whatsapp: str, account: str | None = None) -> None:
        """Report a status that is another than before; the account stays known."""
        status = DriverStatus(whatsapp, account or self._status.account, ADVICE[whatsapp])
        if status != self._status:
            self._status = status
            self._reports.put(status)
