"""One life of the browser: from its launch until it, its page or the way to it is gone."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import psutil
import structlog
from playwright.async_api import BrowserContext, Page, Playwright, async_playwright
from playwright.async_api import Error as PlaywrightError

from agent.drivers.whatsapp_web import browser
from agent.drivers.whatsapp_web.calls import Calls
from agent.drivers.whatsapp_web.errors import (
    BrowserFailedError,
    BrowserGoneError,
    PageSilentError,
    PageUnavailableError,
)
from agent.drivers.whatsapp_web.inject import TELL, Scripts
from agent.drivers.whatsapp_web.mapping import PageMessage, PageState
from agent.drivers.whatsapp_web.settings import WebSettings

_log = structlog.get_logger(__name__)
_ERROR_PAGE = "chrome-error:"  # what Chromium shows in place of a page without a network
_STOP_TIMEOUT_S = 5  # for Playwright's own process
_DRIVER_WORD = "run-driver"  # on the command line of that process
_PINGS_FAILED_MAX = 4  # in a row: a page that broke; one alone comes between two documents


class MessageTold(msgspec.Struct, frozen=True, tag_field="event", tag="message"):
    """A message appeared in the page."""

    message: PageMessage


class AckTold(msgspec.Struct, frozen=True, tag_field="event", tag="ack"):
    """WhatsApp said what became of messages of ours."""

    ids: list[str]
    ack: int


class ComposingTold(msgspec.Struct, frozen=True, tag_field="event", tag="composing"):
    """A customer started or stopped typing."""

    chat: str
    active: bool


class StateTold(msgspec.Struct, frozen=True, tag_field="event", tag="state"):
    """The page's state may be another; None while it loads."""

    state: PageState | None


class OutdatedTold(msgspec.Struct, frozen=True, tag_field="event", tag="outdated"):
    """The page is there, but not as this agent knows it."""


class UnreachableTold(msgspec.Struct, frozen=True, tag_field="event", tag="unreachable"):
    """The page could not be loaded."""


Told = MessageTold | AckTold | ComposingTold | StateTold | OutdatedTold | UnreachableTold
Hear = Callable[[Told], None]


class Launchpad(msgspec.Struct, frozen=True):
    """What every life starts from."""

    settings: WebSettings
    user_data: Path
    scripts: Scripts


class Life:
    """One browser with one page. `calls` is there while the page is."""

    def __init__(self, pad: Launchpad, hear: Hear) -> None:
        self._pad = pad
        self._settings = pad.settings
        self._hear = hear
        self._loaded = asyncio.Event()
        self._gone = asyncio.Event()
        self._judged = asyncio.Event()
        self._why = "The browser ended."
        self.calls: Calls | None = None
        self.came_up = False
        """Whether its browser started."""

    async def run(self) -> NoReturn:
        """Live.

        Raises:
            BrowserGoneError: the only way in which a life ends by itself.
            BrowserFailedError: the same, without having begun.
            BrowserMissingError: there is no browser to launch.
        """
        async with _playwright(self._settings.launch_timeout_s) as playwright:
            context = await self._launch(playwright)
            self.came_up = True
            try:
                await self._attend(context)
            finally:
                self.calls = None
                await self._close(context)
        raise BrowserGoneError(self._why)

    async def _launch(self, playwright: Playwright) -> BrowserContext:
        settings = self._settings
        downloaded = Path(playwright.chromium.executable_path)
        path = browser.require_browser(settings.browser_path, downloaded)
        try:
            async with asyncio.timeout(settings.launch_timeout_s):
                agent = None
                if settings.headless:
                    agent = await browser.plain_user_agent(playwright, path, settings)
                user_data = self._pad.user_data
                return await browser.launch(playwright, path, user_data, agent, settings)
        except TimeoutError:
            raise BrowserFailedError("The browser took too long to start.") from None

    async def _attend(self, context: BrowserContext) -> None:
        """Look after the page until something ends."""
        page = await self._page_of(context)
        context.on("close", lambda _: self._end("The browser ended."))
        page.on("close", lambda _: self._end("The browser's page was closed."))
        page.on("crash", lambda _: self._end("The browser's page crashed."))
        page.on("domcontentloaded", lambda _: self._note_load())
        self.calls = Calls(page, self._settings)
        # No child lets the group fail: up to Python 3.12 a failing group forgets a cancellation
        # that comes in the same moment, and the driver would not stop.
        async with asyncio.TaskGroup() as tasks:
            works = {
                "browser-open": self._open(context, page),
                "browser-inject": self._keep_injected(page),
                "browser-watch": self._watch(),
            }
            children = [
                tasks.create_task(self._until_gone(work), name=name) for name, work in works.items()
            ]
            await self._gone.wait()
            for child in children:
                child.cancel()

    async def _page_of(self, context: BrowserContext) -> Page:
        try:
            async with asyncio.timeout(self._settings.call_timeout_s):
                return context.pages[0] if context.pages else await context.new_page()
        except (PlaywrightError, TimeoutError) as error:
            raise BrowserGoneError("The browser ended.") from error

    async def _until_gone(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except BrowserGoneError as error:
            self._end(str(error))

    async def _open(self, context: BrowserContext, page: Page) -> None:
        try:
            async with asyncio.timeout(self._settings.load_timeout_s):
                await context.expose_binding(TELL, self._on_tell)
                await page.goto(self._settings.url, wait_until="domcontentloaded", timeout=0)
        except (PlaywrightError, TimeoutError) as error:
            if not page.is_closed():
                self._tell(UnreachableTold())
            raise BrowserGoneError("The page could not be loaded.") from error

    async def _keep_injected(self, page: Page) -> NoReturn:
        """Bring the scripts in after every load: WhatsApp reloads itself on update and logout."""
        while True:
            await self._loaded.wait()
            self._loaded.clear()
            self._judged.clear()
            self._tell(StateTold(None))
            if page.url.startswith(_ERROR_PAGE):
                self._tell(UnreachableTold())
                raise BrowserGoneError("The page could not be loaded.")
            try:
                async with asyncio.timeout(self._settings.ready_timeout_s):
                    await self._inject(page)
                    await self._judged.wait()
            except TimeoutError:
                self._tell(OutdatedTold())
                raise BrowserGoneError("WhatsApp Web did not become ready.") from None

    async def _inject(self, page: Page) -> None:
        """Bring the scripts in; where that fails, the next load or the ready time comes next."""
        try:
            await self._pad.scripts.inject(page)
        except PlaywrightError as error:
            # The page went on to another document, or wa-js cannot work with it.
            _log.info("whatsapp_injection_failed", kind=type(error).__name__)

    def _note_load(self) -> None:
        """Another document: it needs the scripts, and nothing judges the one before any more."""
        self._loaded.set()
        self._judged.set()

    async def _watch(self) -> NoReturn:
        """Ask how the page is, also to find out that it hangs or broke."""
        failures = 0
        while True:
            await asyncio.sleep(self._settings.ping_interval_s)
            if self.calls is None:
                continue
            try:
                state = await self.calls.state()
            except PageSilentError as error:
                raise BrowserGoneError("WhatsApp Web hangs.") from error
            except PageUnavailableError as error:
                failures += self._judged.is_set()  # before, the ready time counts
                if failures >= _PINGS_FAILED_MAX:
                    raise BrowserGoneError("WhatsApp Web does not say how it is.") from error
                continue
            failures = 0
            if state is not None:
                self._tell(StateTold(state))

    def _on_tell(self, _source: object, event: dict[str, Any]) -> None:
        """The page reports; what it says is checked here and nowhere else."""
        try:
            told: Told = msgspec.convert(event, Told)
        except msgspec.ValidationError as error:
            # Never the content: the reason names fields only.
            _log.error("whatsapp_report_unreadable", event_kind=event.get("event"), why=str(error))
            return
        self._tell(told)

    def _tell(self, told: Told) -> None:
        if isinstance(told, StateTold) and told.state is not None and _is_judged(told.state):
            self._judged.set()
        try:
            self._hear(told)
        except BrowserGoneError as error:
            self._end(str(error))

    def _end(self, why: str) -> None:
        if not self._gone.is_set():
            self._why = why
            self._gone.set()

    async def _close(self, context: BrowserContext) -> None:
        """Close what still listens; what does not is killed by the profile's holder."""
        with contextlib.suppress(TimeoutError, PlaywrightError):
            async with asyncio.timeout(self._settings.close_timeout_s):
                await context.close()


def _is_judged(state: PageState) -> bool:
    """Whether the page has reached a state that needs no more patience."""
    return state.full_ready or state.mode not in (None, "MAIN", "SYNCING")


@asynccontextmanager
async def _playwright(timeout_s: float) -> AsyncIterator[Playwright]:
    """Playwright's own process, which may die like any other."""
    manager, before, playwright = async_playwright(), _drivers(), None
    try:
        async with asyncio.timeout(timeout_s):
            playwright = await manager.start()
    except (PlaywrightError, OSError, TimeoutError) as error:
        raise BrowserGoneError("Playwright could not be started.") from error
    finally:
        if playwright is None:
            _end(_drivers() - before)
    try:
        yield playwright
    finally:
        with contextlib.suppress(TimeoutError, PlaywrightError):
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await playwright.stop()


def _drivers() -> set[psutil.Process]:
    """Playwright's processes that this one has started."""
    return {child for child in psutil.Process().children() if _is_driver(child)}


def _is_driver(process: psutil.Process) -> bool:
    try:
        return _DRIVER_WORD in process.cmdline()
    except psutil.Error:  # it has just ended
        return False


def _end(processes: Iterable[psutil.Process]) -> None:
    """Kill what came up too late: nobody will ever stop it."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
