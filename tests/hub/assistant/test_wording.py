"""Sentences about prices in shops that tax, count and write money differently."""

from decimal import Decimal

import msgspec

from hub.assistant.engine import TenantProfile
from hub.assistant.language import load
from hub.assistant.wording import NAME_MAX_CHARS, Wording, shown
from hub.commerce.pricing import Line, Policy, quote
from hub.commerce.products import Product, Slab
from hub.commerce.tax import Tax

SHOP = TenantProfile(
    tenant_id="ten_a",
    name="Shop",
    currency="AED",
    exponent=2,
    locale="en_AE",
    timezone="Asia/Dubai",
)
OUD = Product(
    sku="O",
    name="Oud 12 ml",
    price=14_500,
    tax_pct=Decimal(5),
    slabs=(Slab(Decimal(3), pct=Decimal("2.50")),),
)


def said(product: Product, quantity: int, policy: Policy) -> tuple[str, str]:
    """The price of one, and of so many."""
    wording = Wording(SHOP, policy, load("en"))
    return wording.price(product), wording.quoted(quote([Line(product, quantity)], policy))


def test_tax_in_the_price() -> None:
    """A price that contains its tax says so and is not added to."""
    assert said(OUD, 3, Policy(tax=Tax(name="VAT", included=True))) == (
        "Oud 12 ml: AED\xa0145.00 per piece including 5% VAT. From 3 pieces: 2.5% off.",
        "3 pieces of Oud 12 ml: AED\xa0424.12 (2.5% off from 3) including 5% VAT.",
    )


def test_tax_of_the_order() -> None:
    """A shop with one rate for the whole order names that one."""
    policy = Policy(tax=Tax(name="VAT", basis="order", order_pct=Decimal(10)))
    assert said(OUD, 1, policy) == (
        "Oud 12 ml: AED\xa0145.00 per piece plus 10% VAT. From 3 pieces: 2.5% off.",
        "1 piece of Oud 12 ml: AED\xa0145.00 + 10% VAT AED\xa014.50 = AED\xa0159.50.",
    )


def test_no_tax() -> None:
    """Without a rate nothing is said of tax."""
    free = msgspec.structs.replace(OUD, tax_pct=Decimal(0), slabs=())
    assert said(free, 2, Policy()) == (
        "Oud 12 ml: AED\xa0145.00 per piece.",
        "2 pieces of Oud 12 ml: AED\xa0290.00.",
    )


def test_more_than_can_be_priced() -> None:
    """A quantity beyond any shop is refused without an amount."""
    _, reply = said(OUD, 10**9, Policy())
    assert reply == "That is more Oud 12 ml than I can price here."


def test_a_long_name_is_cut() -> None:
    """A name never fills the reply."""
    assert len(shown(msgspec.structs.replace(OUD, name="very long " * 20))) <= NAME_MAX_CHARS
