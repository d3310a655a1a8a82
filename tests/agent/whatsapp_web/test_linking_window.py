"""The browser's window, shown for linking only; own browsers, one for each test."""

import asyncio
import sys
from pathlib import Path

import pytest

from agent.drivers.driver import LinkOffer, LinkWish
from agent.drivers.whatsapp_web.browser import find_browser
from agent.link_words import NO_WINDOW
from tests.agent.practice.stage import practice_phone
from tests.agent.whatsapp_web.shop import Shop, open_shop, web_settings
from tests.agent.whatsapp_web.test_linking import changed_from
from tests.agent.whatsapp_web.test_lives import shell_script

if sys.platform != "linux":
    pytest.skip("what stands for a screen here is Linux's", allow_module_level=True)


async def browser_of(folder: Path, *, has_screen: bool) -> Path:
    """A browser that writes down how it was started; where it would need a screen, it gets none."""
    found = await asyncio.to_thread(find_browser, None)
    without = f'exec {found} --headless=new "$@"' if has_screen else "exit 1"
    return shell_script(
        folder / "browser",
        f'case "$*" in *--headless*) echo hidden >> {folder}/starts; exec {found} "$@";; esac',
        f"echo shown >> {folder}/starts",
        without,
    )


async def offered(shop: Shop) -> LinkOffer:
    await shop.sink.until(lambda: shop.driver.status.link is not None)
    offer = shop.driver.status.link
    assert offer is not None
    return offer


async def test_the_window_is_shown_for_linking_and_hidden_before_anything_is_sent(
    tmp_path: Path,
) -> None:
    """`ready` is said only when the window is gone: no sending is cut off by its going."""
    browser = await browser_of(tmp_path, has_screen=True)
    async with practice_phone("--unlinked") as phone:
        url = phone.process.web_url
        settings = web_settings(tmp_path, url, browser_path=browser, link_settle_s=1.0)
        async with open_shop(settings) as shop:
            hidden = await offered(shop)
            shop.driver.begin_link(LinkWish(window=True))
            await shop.sink.until(lambda: shop.driver.status.link not in (None, hidden))
            while await phone.refuses("scan", text=(stale := await offered(shop)).text):
                await changed_from(shop, stale)
            await shop.until("ready")
    starts = (tmp_path / "starts").read_text().split()
    assert starts[-2:] == ["shown", "hidden"]
    assert shop.sink.statuses.count("ready") == 1


async def test_without_a_screen_it_is_linked_without_a_window(tmp_path: Path) -> None:
    """The wish is given up at once, and said; the codes are offered as ever."""
    browser = await browser_of(tmp_path, has_screen=False)
    async with practice_phone("--unlinked") as phone:
        settings = web_settings(tmp_path, phone.process.web_url, browser_path=browser)
        async with open_shop(settings) as shop:
            await offered(shop)
            shop.driver.begin_link(LinkWish(window=True))
            await shop.sink.until(lambda: shop.driver.status.advice.startswith(NO_WINDOW))
            await offered(shop)
    assert (tmp_path / "starts").read_text().split().count("shown") == 1
