"""How the driver begins and what it does where it cannot: own browsers, one for each test."""

import asyncio
import socket
from pathlib import Path

import psutil
import pytest

from agent.drivers.driver import Lookup
from agent.drivers.whatsapp_web import (
    BrowserMissingError,
    BundleMissingError,
    PageUnavailableError,
    ProfileInUseError,
    WebSettings,
    WhatsAppWebDriver,
)
from agent.drivers.whatsapp_web.browser import find_browser
from agent.drivers.whatsapp_web.inject import find_bundle
from agent.drivers.whatsapp_web.profile import Profile
from tests.agent.practice.stage import practice_phone
from tests.agent.whatsapp_web.shop import ACCOUNT, Recorder, open_shop, order, web_settings

NOWHERE = "http://127.0.0.1:9/"


async def test_an_unlinked_whatsapp_asks_for_its_link(tmp_path: Path) -> None:
    """`qr` with advice until the owner's phone links, on a profile with another PC's stale lock."""
    async with practice_phone("--unlinked") as phone:
        settings = web_settings(tmp_path, phone.process.web_url)
        user_data = settings.profile_dir / "chromium"
        user_data.mkdir(parents=True)
        (user_data / "SingletonLock").symlink_to("another-computer-4242")
        async with open_shop(settings) as shop:
            await shop.until("qr")
            assert "Linked devices" in shop.driver.status.advice
            await phone.post("link")
            await shop.until("ready")
            assert shop.driver.status.account == ACCOUNT
            customer = await phone.new_person()
            assert (await shop.sink.message(await customer.write("hi"))).text == "hi"
        assert shop.driver.status.whatsapp == "stopped"


async def test_a_page_that_is_not_known_is_said_and_given_up(tmp_path: Path) -> None:
    """`page_changed`; loaded again, a new page, a new browser; then a rest until somebody comes."""
    cap = {"ready_timeout_s": 1.0, "starts_max": 1, "steady_s": 60.0}
    async with practice_phone() as phone:
        settings = web_settings(tmp_path, phone.process.url, **cap)
        async with open_shop(settings) as shop:
            await shop.until("page_changed")
            assert await shop.driver.look_up(order("B0", "c@c.us", "?")) is Lookup.UNAVAILABLE
            await shop.until("stopped")
            assert "did not become ready" in shop.driver.status.advice
            seen = len(shop.sink.statuses)
            await shop.driver.reload()
            await shop.until_again("page_changed", seen)


async def test_a_script_that_the_page_refuses_is_said(tmp_path: Path) -> None:
    """wa-js breaks on a page that it does not know: nobody waits for another load for ever."""
    bundle = tmp_path / "wa.js"
    bundle.write_text("throw new Error('Module was not found');")
    async with practice_phone() as phone:
        url = phone.process.web_url
        settings = web_settings(tmp_path, url, bundle_path=bundle, ready_timeout_s=1.0)
        async with open_shop(settings) as shop:
            await shop.until("page_changed")


async def test_a_page_that_goes_on_before_it_is_ready_is_followed(tmp_path: Path) -> None:
    """WhatsApp reloads itself while it starts: the next document gets the scripts at once."""
    bundle = tmp_path / "wa.js"
    bundle.write_text(
        "if (!sessionStorage.getItem('again')) {"
        "  sessionStorage.setItem('again', 'yes');"
        "  window.WPP = { on() {} };"
        "  setTimeout(() => location.reload(), 300);"
        f"}} else {{ {find_bundle(None).read_text('utf-8')} }}"
    )
    async with practice_phone() as phone:
        settings = web_settings(tmp_path, phone.process.web_url, bundle_path=bundle)
        async with open_shop(settings) as shop:
            await shop.until("ready")
    assert "page_changed" not in shop.sink.statuses


async def test_a_page_that_cannot_be_reached_is_offline(tmp_path: Path) -> None:
    """No way to the address: `offline`, no sweep pretends to have looked, and it is waited for."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    settings = web_settings(tmp_path, f"http://127.0.0.1:{port}/web", starts_max=1, steady_s=60.0)
    async with open_shop(settings) as shop:
        await shop.until("offline")
        with pytest.raises(PageUnavailableError):
            [message async for message in shop.driver.sweep(0)]
        async with practice_phone(port=port):
            await shop.until("ready")
    assert "page_changed" not in shop.sink.statuses


async def test_without_a_browser_the_driver_ends_with_the_remedy(tmp_path: Path) -> None:
    """A configured browser that is not there cannot be healed: one sentence, and nothing runs."""
    settings = web_settings(tmp_path, NOWHERE, browser_path=tmp_path / "chrome")
    with pytest.raises(BrowserMissingError, match="correct SAK_AGENT_BROWSER"):
        await WhatsAppWebDriver(settings).run(Recorder())


def shell_script(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("headless", [True, False])
async def test_what_never_was_a_browser_ends_the_driver(tmp_path: Path, headless: bool) -> None:
    """A program that is none is the setting's fault: no second try, and the sentence names it."""
    path = shell_script(tmp_path / "true", f"echo x >> {tmp_path}/starts")
    settings = web_settings(tmp_path, NOWHERE, browser_path=path, headless=headless)
    with pytest.raises(BrowserMissingError, match="correct SAK_AGENT_BROWSER"):
        await WhatsAppWebDriver(settings).run(Recorder())
    assert (tmp_path / "starts").read_text() == "x\n"


async def test_a_program_that_only_waits_is_no_browser(tmp_path: Path) -> None:
    """It runs, and says nothing within its time."""
    path = shell_script(tmp_path / "cat", "exec cat")
    settings = web_settings(tmp_path, NOWHERE, browser_path=path, launch_timeout_s=1.5)
    with pytest.raises(BrowserMissingError, match="correct SAK_AGENT_BROWSER"):
        await WhatsAppWebDriver(settings).run(Recorder())


async def test_a_browser_that_came_up_once_is_tried_again(tmp_path: Path) -> None:
    """A later failure of the configured browser heals as any other."""
    starts, found = tmp_path / "starts", await asyncio.to_thread(find_browser, None)
    path = shell_script(
        tmp_path / "browser",
        f"echo x >> {starts}",
        f'[ "$(wc -l < {starts})" -eq 3 ] && exit 1',  # once for the user agent, then once a life
        f'exec {found} "$@"',
    )
    async with practice_phone() as phone:
        settings = web_settings(tmp_path, phone.process.web_url, browser_path=path)
        async with open_shop(settings) as shop:
            await shop.until("ready")
            seen = len(shop.sink.statuses)
            shop.browser().kill()
            await shop.until_again("ready", seen)
    assert len(starts.read_text()) == 2 * 4


async def test_without_its_bundle_the_driver_ends_with_the_remedy(tmp_path: Path) -> None:
    """wa-js is not where set-up puts it: the sentence says how to get it."""
    settings = web_settings(tmp_path, NOWHERE, bundle_path=tmp_path / "wa.js")
    with pytest.raises(BundleMissingError, match="make setup"):
        await WhatsAppWebDriver(settings).run(Recorder())


async def test_a_second_agent_on_the_same_profile_is_refused(tmp_path: Path) -> None:
    """Two agents on one profile would be two senders: the later one ends."""
    settings = WebSettings(profile_dir=tmp_path / "profile", url=NOWHERE)
    with Profile(settings.profile_dir):
        driver = WhatsAppWebDriver(settings)
        with pytest.raises(ProfileInUseError, match="Another agent"):
            await driver.run(Recorder())
        assert driver.status.whatsapp == "stopped"


async def test_a_playwright_that_comes_up_too_late_is_not_left_behind(tmp_path: Path) -> None:
    """On a PC that is too slow for it each try would leave a process of 70 MB, without an end."""
    mine = psutil.Process()
    before = set(mine.children())
    settings = web_settings(tmp_path, NOWHERE, launch_timeout_s=0.05)
    async with asyncio.TaskGroup() as tasks:
        driver = tasks.create_task(WhatsAppWebDriver(settings).run(Recorder()))
        async with asyncio.timeout(20):
            seen: set[psutil.Process] = set()
            while len(seen) < 3:  # tries
                seen |= set(await asyncio.to_thread(mine.children)) - before
        driver.cancel()
    _, alive = await asyncio.to_thread(psutil.wait_procs, seen, timeout=10)
    assert not alive
