"""What is done about a page that answers, and yet is not well; without a browser."""

import asyncio
from pathlib import Path
from typing import cast

import pytest

from agent.drivers.whatsapp_web import WebSettings, WhatsAppWebDriver
from agent.drivers.whatsapp_web.calls import Calls
from agent.drivers.whatsapp_web.evidence import Patience
from agent.drivers.whatsapp_web.ladder import Rung, Trouble
from agent.drivers.whatsapp_web.mapping import PageMessage, PageState, PageUnread
from agent.drivers.whatsapp_web.told import ProbedTold
from tests.agent.whatsapp_web.shop import Recorder

MAIN = PageState(
    mode="MAIN", online=True, authenticated=True, full_ready=True, account="919800000009"
)
BADGE = PageUnread("300000000000011@lid", "3A01", 1_800_000_000, 1_800_000_000)


class PlainCalls:
    """A page that holds one message; `reachable` says whether its server answers."""

    reachable = True

    async def reaches(self) -> bool:
        return self.reachable

    async def messages_since(self, chat: str, since_s: int) -> list[PageMessage]:
        return [PageMessage(chat, BADGE.id, False, chat, "chat", since_s)] * 3


CALLS = cast(Calls, PlainCalls())


@pytest.fixture
def driver(tmp_path: Path) -> WhatsAppWebDriver:
    settings = WebSettings(
        profile_dir=tmp_path / "profile", offline_max_s=0, reports_max=2, unheard_max_s=0
    )
    settings.profile_dir.mkdir()
    return WhatsAppWebDriver(settings)


async def probe(driver: WhatsAppWebDriver, page: PageState) -> Trouble | None:
    return await driver._attendant.probed(CALLS, ProbedTold(page, 3))


async def test_a_page_is_not_left_in_the_middle_of_a_sending(driver: WhatsAppWebDriver) -> None:
    """Nothing new goes out, what is under way comes to its end; a page that hangs has none."""
    await probe(driver, MAIN)
    assert driver.status.whatsapp == "ready"
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        with driver._traffic.sending():
            step = tasks.create_task(driver._attendant.climb(Trouble.BROKEN, 0))
            assert (await driver._attendant.climb(Trouble.HANGS, 0)).rung is Rung.BROWSER
            assert not step.done()
            assert driver.status.whatsapp == "starting"


async def test_a_page_that_stays_offline_on_line_is_loaded_anew(
    driver: WhatsAppWebDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only when WhatsApp's server can be reached: else the network is away, and comes back."""
    offline = PageState(mode="OFFLINE", authenticated=True, full_ready=True)
    assert await probe(driver, offline) is Trouble.UNREACHABLE
    monkeypatch.setattr(PlainCalls, "reachable", False)
    assert await probe(driver, offline) is None
    assert driver.status.whatsapp == "offline"


async def test_an_outdated_page_is_loaded_anew(driver: WhatsAppWebDriver) -> None:
    """WhatsApp says itself that there is a newer one; until then it is `page_changed`."""
    assert await probe(driver, PageState(mode="DEPRECATED_VERSION")) is Trouble.NOT_READY
    assert driver.status.whatsapp == "page_changed"


async def test_unheard_messages_that_nobody_can_take_do_not_end_the_driver(
    driver: WhatsAppWebDriver,
) -> None:
    """The daemon is behind: what was not taken is missing still, and the page is loaded anew."""
    driver._condition._patience = Patience(unheard_s=0)
    driver._attendant.sink = Recorder()
    page = PageState(
        mode="MAIN", authenticated=True, full_ready=True, account=MAIN.account, unread=(BADGE,)
    )
    assert await probe(driver, page) is None
    assert driver.status.whatsapp == "ready"
    assert await probe(driver, page) is None
    assert driver.status.whatsapp == "syncing"
    assert await probe(driver, page) is Trouble.DEAF
