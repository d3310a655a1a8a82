"""The self-test of wa-js: its list is what we call, and a page that fails it gets no message."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from agent.drivers.whatsapp_web import WebSettings
from agent.drivers.whatsapp_web.bundle import Bundles
from agent.drivers.whatsapp_web.drift import Record, known_missing, read_record
from agent.drivers.whatsapp_web.inject import find_bundle
from agent.drivers.whatsapp_web.selftest import module_of, needs
from tests.agent.npm_registry import bundle
from tests.agent.practice.stage import Phone, practice_phone
from tests.agent.whatsapp_web.shop import open_shop, order, web_settings

OURS = Path("agent/drivers/whatsapp_web")
CALLED = re.compile(r"\bWPP\.([\w.]+)")
OTHERWISE = re.compile(r"\bWPP\b(?!\.)(?!' in window)(?!Config)")
EVENT = re.compile(r"'((?:blocklist|call|chat|conn|contact|group|loader|status)\.\w+)'")
LINES = re.compile(r"^\s*(?://|\*).*$", re.MULTILINE)


def sources() -> dict[str, str]:
    """Everything that runs in the page, without comments."""
    root = Path(__file__).parents[3] / OURS
    paths = [*root.glob("*.js"), root / "calls.py", root / "inject.py"]
    return {path.name: LINES.sub("", path.read_text("utf-8")) for path in paths}


def test_the_list_has_what_we_call_and_nothing_else() -> None:
    """A new call without its line would be missed by the self-test; a line too many is a lie."""
    listed = needs()
    texts = {name: text for name, text in sources().items() if name != "selftest.js"}
    called = {path for text in texts.values() for path in CALLED.findall(text)}
    assert called == {*listed.functions, *listed.spare, *listed.values}
    assert set(listed.functions).isdisjoint(listed.spare)
    heard = {event for text in texts.values() for event in EVENT.findall(text)}
    assert heard == set(listed.events)
    strange = {name: found for name, text in texts.items() if (found := OTHERWISE.findall(text))}
    assert strange == {}, "name functions as WPP.group.name, so that this test sees them"


def test_every_reading_is_a_function_of_the_list() -> None:
    """What is called for a trial is what is called in earnest."""
    assert {reading.function for reading in needs().readings} <= set(needs().functions)


def test_the_events_stand_in_the_bundle() -> None:
    """An event that wa-js renamed would never come."""
    text = find_bundle(None).read_text("utf-8")
    assert [event for event in needs().events if event not in text] == []


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("Module getIsMe was not found with e=>e.getIsMe", "getIsMe"),
        ("Property a or b.c was not found for SendMsg in module WAWebX", "SendMsg"),
        ("WAWebChatSearchQuery module was not found", "WAWebChatSearchQuery"),
        ("func is not a function", None),
        ("Mona was not found", None),
        ("order module was not found: Mona, +919800000011", None),
    ],
)
def test_only_names_of_modules_are_taken_from_the_console(line: str, name: str | None) -> None:
    """Other lines may hold anything, customers' words included."""
    assert module_of(line) == name


# --- in a browser ----------------------------------------------------------------------------

SETTLE_S = 30.0
LOOK_EVERY_S = 0.1
LESS = "Object.defineProperty(WPP.chat, 'markIsPaused', { value: undefined });"
CHANGED = """
  Object.defineProperty(WPP.chat, 'getMessageById', { value: undefined });
  Object.defineProperty(WPP.chat, 'list', { value: () => new Promise(() => {}) });
"""


@pytest_asyncio.fixture
async def phone() -> AsyncIterator[Phone]:
    async with practice_phone() as running:
        yield running


@pytest.fixture
def settings(phone: Phone, tmp_path: Path) -> WebSettings:
    return web_settings(
        tmp_path,
        phone.process.web_url,
        bundles_dir=tmp_path / "bundles",
        selftest_limit_s=1.0,
        selftest_again_s=2.0,
    )


def fetch(settings: WebSettings, version: str, more: str = "") -> Bundles:
    assert settings.bundles_dir is not None
    bundles = Bundles(settings.bundles_dir, find_bundle(None))
    with bundles.held():
        bundles.use(bundles.add(version, "sha512-x", bundle(version, more)))
    return bundles


def record(settings: WebSettings) -> Record | None:
    assert settings.bundles_dir is not None
    return read_record(settings.bundles_dir)


async def settled(settings: WebSettings, bundles: Bundles) -> Record:
    """The record of a bundle that passed twice."""
    async with asyncio.timeout(SETTLE_S):
        while not bundles.choose().is_proven:  # noqa: ASYNC110 - a file cannot set an Event
            await asyncio.sleep(LOOK_EVERY_S)
    found = record(settings)
    assert found is not None
    return found


async def test_a_fetched_wa_js_that_fails_on_the_page_is_left_again(
    settings: WebSettings, phone: Phone
) -> None:
    """`page_changed`, nothing is sent; twice failed: back to the agent's own, ready, and known."""
    bundles = fetch(settings, "99.0.0", CHANGED)
    async with open_shop(settings) as shop:
        await shop.until("page_changed")
        await shop.sink.until(lambda: "chat.getMessageById, chat.list" in shop.driver.status.advice)
        assert "update-bundle" in shop.driver.status.advice
        customer = await phone.new_person()
        wanted = order("C0", customer.chat, "hello")
        assert (await shop.driver.send(wanted)).code == "not_ready"
        key = await customer.write("are you there?")
        await shop.until("ready")
        assert bundles.refused() == ("99.0.0",)
        assert bundles.choose().is_shipped
        assert key in [message.wa_id async for message in shop.driver.sweep(0)]
        assert (await shop.driver.send(wanted)).state == "sent"


async def test_a_new_wa_js_is_taken_up_by_the_running_agent_and_proven(
    settings: WebSettings,
) -> None:
    """The page loads itself anew; a spare function is no condition, and nothing else is news."""
    async with open_shop(settings) as shop:
        await shop.until("ready")
        seen = len(shop.sink.statuses)
        bundles = fetch(settings, "99.0.1", LESS)
        await shop.until_again("ready", seen)
        found = await settled(settings, bundles)
    assert (found.wa_js, found.lacks, found.news) == ("99.0.1", (), ())
    assert found.does_without == ("chat.markIsPaused",)
    assert found.modules == len(known_missing())
    assert "page_changed" not in shop.sink.statuses
