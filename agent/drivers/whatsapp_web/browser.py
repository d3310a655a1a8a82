"""Finding, installing and launching a browser.

An installed Chrome, Edge or Chromium comes first: it is already updated and trusted there. Only
without one is Playwright's Chromium downloaded.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from playwright.async_api import BrowserContext, Playwright, ViewportSize
from playwright.async_api import Error as PlaywrightError
from playwright.sync_api import sync_playwright

from agent.drivers.whatsapp_web.errors import BrowserFailedError, BrowserMissingError
from agent.drivers.whatsapp_web.settings import WebSettings
from agent.settings import PREFIX

_COMMANDS: Final = (
    "google-chrome",
    "google-chrome-stable",
    "microsoft-edge",
    "microsoft-edge-stable",
    "chromium",
    "chromium-browser",
)
_PLACES: Final = {
    "darwin": (
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
    ),
    "win32": (
        r"C:\Program Files\Google\Chrome\Application\chrome.exe",
        r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
        f"{Path.home()}/AppData/Local/Google/Chrome/Application/chrome.exe",
        r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
        r"C:\Program Files\Microsoft\Edge\Application\msedge.exe",
    ),
}
SETTING: Final = f"{PREFIX}BROWSER"
_INSTALL_TIMEOUT_S: Final = 900
_REMEDY: Final = (
    "No Chrome, Edge or Chromium was found: install one of them, or run "
    "`sak-agent install-browser`, which fetches Chromium."
)
# --optimize-for-size saves a sixth of a busy page's memory; QUIC gets lost on many shops' lines.
# Playwright adds its own (no sync, no background traffic). No --disable-features here: the last one
# counts, and it would undo Playwright's.
_ARGUMENTS: Final = ("--js-flags=--optimize-for-size", "--disable-quic")
_VIEWPORT: Final = ViewportSize(width=1280, height=800)


def find_installed(browser_path: Path | None, platform: str = sys.platform) -> Path | None:
    """The configured browser, or the first that is installed here; None when there is none.

    Raises:
        BrowserMissingError: a browser is configured and no such program is there.
    """
    if browser_path is not None:
        if _is_program(browser_path):
            return browser_path
        raise BrowserMissingError(
            f"There is no browser at {browser_path}: correct {SETTING} or leave it out."
        )
    places = (Path(place) for place in _PLACES.get(platform, ()))
    commands = (Path(found) for name in _COMMANDS if (found := shutil.which(name)))
    return next((path for path in (*places, *commands) if _is_program(path)), None)


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def require_browser(browser_path: Path | None, downloaded: Path) -> Path:
    """The browser to launch: an installed one, else the one that Playwright `downloaded`.

    Raises:
        BrowserMissingError: there is neither.
    """
    if found := find_installed(browser_path):
        return found
    if downloaded.is_file():
        return downloaded
    raise BrowserMissingError(_REMEDY)


def find_browser(browser_path: Path | None) -> Path:
    """The browser that a driver would launch; not inside an event loop.

    Raises:
        BrowserMissingError: there is none.
    """
    return require_browser(browser_path, _downloaded())


def install_browser(browser_path: Path | None = None) -> Path:
    """Make sure that there is a browser, and say where; it may be fetched, which takes minutes.

    Raises:
        BrowserMissingError: every way to get one failed.
    """
    for way in ((), *_ways_to_install()):
        for command in way:
            _run(command)
        try:
            return find_browser(browser_path)
        except BrowserMissingError:
            if browser_path is not None:
                raise
    raise BrowserMissingError(_REMEDY)


def _ways_to_install() -> list[tuple[tuple[str, ...], ...]]:
    """Commands that fetch a browser, one way after the other."""
    ways = [((sys.executable, "-m", "playwright", "install", "chromium"),)]
    if shutil.which("apt-get") and _is_root():
        install = ("apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium")
        return [*ways, (("apt-get", "update", "-qq"), install)]
    return [*ways]


def _run(command: tuple[str, ...]) -> None:
    """Run it to its end; whether it helped shows in what is there afterwards."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(  # noqa: S603 - our own commands
            command, check=False, timeout=_INSTALL_TIMEOUT_S, capture_output=True
        )


def _downloaded() -> Path:
    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path)


async def plain_user_agent(playwright: Playwright, browser: Path, settings: WebSettings) -> str:
    """The user agent that this browser shows with a window.

    Without one it says HeadlessChrome, and WhatsApp Web then shows its unsupported-browser page.
    """
    try:
        probe = await playwright.chromium.launch(
            executable_path=browser,
            headless=True,
            chromium_sandbox=not _is_root(),
            timeout=settings.launch_timeout_s * 1000,
        )
        try:
            page = await probe.new_page()
            agent: str = await page.evaluate("navigator.userAgent")
        finally:
            await probe.close()
    except PlaywrightError as error:
        raise BrowserFailedError("The browser could not be started.") from error
    return agent.replace("HeadlessChrome", "Chrome")


async def launch(
    playwright: Playwright,
    browser: Path,
    user_data: Path,
    user_agent: str | None,
    settings: WebSettings,
) -> BrowserContext:
    """Start the browser on its profile.

    Raises:
        BrowserFailedError: it did not come up.
    """
    try:
        return await playwright.chromium.launch_persistent_context(
            user_data,
            executable_path=browser,
            headless=settings.headless,
            args=list(_ARGUMENTS),
            chromium_sandbox=not _is_root(),
            user_agent=user_agent,
            viewport=_VIEWPORT if settings.headless else None,
            no_viewport=None if settings.headless else True,
            accept_downloads=False,
            handle_sigint=False,
            handle_sigterm=False,
            handle_sighup=False,
            timeout=settings.launch_timeout_s * 1000,
        )
    except PlaywrightError as error:
        raise BrowserFailedError("The browser could not be started on its profile.") from error


def _is_root() -> bool:
    """Chromium's sandbox refuses to start as root."""
    return hasattr(os, "geteuid") and os.geteuid() == 0
