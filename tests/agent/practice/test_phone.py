"""The practice phone as a process: its API, its manners, and its page in a real browser."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from agent.drivers.whatsapp_web.browser import require_browser
from tests.agent.practice.stage import Person, Phone, PhoneProcess, ledger_lines, practice_phone

REPO = Path(__file__).parents[3]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def played() -> AsyncIterator[tuple[Phone, Browser, Page]]:
    """A practice phone, a browser for people, and the shop's stand-in page in it."""
    async with practice_phone() as phone, async_playwright() as playwright:
        path = require_browser(None, Path(playwright.chromium.executable_path))
        browser = await playwright.chromium.launch(executable_path=path)
        shop = await browser.new_page()
        await shop.goto(phone.process.web_url)
        await shop.wait_for_selector("#state:text-is('MAIN')")
        yield phone, browser, shop
        await browser.close()


async def customers_page(phone: Phone, browser: Browser, width: int) -> Page:
    """The customers' page in a window of some width."""
    page = await browser.new_page(viewport={"width": width, "height": 740})
    await page.goto(phone.process.url)
    await page.wait_for_selector("#chats a")
    return page


async def shop_says(shop: Page, person: Person, text: str, key: str) -> None:
    """The shop's page hands a message over, as wa-js makes it do."""
    await shop.evaluate(
        "([chat, key, text]) => standin.wire.send({ chat, key, text, reply_to: null })",
        [person.chat, key, text],
    )


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("width", [380, 1280])
async def test_a_person_plays_a_customer(played: tuple[Phone, Browser, Page], width: int) -> None:
    """Write, see ticks, *typing…* and the reply arrive, on a telephone's width and a desktop's."""
    phone, browser, shop = played
    async with await customers_page(phone, browser, width) as page:
        await page.click("#add")
        name = f"زبون {width}"
        await page.fill("#newname", name)
        await page.keyboard.press("Enter")
        await page.wait_for_selector(f"#name:text-is('{name}')")
        await page.fill("#text", "كم السعر؟ <b>")
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".bubble.mine:has-text('كم السعر؟ <b>') .ticks.delivered")
        chats = (await phone.state())["chats"]
        person = phone.person(next(c["chat"] for c in chats if c["name"] == name))
        await shop.evaluate("(chat) => standin.markTyping({ id: chat }, true)", person.chat)
        await page.wait_for_selector(".composing")
        await shop_says(shop, person, "It is *₹100*.", f"K{width}")
        await page.wait_for_selector(".bubble:not(.mine) .text b:text-is('₹100')")
        assert await page.locator(".composing").count() == 0
        await person.sees_until(lambda seen: seen["messages"][-1]["state"] == "read")
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width
        assert await page.locator("text=STAND-IN: not WhatsApp").is_visible()


@pytest.mark.asyncio(loop_scope="module")
async def test_the_page_says_when_the_shop_is_away_and_when_a_repeat_was_dropped(
    played: tuple[Phone, Browser, Page],
) -> None:
    """What goes wrong between shop and network is visible to the person who plays."""
    phone, browser, shop = played
    async with await customers_page(phone, browser, 1280) as page:
        person = await phone.new_person(name="Repeat")
        await page.click("#chats a:has-text('Repeat')")
        await shop_says(shop, person, "once", "KR")
        await shop_says(shop, person, "once", "KR")
        await page.wait_for_selector("text=came 2×, shown once")
        await page.click("summary")
        await page.click("text=Cut the shop’s connection")
        await page.wait_for_selector("#shop:text-is('Shop offline')")
        await page.click("text=Cut the shop’s connection")
        await page.wait_for_selector("#shop:text-is('Shop online')")
        await page.click("text=Open the shop’s session elsewhere")
        await page.wait_for_selector("#shop:text-is('Shop in use elsewhere')")
        await page.click("text=Open the shop’s session elsewhere")
        await page.wait_for_selector("#shop:text-is('Shop online')")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_lost_reply_leaves_no_typing_behind(played: tuple[Phone, Browser, Page]) -> None:
    """With the fault *take nothing* the reply is gone; *typing…* must not stay for ever."""
    phone, _, shop = played
    person = await phone.new_person(name="Lost")
    await phone.set_faults(hang=True)
    try:
        await shop.evaluate("(chat) => standin.markTyping({ id: chat }, true)", person.chat)
        await person.sees_until(lambda seen: seen["chat"]["shop_typing"])
        await shop.evaluate(
            "(chat) => void standin.wire.send({ chat, key: 'KL', text: 'lost', reply_to: null })",
            person.chat,
        )
        seen = await person.sees_until(lambda seen: not seen["chat"]["shop_typing"])
        assert seen["messages"] == []
    finally:
        await phone.set_faults()


@pytest.mark.asyncio(loop_scope="module")
async def test_each_chat_keeps_its_draft_and_its_end_in_sight(
    played: tuple[Phone, Browser, Page],
) -> None:
    """What was typed for one customer is not sent as another; a keyboard hides no message."""
    phone, browser, _ = played
    async with await customers_page(phone, browser, 1280) as page:
        people = [await phone.new_person(name=name) for name in ("First", "Second")]
        for n in range(30):
            await people[0].write(f"line {n}")
        await page.click("#chats a:has-text('First')")
        await page.wait_for_selector(".bubble:has-text('line 29')")
        await page.set_viewport_size({"width": 1280, "height": 400})
        await expect(page.locator(".bubble:has-text('line 29') .ticks")).to_be_in_viewport()
        await page.fill("#text", "half a question")
        await page.click("#chats a:has-text('Second')")
        await page.wait_for_selector("#name:text-is('Second')")
        assert await page.input_value("#text") == ""
        await page.go_back()
        await page.wait_for_selector("#name:text-is('First')")
        assert await page.input_value("#text") == "half a question"


async def test_a_killed_phone_comes_back_with_everything(tmp_path: Path) -> None:
    """Kill -9 of the practice phone, and its people and their messages are there again."""
    state = tmp_path / "state.jsonl"
    async with practice_phone("--state", str(state)) as phone:
        person = await phone.new_person(name="Mona")
        key = await person.write("still here?")
        port = int(phone.process.url.rsplit(":", 1)[1].strip("/"))
    assert ledger_lines(state)[-1]["key"] == key
    async with practice_phone("--state", str(state), port=port) as phone:
        again = phone.person(person.chat)
        assert [m["text"] for m in (await again.sees())["messages"]] == ["still here?"]


async def test_only_this_computer_is_served() -> None:
    """A foreign host name (DNS rebinding) and a foreign site's page get nothing."""
    async with practice_phone() as phone, httpx2.AsyncClient(base_url=phone.process.url) as client:
        assert (await client.get("/api/state")).status_code == 200
        for headers in (
            {"host": "evil.example"},
            {"host": "["},
            {"origin": "https://evil.example"},
        ):
            refused = await client.post("/api/unlink", headers=headers)
            assert refused.status_code == 403
        assert (await phone.state())["shop"]["linked"]
        page = await client.get("/")
        assert "script-src 'self'" in page.headers["content-security-policy"]


async def test_wrong_calls_are_answered_with_a_reason() -> None:
    """An unknown chat, writer or fault, an empty text and no JSON change nothing."""
    async with practice_phone() as phone, httpx2.AsyncClient(base_url=phone.process.url) as client:
        chat = (await phone.state())["chats"][0]["chat"]
        path = f"/api/chats/{chat}/messages"
        assert (await client.get("/api/chats/nobody@lid")).status_code == 404
        assert (await client.post(path, json={"text": "x", "author": "c99"})).status_code == 404
        assert (await client.post(path, json={"text": " "})).status_code == 422
        assert (await client.post(path, content=b"{")).status_code == 422
        assert (await client.put("/api/faults", json={"gremlins": True})).status_code == 422
        none = await client.post("/api/groups", json={"name": "empty", "members": []})
        assert none.status_code == 422
        assert none.json()["error"] == "a group needs members"
        assert (await client.get(f"/api/chats/{chat}")).json()["messages"] == []


async def test_a_taken_port_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    """The remedy is named, and the state file is not touched."""
    state = tmp_path / "state.jsonl"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            *[sys.executable, "-m", "agent.practice", "phone"],
            *["--port", str(port), "--state", str(state)],
            cwd=REPO,
            stderr=asyncio.subprocess.PIPE,
        )
        _, error = await process.communicate()
    assert process.returncode == 2
    assert error.decode() == f"Port {port} is taken; give the practice phone another port.\n"
    assert not state.exists()


async def test_a_stopped_phone_ends_although_somebody_watches() -> None:
    """SIGTERM ends the process within seconds, open event streams or not."""
    process = await PhoneProcess.start()
    async with (
        httpx2.AsyncClient(base_url=process.url) as client,
        client.stream("GET", "/api/events") as events,
    ):
        assert await anext(events.aiter_lines()) == "data: []"
        process.process.terminate()
        async with asyncio.timeout(10):
            await process.process.wait()
