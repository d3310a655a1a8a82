"""One life of the browser: its launch, and one page after the other, until it needs another."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog
from msgspec.structs import replace
from playwright.async_api import BrowserContext, Page, Playwright
from playwright.async_api import Error as PlaywrightError

from agent.drivers.whatsapp_web import browser
from agent.drivers.whatsapp_web.calls import Calls
from agent.drivers.whatsapp_web.errors import BrowserFailedError, BrowserGoneError
from agent.drivers.whatsapp_web.inject import Scripts
from agent.drivers.whatsapp_web.ladder import Rung, Step, Trouble
from agent.drivers.whatsapp_web.processes import Engine, running_playwright
from agent.drivers.whatsapp_web.settings import WebSettings
from agent.drivers.whatsapp_web.visit import Attendant, Visit

_log = structlog.get_logger(__name__)
_USER_AGENT_S: Final = 86_400.0  # browsers update themselves


class Launchpad:
    """What every life starts from."""

    def __init__(
        self,
        settings: WebSettings,
        user_data: Path,
        scripts: Scripts,
        headless: Callable[[], bool],
    ) -> None:
        self.settings = settings
        self.user_data = user_data
        self.scripts = scripts
        self._headless = headless
        self._user_agent: str | None = None
        self._user_agent_until = 0.0

    async def launch(self, playwright: Playwright) -> BrowserContext:
        """Start the browser on its profile; BrowserMissingError, BrowserFailedError."""
        settings = replace(self.settings, headless=self._headless())
        downloaded = Path(playwright.chromium.executable_path)
        path = browser.require_browser(settings.browser_path, downloaded)
        try:
            async with asyncio.timeout(settings.launch_timeout_s):
                agent = await self._agent(playwright, path) if settings.headless else None
                return await browser.launch(playwright, path, self.user_data, agent, settings)
        except TimeoutError:
            raise BrowserFailedError("The browser took too long to start.") from None

    async def _agent(self, playwright: Playwright, path: Path) -> str:
        """The user agent; finding it out takes a start of the browser, so it is kept for a day."""
        if self._user_agent is None or time.monotonic() >= self._user_agent_until:
            self._user_agent = await browser.plain_user_agent(playwright, path, self.settings)
            self._user_agent_until = time.monotonic() + _USER_AGENT_S
        return self._user_agent


class Life:
    """One browser. `came_up`: it started; `began` (monotonic) is when."""

    def __init__(self, pad: Launchpad, attendant: Attendant) -> None:
        self._pad = pad
        self._settings = pad.settings
        self._attendant = attendant
        self._visit: Visit | None = None
        self._has_ended = False
        self.came_up = False
        self.began = time.monotonic()

    @property
    def calls(self) -> Calls | None:
        """The functions of its page, while there is one."""
        return None if self._visit is None else self._visit.calls

    async def run(self) -> Step:
        """Live until another browser is needed, or none for a while.

        Raises:
            BrowserFailedError: the browser did not come up.
            BrowserGoneError: what starts it did not.
            BrowserMissingError: there is no browser to launch.
        """
        async with running_playwright(self._settings.launch_timeout_s) as engine:
            context = await self._pad.launch(engine.playwright)
            self.came_up = True
            context.on("close", lambda _: self._note_end())
            try:
                return await self._attend(context, engine)
            finally:
                self._visit = None
                if engine.is_alive():
                    await self._close(context)

    async def _attend(self, context: BrowserContext, engine: Engine) -> Step:
        try:
            async with asyncio.timeout(self._settings.call_timeout_s):
                page = context.pages[0] if context.pages else await context.new_page()
        except (PlaywrightError, TimeoutError):
            return await self._attendant.climb(Trouble.GONE, 0)
        self._visit = visit = self._new_visit(page, engine)
        while True:
            trouble, calm_s = await visit.run()
            if self._has_ended or not engine.is_alive():
                trouble = Trouble.GONE
            step = await self._attendant.climb(trouble, calm_s)
            if step.rung >= Rung.BROWSER:
                return step
            if step.rung is Rung.PAGE:
                try:
                    self._visit = visit = await self._replaced(context, visit, engine)
                except BrowserGoneError:
                    return await self._attendant.climb(Trouble.GONE, 0)

    def _note_end(self) -> None:
        self._has_ended = True

    def _new_visit(self, page: Page, engine: Engine) -> Visit:
        scripts = self._pad.scripts
        return Visit(page, self._settings, scripts, self._attendant, engine.is_alive)

    async def _replaced(self, context: BrowserContext, visit: Visit, engine: Engine) -> Visit:
        """Another page first: a browser that loses its last one ends."""
        try:
            async with asyncio.timeout(self._settings.call_timeout_s):
                page = await context.new_page()
        except (PlaywrightError, TimeoutError) as error:
            raise BrowserGoneError("The browser ended.") from error
        await visit.close()
        return self._new_visit(page, engine)

    async def _close(self, context: BrowserContext) -> None:
        """Close what still listens; what does not is killed by the profile's holder."""
        with contextlib.suppress(TimeoutError, PlaywrightError):
            async with asyncio.timeout(self._settings.close_timeout_s):
                await context.close()
