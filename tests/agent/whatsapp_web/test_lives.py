"""How the driver begins and what it does where it cannot: own browsers, one for each test."""

from pathlib import Path

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


async def test_a_page_that_is_not_known_is_said(tmp_path: Path) -> None:
    """A page without WhatsApp's modules is `page_changed`, and the driver goes on trying."""
    async with practice_phone() as phone:
        settings = web_settings(tmp_path, phone.process.url, ready_timeout_s=1.0)
        async with open_shop(settings) as shop:
            await shop.until("page_changed")
            assert await shop.driver.look_up(order("B0", "c@c.us", "?")) is Lookup.UNAVAILABLE


async def test_a_page_that_cannot_be_reached_is_offline(tmp_path: Path) -> None:
    """No way to the address: `offline`, and no sweep pretends to have looked."""
    async with open_shop(web_settings(tmp_path, NOWHERE)) as shop:
        await shop.until("offline")
        with pytest.raises(PageUnavailableError):
            [message async for message in shop.driver.sweep(0)]


async def test_without_a_browser_the_driver_ends_with_the_remedy(tmp_path: Path) -> None:
    """A configured browser that is not there cannot be healed: one sentence, and nothing runs."""
    settings = web_settings(tmp_path, NOWHERE, browser_path=tmp_path / "chrome")
    with pytest.raises(BrowserMissingError, match="correct the setting"):
        await WhatsAppWebDriver(settings).run(Recorder())


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
