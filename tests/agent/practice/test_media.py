"""Photos and documents in the practice phone: shown, kept over a kill, and safe to open."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from agent.drivers.whatsapp_web.browser import require_browser
from agent.files import FILE_MAX_BYTES
from tests.agent.practice.stage import Person, Phone, practice_phone
from tests.agent.samples import PDF, png

SCRIPT = b"<script>document.title = 'run'</script>"


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


async def shop_sends(
    shop: Page, person: Person, key: str, content: bytes, mime: str, name: str, text: str = ""
) -> None:
    """The shop's page uploads a file and hands over its message, as wa-js makes it do."""
    await shop.evaluate(
        """async ([chat, key, bytes, mime, name, text]) => {
          const body = new Uint8Array(bytes);
          const { sha256 } = await (await fetch('/media', { method: 'POST', body })).json();
          const media = { sha256, mime, name, size: body.length };
          await standin.wire.send({ chat, key, text, media, reply_to: null });
        }""",
        [person.chat, key, list(content), mime, name, text],
    )


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("width", [380, 1280])
async def test_the_shops_files_are_shown(
    played: tuple[Phone, Browser, Page], width: int, tmp_path: Path
) -> None:
    """A picture as wide as its words, a PDF as a card that opens it by a link; at any width."""
    phone, browser, shop = played
    person = await phone.new_person(name=f"Files {width}")
    long_name = "Invoice-" + "1001-" * 20 + ".pdf"
    await shop_sends(
        shop, person, "KP", png(640, 640), "image/png", "code.png", "*Pay* here" + " now" * 40
    )
    await shop_sends(shop, person, "KD", PDF, "application/pdf", long_name)
    page = await browser.new_page(viewport={"width": width, "height": 740})
    await page.goto(f"{phone.process.url}#{person.chat}")
    await expect(page.locator(".picture img")).to_have_js_property("naturalWidth", 640)
    assert await page.locator(".bubble:has(.picture) .text b:text-is('Pay')").is_visible()
    bubble = await page.locator(".bubble:has(.picture)").bounding_box()
    assert bubble is not None
    assert bubble["width"] <= 376
    card = page.locator("a.document.pdf")
    assert await card.locator(".title").inner_text() == long_name
    assert await card.locator(".facts").inner_text() == f"PDF · {len(PDF)} bytes"
    link = await card.get_attribute("href")
    opened = await page.request.get(phone.process.url.rstrip("/") + str(link))
    assert (await opened.body(), opened.headers["content-type"]) == (PDF, "application/pdf")
    assert opened.headers["content-disposition"].startswith("inline")
    wide = await page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width
    box = await page.locator("#messages").evaluate("e => [e.scrollWidth, e.clientWidth]")
    assert box[0] <= box[1]
    last = page.locator("#messages li").last
    assert await last.evaluate(
        "e => e.getBoundingClientRect().bottom <= e.parentNode.getBoundingClientRect().bottom"
    )
    await page.close()


@pytest.mark.asyncio(loop_scope="module")
async def test_a_person_sends_a_photo_with_words(
    played: tuple[Phone, Browser, Page], tmp_path: Path
) -> None:
    """The file picker: the photo goes with what was typed as its caption, and is shown."""
    phone, browser, shop = played
    person = await phone.new_person(name="Photographer")
    (tmp_path / "bolt.png").write_bytes(png(320, 200))
    page = await browser.new_page(viewport={"width": 380, "height": 740})
    await page.goto(f"{phone.process.url}#{person.chat}")
    await page.fill("#text", "is this 6x40?")
    async with page.expect_file_chooser() as chooser:
        await page.click("#attach")
    await (await chooser.value).set_files(tmp_path / "bolt.png")
    await expect(page.locator(".mine img")).to_have_js_property("naturalWidth", 320)
    assert await page.locator(".mine .text:text-is('is this 6x40?')").is_visible()
    assert await page.input_value("#text") == ""
    (message,) = (await person.sees())["messages"]
    assert (message["media"]["name"], message["media"]["mime"]) == ("bolt.png", "image/png")
    await shop.wait_for_selector("p.theirs:has-text('bolt.png')")
    await page.close()


@pytest.mark.asyncio(loop_scope="module")
async def test_a_file_that_is_too_large_is_refused_with_a_sentence(
    played: tuple[Phone, Browser, Page], tmp_path: Path
) -> None:
    """On the page before it is sent, and by the server."""
    phone, browser, _ = played
    person = await phone.new_person(name="Heavy")
    (tmp_path / "big.pdf").write_bytes(bytes(FILE_MAX_BYTES + 1))
    page = await browser.new_page()
    await page.goto(f"{phone.process.url}#{person.chat}")
    await page.wait_for_selector("#chat")
    await page.set_input_files("#file", tmp_path / "big.pdf")
    await page.wait_for_selector("#trouble:has-text('big.pdf was not sent: A file may have 16 MB')")
    with pytest.raises(httpx2.HTTPStatusError, match="422"):
        await person.sends_file(bytes(FILE_MAX_BYTES + 1), "application/pdf")
    assert (await person.sees())["messages"] == []
    await page.close()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("content", "mime"),
    [
        (SCRIPT, "text/html"),
        (b'<svg xmlns="http://www.w3.org/2000/svg">' + SCRIPT + b"</svg>", "image/svg+xml"),
        (SCRIPT, "image/png"),
        (SCRIPT, "no type at all"),
    ],
)
async def test_what_could_run_is_never_shown(
    played: tuple[Phone, Browser, Page], content: bytes, mime: str
) -> None:
    """HTML and SVG are downloads, whatever they call themselves; nothing is guessed or run."""
    phone, browser, _ = played
    person = await phone.new_person(name="Villain")
    key = await person.sends_file(content, mime, name='a"\r\nb.html')
    answer = await person.opens_file(key)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    if mime == "image/png":
        assert answer.headers["content-type"] == "image/png"
    else:
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"] == (
            "attachment; filename*=utf-8''a%22%0D%0Ab.html"
        )
    page = await browser.new_page()
    await page.goto(f"{phone.process.url}#{person.chat}")
    await page.wait_for_selector("a.document")
    assert await page.locator(".bubble img").count() == 0
    assert await page.title() != "run"
    await page.close()


async def test_a_killed_phone_keeps_its_files(tmp_path: Path) -> None:
    """Kill -9 of the practice phone, and the photo can still be opened."""
    state = tmp_path / "state.jsonl"
    async with practice_phone("--state", str(state)) as phone:
        person = await phone.new_person()
        key = await person.sends_file(PDF, "application/pdf", name="../list.pdf", caption="mine")
    async with practice_phone("--state", str(state)) as phone:
        again = phone.person(person.chat)
        (message,) = (await again.sees())["messages"]
        assert (message["text"], message["media"]["name"]) == ("mine", "list.pdf")
        assert (await again.opens_file(key)).content == PDF


async def test_wrong_calls_are_answered_with_a_reason() -> None:
    """An unknown chat, writer, message or file, and another site's page, get nothing."""
    async with practice_phone() as phone, httpx2.AsyncClient(base_url=phone.process.url) as client:
        chat = (await phone.state())["chats"][0]["chat"]
        person = phone.person(chat)
        text = await person.write("no file")
        path = f"/api/chats/{chat}"
        assert (await client.post("/api/chats/nobody@lid/files", content=PDF)).status_code == 404
        assert (await client.post(f"{path}/files?author=c99", content=PDF)).status_code == 404
        assert (await client.post(f"{path}/files?seconds=long", content=PDF)).status_code == 422
        assert (await client.get(f"{path}/messages/{text}/file")).status_code == 404
        assert (await client.get(f"{path}/messages/nothing/file")).status_code == 404
        assert (await client.get("/media/..%2fstate.jsonl")).status_code == 404
        assert (await client.get(f"/media/{'0' * 64}")).status_code == 404
        evil = {"origin": "https://evil.example"}
        assert (await client.post("/media", content=PDF, headers=evil)).status_code == 403
        key = await person.sends_file(PDF, "application/pdf", author="owner")
        seen = (await person.sees())["messages"]
        assert [(m["key"], m["author"]) for m in seen][1:] == [(key, "owner")]
        await phone.set_faults(offline=True)
        assert (await client.post("/media", content=PDF)).status_code == 503
