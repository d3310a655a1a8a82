"""Who looks after the page: hears it, judges each probe, and decides what is done in trouble."""

import asyncio
import time
from contextlib import suppress
from pathlib import Path

import structlog

from agent.drivers.driver import Sink, Unread
from agent.drivers.whatsapp_web.calls import Calls
from agent.drivers.whatsapp_web.condition import Condition
from agent.drivers.whatsapp_web.drift import Drift
from agent.drivers.whatsapp_web.errors import BrowserGoneError, PageUnavailableError
from agent.drivers.whatsapp_web.evidence import Remedy, plain, resting
from agent.drivers.whatsapp_web.ladder import (
    Ladder,
    Policy,
    Rung,
    Step,
    Takeovers,
    Trouble,
    climb,
    take_over,
)
from agent.drivers.whatsapp_web.linker import Linker
from agent.drivers.whatsapp_web.mapping import (
    PageState,
    e164,
    received,
    send_state,
    whatsapp_state,
)
from agent.drivers.whatsapp_web.processes import browser_memory_mib
from agent.drivers.whatsapp_web.reports import Acknowledged, Composing, Reports
from agent.drivers.whatsapp_web.settings import WebSettings
from agent.drivers.whatsapp_web.told import (
    AckTold,
    ComposingTold,
    LinkTold,
    LoadingTold,
    LogoutTold,
    MessageTold,
    ProbedTold,
    SilentTold,
    StateTold,
    TestedTold,
    Told,
)
from agent.drivers.whatsapp_web.traffic import Traffic
from agent.drivers.whatsapp_web.upkeep import Moment, Rules, restart_due

_log = structlog.get_logger(__name__)
# A page in one of these may still be carrying a message out.
_SPARING = frozenset(Trouble) - {Trouble.CRASHED, Trouble.CLOSED, Trouble.HANGS, Trouble.GONE}


class PageAttendant:
    """Implements `visit.Attendant`."""

    def __init__(
        self,
        settings: WebSettings,
        user_data: Path,
        condition: Condition,
        reports: Reports,
        traffic: Traffic,
        linker: Linker,
    ) -> None:
        self._settings = settings
        self._user_data = user_data
        self._condition = condition
        self._reports = reports
        self._traffic = traffic
        self._linker = linker
        self._policy = Policy(
            delays_s=settings.relaunch_delays_s,
            starts_max=settings.starts_max,
            steady_s=settings.steady_s,
            rest_s=settings.rest_s,
        )
        self._rules = Rules(memory_max_mib=settings.memory_max_mib)
        self._ladder = Ladder()
        self._takeovers = Takeovers()
        self._anew = asyncio.Event()
        self._upkeep_at = 0.0
        self.browser_began = 0.0
        """Monotonic; whoever starts the browser notes it here."""
        self.sink: Sink | None = None
        self.drift: Drift | None = None

    def begin_anew(self) -> None:
        """Forget what failed, and wait no longer."""
        self._ladder = Ladder()
        self._anew.set()

    # --- what the page tells ----------------------------------------------------------------

    def hear(self, told: Told) -> None:
        """Turn what the page tells into reports; BrowserGoneError: too many wait."""
        match told:
            case StateTold(state):
                self._condition.told(state)
            case LinkTold() | LogoutTold():
                self._linker.hear(told)
            case LoadingTold():
                self._condition.loads()
            case SilentTold():
                self._condition.loses_page()
            case TestedTold(tested):
                self._condition.tested(tested.lacks)
                if self.drift is not None:
                    self.drift.note(tested)
            case MessageTold() | AckTold() | ComposingTold():
                self._hear_chats(told)
            case ProbedTold():
                pass  # it comes by `probed`

    def _hear_chats(self, told: MessageTold | AckTold | ComposingTold) -> None:
        """Nothing of a number that is not the shop's; those are somebody's own chats."""
        account = self._condition.status.account
        if self._linker.is_foreign:
            return
        if account is None:
            _log.error("whatsapp_report_without_account")
            return
        self._note_event()
        match told:
            case MessageTold(message):
                self._reports.put(received(message, account, live=True))
            case AckTold(ids, ack):
                if (reached := send_state(ack)) is not None:
                    for key in ids:
                        self._reports.put(Acknowledged(account, key, reached))
            case ComposingTold(chat, active):
                self._reports.put(Composing(account, chat, active))

    def _note_event(self) -> None:
        self._traffic.note()
        self._condition.noted_event()

    # --- probes -----------------------------------------------------------------------------

    async def probed(self, calls: Calls, probed: ProbedTold) -> Trouble | None:
        """Judge a page that answered; what is wrong with it all the same."""
        page = probed.state
        if self._linker.needs_other_browser:
            return Trouble.WORN
        unheard = await self._unheard(page)
        remedy = self._condition.probed(
            page, probed.ping_ms, None if unheard is None else len(unheard)
        )
        if remedy is Remedy.FETCH and unheard:
            await self._fetch(calls, page, unheard)
            unheard = await self._unheard(page)
            if not unheard:
                remedy = self._condition.probed(page, probed.ping_ms, 0)
        if remedy is Remedy.RELOAD:
            return Trouble.DEAF
        if page.mode == "DEPRECATED_VERSION":
            return Trouble.NOT_READY
        match self._condition.status.whatsapp:
            case "conflict" if self._settings.takes_over:
                await self._take_back(calls)
            case "offline" if self._condition.age_s >= self._settings.offline_max_s:
                return Trouble.UNREACHABLE if await calls.reaches() else None
        return await self._worn()

    async def _unheard(self, page: PageState) -> list[Unread] | None:
        """Messages with a badge that nobody recorded; None where that says nothing."""
        account = e164(page.account)
        if self.sink is None or account is None or self._linker.is_foreign:
            return None
        if whatsapp_state(page, was_linked=True) != "ready":
            return None
        if not page.unread:
            return []
        badges = [Unread(one.chat, one.id, one.t * 1000, one.since * 1000) for one in page.unread]
        return await self.sink.lacks(account, badges)

    async def _fetch(self, calls: Calls, page: PageState, unheard: list[Unread]) -> None:
        """Have the messages of these chats recorded; what does not come is looked for again."""
        account = e164(page.account)
        if account is None:
            return
        with suppress(TimeoutError, PageUnavailableError, BrowserGoneError):
            async with asyncio.timeout(self._settings.sweep_timeout_s):
                for one in unheard:
                    for message in await calls.messages_since(one.chat, one.since_ms // 1000):
                        self._reports.put(received(message, account, live=False))
                await self._reports.delivered()

    async def _take_back(self, calls: Calls) -> None:
        """Use WhatsApp here again, unless another window keeps taking it."""
        takeovers = take_over(self._takeovers, time.monotonic())
        if takeovers is None or self._condition.age_s < self._settings.take_over_after_s:
            return
        self._takeovers = takeovers
        _log.info("whatsapp_taken_over", within_the_hour=len(takeovers.at))
        await calls.take_over()

    async def _worn(self) -> Trouble | None:
        """Whether the browser is to be started anew although it works."""
        now = time.monotonic()
        if now < self._upkeep_at:
            return None
        self._upkeep_at = now + self._settings.upkeep_every_s
        moment = Moment(
            memory_mib=await asyncio.to_thread(browser_memory_mib, self._user_data),
            age_s=now - self.browser_began,
            quiet_s=self._traffic.quiet_s,
            send_s=self._traffic.send_s,
            hour=time.localtime().tm_hour,
        )
        if reason := restart_due(moment, self._rules):
            _log.info("whatsapp_browser_worn", reason=reason, memory_mib=moment.memory_mib)
            return Trouble.WORN
        return None

    # --- trouble ----------------------------------------------------------------------------

    async def climb(self, trouble: Trouble, calm_s: float) -> Step:
        """Say what is wrong, and decide; what does not need another browser is waited for."""
        self._anew.clear()
        self._say(trouble)  # from here on nothing else is sent
        if trouble in _SPARING:
            await self._traffic.sent(self._settings.send_grace_s)
        self._ladder, step = climb(self._ladder, trouble, calm_s, self._policy)
        _log.warning(
            "whatsapp_trouble",
            trouble=trouble,
            step=step.rung.name.lower(),
            delay_s=step.delay_s,
            starts=self._ladder.starts,
        )
        if step.rung is Rung.REST:
            self._condition.loses_page(resting(trouble, step.delay_s))
        elif step.rung < Rung.BROWSER:
            await self.pause(step)
        return step

    def _say(self, trouble: Trouble) -> None:
        match trouble:
            case Trouble.UNREACHABLE:
                self._condition.loses_page(plain("offline"))
            case Trouble.NOT_READY:
                self._condition.loses_page(plain("page_changed"))
            case _:
                self._condition.loses_page()

    async def pause(self, step: Step) -> None:
        """Wait as the step says, or until somebody says to begin anew."""
        with suppress(TimeoutError):
            async with asyncio.timeout(step.delay_s):
                await self._anew.wait()
