"""The page in a real browser: it shows what is, obeys its buttons, and fits a narrow window."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest
import pytest_asyncio
import zxingcpp
from PIL import Image
from playwright.async_api import Browser, Page, async_playwright, expect

from agent.attention import Attention
from agent.drivers.driver import DriverStatus, LinkOffer, LinkWish
from agent.drivers.whatsapp_web.browser import require_browser
from agent.link import LinkStatus, Phase
from agent.link_words import ends
from protocol.messages import WHATSAPP_STATES
from tests.agent.panel.stage import KEY, READY, Shown, shown
from tests.agent.stage import ACCOUNT, received

pytestmark = pytest.mark.asyncio(loop_scope="module")
PAYLOAD = f"2@{'aB3/xYz+' * 28},last"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Shown, Browser]]:
    """A panel and a browser for the person who looks at it."""
    folder = tmp_path_factory.mktemp("panel")
    async with async_playwright() as playwright, shown(folder) as stage:
        path = require_browser(None, Path(playwright.chromium.executable_path))
        browser = await playwright.chromium.launch(executable_path=path)
        yield stage, browser
        await browser.close()


@asynccontextmanager
async def looking(
    opened: tuple[Shown, Browser], width: int = 380, scheme: Literal["light", "dark"] = "light"
) -> AsyncIterator[Page]:
    """The page in a window of its own; it may complain of nothing."""
    stage, browser = opened
    context = await browser.new_context(
        viewport={"width": width, "height": 760}, color_scheme=scheme
    )
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda line: complaints.append(line.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(f"{stage.base}/?key={KEY}")
    await page.wait_for_selector("#version:not(:empty)")
    assert KEY not in page.url
    yield page
    await context.close()
    stage.phone.now, stage.phone.refuses = READY, False
    stage.hub = LinkStatus(Phase.ONLINE, stage.clock.now_ms())
    assert [one for one in complaints if "409" not in one] == []


async def now(page: Page) -> None:
    """Have it ask at once, as when its tab is chosen."""
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_phone_can_scan_the_code(
    opened: tuple[Shown, Browser], scheme: Literal["light", "dark"]
) -> None:
    """What a camera sees on a narrow screen is what the driver offered; then it is gone."""
    opened[0].phone.now = DriverStatus("qr", link=LinkOffer("qr", PAYLOAD, None, 1, 5))
    async with looking(opened, scheme=scheme) as page:
        picture = await page.locator("#code svg").screenshot()
        image = Image.open(io.BytesIO(picture)).convert("L")
        (found,) = zxingcpp.read_barcodes(
            image, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
        )
        assert found.text == PAYLOAD
        opened[0].phone.now = READY
        await now(page)
        await expect(page.locator("#link")).to_be_hidden()
        assert await page.locator("#code svg").count() == 0


async def test_linking_by_number(opened: tuple[Shown, Browser]) -> None:
    """The number is typed as people write it; a refusal stands beside the button."""
    stage, _ = opened
    stage.phone.now = DriverStatus("logged_out", advice=ends("unused"))
    async with looking(opened) as page:
        await expect(page.locator("#whatsapp-advice strong")).to_have_text("Link")
        await expect(page.locator("#whatsapp-advice code")).to_have_text("sak-agent link")
        await page.click("#link-other summary")
        await page.get_by_label("the shop's number").fill("+91 98000 00042")
        await page.click("text=Begin this way")
        stage.phone.now = DriverStatus("qr", link=LinkOffer("code", "ABCD1234", None, 1, 5))
        await now(page)
        await expect(page.locator(".letters")).to_have_text("ABCD-1234")
        assert stage.phone.wishes == [LinkWish("+919800000042")]
        stage.phone.refuses = True
        await page.click("text=Begin this way")
        await expect(page.locator("#link-refused")).to_have_text("It is linked already.")


async def test_pausing_resuming_and_mending(opened: tuple[Shown, Browser]) -> None:
    """The buttons say what they will do, and the page what became of it; by keyboard too."""
    stage, _ = opened
    async with looking(opened) as page:
        await page.get_by_role("button", name="Pause").press("Enter")
        await expect(page.get_by_role("heading", name="Ready, but paused")).to_be_visible()
        assert await stage.journal.paused()
        await page.get_by_role("button", name="Resume").press("Enter")
        await expect(page.get_by_role("heading", name="Ready", exact=True)).to_be_visible()
        assert not await stage.journal.paused()
        stage.phone.now = DriverStatus("conflict")
        await now(page)
        await page.get_by_role("button", name="Use WhatsApp here").click()
        assert stage.phone.asked == ["take_over"]


async def test_a_need_is_done_with_a_button(opened: tuple[Shown, Browser]) -> None:
    """It stays until a person has looked."""
    stage, _ = opened
    stage.bell.ring(Attention("unknown_send", "Look into the chat that ends in 01."))
    async with looking(opened) as page:
        await page.get_by_role("button", name="Done").click()
        await expect(page.locator("#needs")).to_be_hidden()
    assert stage.bell.open == ()


async def test_the_audit_by_day(opened: tuple[Shown, Browser]) -> None:
    """Each day with what waits for a person; what was missed is said."""
    stage, _ = opened
    stage.phone.now = DriverStatus("ready", ACCOUNT)
    stage.phone.held = [received("A1", stage.clock.now_ms())]
    async with looking(opened) as page:
        await page.get_by_role("button", name="Compare").click()
        await expect(page.locator("#audit-note")).to_contain_text("recorded now: 1")
        await expect(page.locator("#audited td.act")).to_have_text("1")
        await page.get_by_role("button", name="Compare").click()
        await expect(page.locator("#audit-note")).to_have_text("Nothing was missed.")


async def test_the_self_check_and_the_log(opened: tuple[Shown, Browser]) -> None:
    """Each verdict is read out, with what to do."""
    stage, _ = opened
    line = '{"at": "2026-11-22T10:00:00Z", "level": "info", "event": "online", "n": 1}\n'
    (stage.sources.settings.data_dir / "agent.log").write_text(line, "utf-8")
    async with looking(opened) as page:
        await page.click("text=Check this PC")
        await page.wait_for_selector(".checks li", timeout=30_000)
        assert await page.get_by_role("img", name="Fault").count() >= 1
        assert await page.get_by_role("img", name="Fine").count() >= 1
        await page.click("#log-box summary")
        await expect(page.locator("#log p")).to_contain_text("online n=1")


async def test_an_agent_that_is_away_is_said_and_waited_for(opened: tuple[Shown, Browser]) -> None:
    """The page does not go on showing green."""
    stage, browser = opened
    page = await browser.new_page()
    await page.goto(f"{stage.base}/?key={KEY}")
    await page.wait_for_selector("#version:not(:empty)")
    await page.route("**/api/**", lambda route: route.abort())
    await now(page)
    await expect(page.get_by_role("alert").first).to_contain_text("does not answer")
    await page.unroute_all()
    await now(page)
    await expect(page.locator("#lost")).to_be_hidden()
    await page.close()


@pytest.mark.parametrize("width", [380, 1280])
async def test_every_state_fits_the_window(opened: tuple[Shown, Browser], width: int) -> None:
    """Nothing is cut or scrolls sideways, however long the sentences are."""
    stage, _ = opened
    await stage.journal.record_inbound(received(f"W{width}", stage.clock.now_ms()))
    stage.hub = LinkStatus(Phase.REFUSED, 0, f"{'Long reason. ' * 12}`sak-agent pair`.", 10**13)
    async with looking(opened, width) as page:
        for state in WHATSAPP_STATES:
            stage.phone.now = DriverStatus(state, advice=f"{state} {'advice ' * 30}")
            await now(page)
            if state != "ready":
                await expect(page.locator("#whatsapp-advice")).to_contain_text(f"{state} advice")
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
