"""Linking in a real browser, with the unmodified wa-js on the stand-in page.

The phone that scans and types is the practice phone's: it takes only what the page shows now. That
WhatsApp's own server does the same is not shown here (`docs/live-checklist.md`).
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from agent.drivers.driver import LinkOffer, LinkRefusedError, LinkWish
from agent.drivers.whatsapp_web.link_record import LinkRecord
from agent.linking import Known
from tests.agent.practice.stage import Phone, practice_phone
from tests.agent.whatsapp_web.shop import ACCOUNT, Shop, open_shop, web_settings

pytestmark = pytest.mark.asyncio(loop_scope="module")
OTHER = "+919800000008"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def phone() -> AsyncIterator[Phone]:
    async with practice_phone("--unlinked") as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(phone: Phone, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """One browser for all; each test leaves it linked with the shop's number."""
    settings = web_settings(
        tmp_path_factory.mktemp("shop"), phone.process.web_url, link_attempts_max=2
    )
    async with open_shop(settings) as running:
        yield running


async def offered(shop: Shop, attempt: int | None = 1, kind: str = "qr") -> LinkOffer:
    """The offer with this number, as soon as it is there."""

    def is_there() -> bool:
        offer = shop.driver.status.link
        return offer is not None and offer.kind == kind and attempt in (None, offer.attempt)

    await shop.sink.until(is_there)
    offer = shop.driver.status.link
    assert offer is not None
    return offer


async def changed_from(shop: Shop, offer: LinkOffer) -> None:
    await shop.sink.until(lambda: shop.driver.status.link != offer)


async def is_over(shop: Shop, words: str) -> None:
    """Nothing is offered any more, and the advice says why."""
    await shop.sink.until(
        lambda: shop.driver.status.link is None and words in shop.driver.status.advice
    )


async def ended_by_phone(shop: Shop, phone: Phone, **body: str | None) -> None:
    await phone.post("unlink", **body)
    await shop.until("logged_out")


async def test_a_new_shop_is_offered_a_qr_and_is_ready_once_it_was_scanned(
    shop: Shop, phone: Phone
) -> None:
    """The phone takes what is shown now, and nothing else; then the offer is gone."""
    offer = await offered(shop)
    assert shop.driver.status.whatsapp == "qr"
    assert (offer.kind, offer.attempts_max, offer.text.count(",")) == ("qr", 3, 3)
    assert await phone.refuses("scan", text="2@something,else")
    await phone.post("scan", text=offer.text)
    await shop.until("ready")
    assert shop.driver.status.link is None
    assert shop.driver.status.account == ACCOUNT
    with pytest.raises(LinkRefusedError, match="linked already"):
        shop.driver.begin_link(LinkWish())


async def test_a_link_that_was_ended_says_why_and_offers_nothing_by_itself(
    shop: Shop, phone: Phone
) -> None:
    """`logged_out` with the reason, through WhatsApp's own reload; codes only when asked for."""
    await ended_by_phone(shop, phone)
    await is_over(shop, "the phone does not know this PC any more")
    assert "qr" not in shop.sink.statuses[-2:]
    assert shop.driver.status.link is None
    assert shop.driver.status.whatsapp == "logged_out"
    shop.driver.begin_link(LinkWish())
    offer = await offered(shop)
    assert shop.driver.status.whatsapp == "qr"
    await phone.post("scan", text=offer.text)
    await shop.until("ready")


async def test_codes_that_nobody_scans_come_to_an_end(shop: Shop, phone: Phone) -> None:
    """So many, one after the other, also over a reload; then none until a person asks again."""
    await phone.set_faults(qr_s=0.5)
    await ended_by_phone(shop, phone, reason=None)
    assert "an error that it could not mend" in shop.driver.status.advice
    shop.driver.begin_link(LinkWish())
    first = await offered(shop)
    await phone.post("reload")
    last = await offered(shop, attempt=3)
    assert last.text != first.text
    await is_over(shop, "No phone used the codes")
    assert shop.driver.status.whatsapp == "logged_out"
    assert "sak-agent link" in shop.driver.status.advice
    await phone.set_faults()
    shop.driver.begin_link(LinkWish())
    while await phone.refuses("scan", text=(stale := await offered(shop, None)).text):
        await changed_from(shop, stale)
    await shop.until("ready")


async def test_a_code_is_typed_into_the_phone(shop: Shop, phone: Phone) -> None:
    """Eight letters for the shop's number; WhatsApp may want another, the first is then wrong."""
    await ended_by_phone(shop, phone)
    shop.driver.begin_link(LinkWish(phone=ACCOUNT))
    first = await offered(shop, kind="code")
    assert len(first.text) == 8
    assert first.expires_ms is not None
    await phone.post("renew")
    second = await offered(shop, attempt=2, kind="code")
    assert await phone.refuses("type", code=first.text)
    await phone.post("type", code=second.text)
    await shop.until("ready")
    assert shop.driver.status.link is None


async def test_codes_to_type_come_to_an_end_as_well(shop: Shop, phone: Phone) -> None:
    """The third renewal is one too many; a number for which there is none is said to have none."""
    await ended_by_phone(shop, phone)
    shop.driver.begin_link(LinkWish(phone=ACCOUNT))
    for attempt in (1, 2, 3):
        await offered(shop, attempt, kind="code")
        await phone.post("renew")
    await is_over(shop, "No phone used the codes")
    await phone.post("refuse", refuse=True)
    shop.driver.begin_link(LinkWish(phone=ACCOUNT))
    await is_over(shop, "no code for this number")
    await phone.post("refuse", refuse=False)
    shop.driver.begin_link(LinkWish())
    await phone.post("scan", text=(await offered(shop)).text)
    await shop.until("ready")


async def test_the_phone_with_another_number_is_not_taken(shop: Shop, phone: Phone) -> None:
    """It may be a private one: the link is ended at once, unless a person said so beforehand."""
    await ended_by_phone(shop, phone)
    with pytest.raises(LinkRefusedError, match="another number"):
        shop.driver.begin_link(LinkWish(phone=OTHER))
    shop.driver.begin_link(LinkWish())
    await phone.post("scan", text=(await offered(shop)).text, phone=OTHER)
    await is_over(shop, "another number than this shop's")
    async with asyncio.timeout(20):
        while shop.driver._linker.is_foreign:  # noqa: ASYNC110 - it is no news to anybody
            await asyncio.sleep(0.05)
    assert not (await phone.state())["shop"]["linked"]
    assert shop.driver.status.account == ACCOUNT
    for number in (OTHER, ACCOUNT):
        shop.driver.begin_link(LinkWish(new_number=True))
        await phone.post("scan", text=(await offered(shop)).text, phone=number)
        await shop.until("ready")
        assert shop.driver.status.account == number
        await ended_by_phone(shop, phone)


async def test_the_profile_remembers_its_number_and_why_it_ended(tmp_path: Path) -> None:
    """A file of a version before this one, or a damaged one, says only that there was a link."""
    record = LinkRecord(tmp_path)
    assert record.read() is None
    record.write(Known(ACCOUNT, "account_locked"))
    assert record.read() == Known(ACCOUNT, "account_locked")
    for content in (b"", b"{", b"[]"):
        (tmp_path / "linked").write_bytes(content)
        assert record.read() == Known()
