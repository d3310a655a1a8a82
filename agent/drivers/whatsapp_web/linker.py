"""The shell of `agent.linking`: hears the page, has it do what is decided, remembers the number."""

import asyncio
import time
from collections.abc import Callable
from typing import Final, NoReturn

import structlog

from agent import linking
from agent.drivers.driver import LinkOffer, LinkRefusedError, LinkWish
from agent.drivers.whatsapp_web.calls import Calls
from agent.drivers.whatsapp_web.errors import PageUnavailableError
from agent.drivers.whatsapp_web.link_record import LinkRecord
from agent.drivers.whatsapp_web.mapping import PageState, e164
from agent.drivers.whatsapp_web.settings import WebSettings
from agent.drivers.whatsapp_web.told import LinkTold, LogoutTold
from agent.link_words import NO_WINDOW
from agent.linking import Do, Linking, Step

_log = structlog.get_logger(__name__)
_CALLS: Final = {
    Do.ASK_QR: "askQr",
    Do.RENEW_QR: "renewQr",
    Do.ASK_CODE: "askCode",
    Do.FORGET_CODE: "forgetCode",
    Do.UNLINK: "unlink",
}


class Linker:
    """Linking in one profile.

    `changed` is called when what it shows may be another than before, `offered` with each code.
    """

    def __init__(
        self,
        settings: WebSettings,
        now_ms: Callable[[], int],
        changed: Callable[[], None],
        calls: Callable[[], Calls | None],
        offered: Callable[[LinkOffer | None], None] | None = None,
    ) -> None:
        self._settings = settings
        self._record = LinkRecord(settings.profile_dir)
        self._now_ms = now_ms
        self._changed = changed
        self._calls = calls
        self._offered = offered
        codes_max = 1 + settings.link_attempts_max
        self._linking = Linking(attempts_max=codes_max, known=self._record.read())
        self._work: asyncio.Queue[Do | None] = asyncio.Queue()
        self._at_qr = False
        self._is_linked = False
        self._linked_at = 0.0
        self._window_fails = False
        self._in_window = False

    # --- what is shown ----------------------------------------------------------------------

    @property
    def offer(self) -> LinkOffer | None:
        """The code by which a phone can be linked now."""
        return self._linking.offer

    @property
    def state(self) -> str:
        """The protocol's word for a page that is not linked with our number."""
        return self._linking.state

    @property
    def advice(self) -> str:
        """One sentence for the shop owner in that state."""
        advice = self._linking.advice
        return f"{NO_WINDOW} {advice}" if self._window_fails and self._linking.is_open else advice

    @property
    def is_foreign(self) -> bool:
        """Whether the page holds another number than the shop's: nothing of it may be told."""
        return self._linking.foreign

    # --- the browser's window ---------------------------------------------------------------

    def headless(self) -> bool:
        """How to start the browser that is about to be started."""
        self._in_window = not self._settings.headless or self._wants_window
        return not self._in_window

    @property
    def _wants_window(self) -> bool:
        return self._linking.is_open and self._linking.wish.window and not self._window_fails

    @property
    def _is_shown_in_vain(self) -> bool:
        return self._settings.headless and self._in_window and not self._wants_window

    @property
    def goes_back(self) -> bool:
        """Linked in a window that is about to be hidden: nothing may be begun in it."""
        return self._is_linked and self._is_shown_in_vain

    @property
    def needs_other_browser(self) -> bool:
        """A window is wanted, or one has had the time to store what came of it."""
        if self._wants_window and not self._in_window:
            return True
        settled_s = time.monotonic() - self._linked_at
        return self._is_shown_in_vain and settled_s >= self._settings.link_settle_s

    def window_failed(self) -> None:
        """The browser did not start; if it was to show a window, it starts without."""
        if self._in_window and self._settings.headless:
            self._window_fails = True

    # --- what happens -----------------------------------------------------------------------

    def begin(self, wish: LinkWish) -> None:
        """A person wants to link; LinkRefusedError."""
        if why := linking.refusal(self._linking, wish, is_linked=self._is_linked):
            raise LinkRefusedError(why)
        self._window_fails = False
        now_ms = self._now_ms()
        self._take(linking.open_round(self._linking, wish, now_ms, at_page=self._at_qr))
        self._changed()

    def note_page(self, page: PageState) -> None:
        """The page says how it is."""
        account = e164(page.account)
        if page.mode == "QR":
            self._is_linked = False
            self._take((linking.unlinked(self._linking), ()))
            if page.full_ready and not self._at_qr:
                self._at_qr = True
                self._take(linking.page_asks(self._linking, self._now_ms()))
        elif account is not None and page.mode is not None:
            self._note_linked(account)

    def _note_linked(self, account: str) -> None:
        self._at_qr = False
        was_foreign = self._linking.foreign
        self._take(linking.linked(self._linking, account))
        if self._linking.foreign:
            if not was_foreign:
                _log.warning("whatsapp_number_is_another")
        elif not self._is_linked:
            self._is_linked, self._linked_at = True, time.monotonic()

    def note_gone(self) -> None:
        """The page is away, or loads anew."""
        self._at_qr = False
        self._take((linking.page_gone(self._linking), ()))

    def hear(self, told: LinkTold | LogoutTold) -> None:
        """The page tells of linking."""
        now_ms = self._now_ms()
        match told:
            case LogoutTold(reason):
                _log.warning("whatsapp_logged_out", reason=reason)
                self._take((linking.logged_out(self._linking, reason), ()))
            case LinkTold("qr" | "code" as kind, str(text)):
                self._take(linking.code_came(self._linking, kind, text, now_ms))
            case LinkTold("failed"):
                self._take(linking.failed(self._linking))
            case LinkTold():
                self._take(linking.stalled(self._linking, now_ms))
        self._changed()

    async def run(self) -> NoReturn:
        """Have the page do what is decided, and let time act."""
        while True:
            deadline_ms = self._linking.deadline_ms
            left_s = None if deadline_ms is None else max(0, deadline_ms - self._now_ms()) / 1000
            try:
                async with asyncio.timeout(left_s):
                    do = await self._work.get()
            except TimeoutError:
                self._take(linking.tick(self._linking, self._now_ms()))
                self._changed()
                continue
            if do is not None:
                await self._perform(do)

    async def _perform(self, do: Do) -> None:
        """Where the page cannot, its next load or the deadline comes to it again."""
        calls, phone = self._calls(), self._linking.wish.phone
        if calls is None or (do is Do.ASK_CODE and phone is None):
            return
        argument = phone.removeprefix("+") if do is Do.ASK_CODE and phone else None
        try:
            await calls.link(_CALLS[do], argument)
        except PageUnavailableError as error:
            _log.info("whatsapp_link_step_failed", step=do, why=str(error))

    def _take(self, step: Step) -> None:
        before, (self._linking, todo) = self._linking, step
        if self._linking.known is not None and self._linking.known != before.known:
            self._record.write(self._linking.known)
        if self._linking.phase != before.phase or self._linking.attempt != before.attempt:
            now = self._linking
            _log.info("whatsapp_link", phase=now.phase, attempt=now.attempt, why=now.why)
        if self._offered is not None and self._linking.offer != before.offer:
            self._offered(self._linking.offer)
        for do in todo:
            self._work.put_nowait(do)
        if self._linking.deadline_ms != before.deadline_ms:
            self._work.put_nowait(None)
