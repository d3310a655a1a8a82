"""One page of the browser: opened, given our scripts on every load, probed until it is in trouble.

A visit can be made again: the same page is then opened anew.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, NoReturn, Protocol

import msgspec
import structlog
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page

from agent.drivers.whatsapp_web.calls import Calls
from agent.drivers.whatsapp_web.errors import (
    BrowserGoneError,
    BundleMissingError,
    PageSilentError,
    PageUnavailableError,
)
from agent.drivers.whatsapp_web.inject import TELL, Scripts
from agent.drivers.whatsapp_web.ladder import Step, Trouble
from agent.drivers.whatsapp_web.mapping import PageState
from agent.drivers.whatsapp_web.selftest import NEVER_READY, SelfTest, Tested
from agent.drivers.whatsapp_web.settings import WebSettings
from agent.drivers.whatsapp_web.told import (
    EchoTold,
    LoadingTold,
    PageTold,
    ProbedTold,
    SilentTold,
    StateTold,
    TestedTold,
    Told,
)

_log = structlog.get_logger(__name__)
_ERROR_PAGE: Final = "chrome-error:"  # what Chromium shows in place of a page without a network
_FAILURES_MAX: Final = 4  # probes in a row: a page that broke; one alone comes between documents
_SILENCES_MAX: Final = 2  # one alone may be a computer that has much to do


class Attendant(Protocol):
    """Who looks after the page, and decides what becomes of it."""

    def hear(self, told: Told) -> None:
        """Take in what the page tells. BrowserGoneError: nobody keeps up with it."""
        ...

    async def probed(self, calls: Calls, probed: ProbedTold) -> Trouble | None:
        """The page answered a probe; what is wrong with it all the same."""
        ...

    async def climb(self, trouble: Trouble, calm_s: float) -> Step:
        """What to do now; what does not need another browser is waited for before."""
        ...


class _TroubleError(Exception):
    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble)
        self.trouble = trouble


class Visit:
    """Looks after one page. `calls` are its functions; `can_ask`: whether Playwright lives."""

    def __init__(
        self,
        page: Page,
        settings: WebSettings,
        scripts: Scripts,
        attendant: Attendant,
        can_ask: Callable[[], bool],
    ) -> None:
        self.page = page
        self.calls = Calls(page, settings)
        self._settings = settings
        self._scripts = scripts
        self._attendant = attendant
        self._can_ask = can_ask
        self._loaded = asyncio.Event()
        self._judged = asyncio.Event()
        self._probe_due = asyncio.Event()
        self._ended = asyncio.Event()
        self._trouble = Trouble.GONE
        self._patience: asyncio.Timeout | None = None  # of a page that is not judged yet
        self._calm_since: float | None = None
        self._is_bound = False
        self._has_crashed = False
        self._echoed = True
        self._is_lacking = False  # the self-test of this document failed
        self._selftest = SelfTest(page, settings)
        page.on("close", lambda _: self._end(Trouble.CLOSED))
        page.on("crash", lambda _: self._note_crash())
        page.on("domcontentloaded", lambda _: self._note_load())

    async def run(self) -> tuple[Trouble, float]:
        """Open the page and stay; what ended it, and for how many seconds it had been well."""
        for event in (self._loaded, self._judged, self._probe_due, self._ended):
            event.clear()
        self._calm_since = None
        works = {"open": self._open(), "inject": self._keep_injected(), "watch": self._watch()}
        # No child lets the group fail: up to Python 3.12 a failing group forgets a cancellation
        # that comes in the same moment, and the driver would not stop.
        async with asyncio.TaskGroup() as tasks:
            children = [
                tasks.create_task(self._until_trouble(work), name=f"page-{name}")
                for name, work in works.items()
            ]
            await self._ended.wait()
            for child in children:
                child.cancel()
        calm_s = 0.0 if self._calm_since is None else time.monotonic() - self._calm_since
        return self._trouble, calm_s

    async def close(self) -> None:
        """Close the page if it still listens."""
        with contextlib.suppress(TimeoutError, PlaywrightError):
            async with asyncio.timeout(self._settings.close_timeout_s):
                await self.page.close()

    async def _until_trouble(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except _TroubleError as error:
            self._end(error.trouble)

    async def _open(self) -> None:
        try:
            async with asyncio.timeout(self._settings.load_timeout_s):
                if not self._is_bound:
                    await self.page.expose_binding(TELL, self._on_tell)
                    self._is_bound = True
                await self.page.goto(self._settings.url, wait_until="domcontentloaded", timeout=0)
        except (PlaywrightError, TimeoutError) as error:
            raise _TroubleError(self._why_not_loaded()) from error

    def _why_not_loaded(self) -> Trouble:
        if self.page.is_closed():
            return Trouble.CLOSED
        return Trouble.CRASHED if self._has_crashed else Trouble.UNREACHABLE

    async def _keep_injected(self) -> NoReturn:
        """Bring the scripts in after every load: WhatsApp reloads itself on update and logout."""
        while True:
            await self._loaded.wait()
            self._loaded.clear()
            self._judged.clear()
            self._calm_since = None
            self._is_lacking = False
            self._selftest.begin()
            self._tell(LoadingTold())
            if self.page.url.startswith(_ERROR_PAGE):
                raise _TroubleError(Trouble.UNREACHABLE)
            try:
                async with asyncio.timeout(self._settings.ready_timeout_s) as self._patience:
                    if not await self._inject() or await self._is_whole():
                        await self._judged.wait()
            except TimeoutError:
                raise _TroubleError(await self._why_not_ready()) from None
            if not await self._selftest.run(self._note_test, self._loaded):
                raise _TroubleError(Trouble.NOT_READY)

    async def _why_not_ready(self) -> Trouble:
        try:
            reaches = await self.calls.reaches()
        except PageSilentError:
            return Trouble.HANGS
        except PageUnavailableError:
            return Trouble.NOT_READY
        if not reaches:
            return Trouble.UNREACHABLE
        self._note_test(NEVER_READY)
        return Trouble.NOT_READY

    async def _inject(self) -> bool:
        """Bring the scripts in; where that fails, the next load or the ready time comes next."""
        try:
            await self._scripts.inject(self.page)
        except (PlaywrightError, BundleMissingError) as error:
            # The page went on to another document, or wa-js cannot work with it.
            _log.info("whatsapp_injection_failed", kind=type(error).__name__)
            return False
        return True

    async def _is_whole(self) -> bool:
        """Whether wa-js has all its functions; without them the page cannot even say how it is."""
        found = await self._selftest.look_up()
        if found is not None and found.lacks:
            self._note_test(found)
            return False
        return True

    def _note_test(self, tested: Tested) -> None:
        self._is_lacking = bool(tested.lacks)
        self._tell(TestedTold(tested))
        self._probe_due.set()

    def _note_load(self) -> None:
        """Another document: it needs the scripts, and nothing judges the one before any more."""
        self._loaded.set()
        self._judged.set()

    def _note_crash(self) -> None:
        self._has_crashed = True
        self._end(Trouble.CRASHED)

    async def _watch(self) -> NoReturn:
        """Ask how the page is: at times, and whenever it told something else about itself."""
        failures = silences = 0
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.ping_interval_s):
                    await self._probe_due.wait()
            self._probe_due.clear()
            if await asyncio.to_thread(self._scripts.is_stale):
                raise _TroubleError(Trouble.UPDATED)
            try:
                is_well = await self._probe()
                silences = 0
            except PageSilentError:
                is_well = True
                silences += self._judged.is_set()  # before, the ready time counts
                self._tell(SilentTold())
                self._probe_due.set()
            except PageUnavailableError:
                if not self._can_ask():
                    raise _TroubleError(Trouble.GONE) from None
                is_well = False
            counts = self._judged.is_set() and not self._is_lacking
            failures = 0 if is_well else failures + counts
            if silences >= _SILENCES_MAX:
                raise _TroubleError(Trouble.HANGS)
            if failures >= _FAILURES_MAX:
                raise _TroubleError(Trouble.BROKEN)

    async def _probe(self) -> bool:
        """Ask once; whether the page answered, and its echo to the probe before came as well.

        Raises:
            PageSilentError, PageUnavailableError: it did not.
        """
        echoed, self._echoed = self._echoed, False
        began = time.monotonic()
        state = await self.calls.probe()
        if state is None:  # our scripts are not in it
            self._echoed = True
            return not self._judged.is_set()
        ping_ms = round((time.monotonic() - began) * 1000)
        if trouble := await self._attendant.probed(self.calls, ProbedTold(state, ping_ms)):
            raise _TroubleError(trouble)
        return echoed

    def _on_tell(self, _source: object, event: dict[str, Any]) -> None:
        """The page reports; what it says is checked here and nowhere else."""
        try:
            told: PageTold = msgspec.convert(event, PageTold)
        except msgspec.ValidationError as error:
            # Never the content: the reason names fields only.
            _log.error("whatsapp_report_unreadable", event_kind=event.get("event"), why=str(error))
            return
        match told:
            case EchoTold():
                self._echoed = True
            case StateTold(state):
                self._note_state(state)
                self._tell(told)
                self._probe_due.set()
            case _:
                self._tell(told)

    def _note_state(self, state: PageState) -> None:
        if state.full_ready or state.mode not in (None, "MAIN", "SYNCING"):
            self._judged.set()
            self._calm_since = self._calm_since or time.monotonic()
        elif state.mode == "SYNCING" and self._patience is not None and not self._judged.is_set():
            now = asyncio.get_running_loop().time()
            with contextlib.suppress(RuntimeError):  # it is over already
                self._patience.reschedule(now + self._settings.syncing_timeout_s)

    def _tell(self, told: Told) -> None:
        try:
            self._attendant.hear(told)
        except BrowserGoneError as error:
            _log.warning("whatsapp_page_left", why=str(error))
            self._end(Trouble.BROKEN)

    def _end(self, trouble: Trouble) -> None:
        if not self._ended.is_set():
            self._trouble = trouble
            self._ended.set()
