"""No amount reaches a customer that pricing did not return, whatever is written."""

import asyncio
import re
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.assistant import embedded
from hub.assistant.engine import Author, Line, TenantProfile, Turn
from hub.assistant.language import load
from hub.assistant.visit import REPLY_MAX_CHARS
from hub.commerce import checkout
from hub.commerce.bills import bill_of
from hub.commerce.catalog import import_file, product_of
from hub.commerce.effects import Effect, SetCart, ShowDraft
from hub.commerce.money import format_money
from hub.commerce.pricing import Line as PriceLine
from hub.commerce.pricing import Policy, quote
from hub.commerce.products import Product
from hub.commerce.tax import Tax
from hub.store.database import Store
from hub.store.tx import Tx, load_queries
from tests.fakes import FakeClock
from tests.hub.shops import add_shop

SHOP = TenantProfile(
    tenant_id="ten_a",
    name="Shop",
    currency="INR",
    exponent=2,
    locale="en_IN",
    timezone="Asia/Kolkata",
)
POLICY = Policy(tax=Tax(name="GST", parts=2))
AMOUNT = re.compile(r"₹[\d,.]*\d")


async def _fill(path: Path) -> None:
    clock = FakeClock()
    sample = Path(__file__).with_name("corner_shop.json")
    async with Store.open(f"sqlite:///{path}", clock) as store:
        await add_shop(store, clock)
        await import_file(store, "ten_a", sample, 1)


@pytest.fixture(scope="module")
def tx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tx]:
    """The corner shop, open for reading."""
    path = tmp_path_factory.mktemp("amounts") / "hub.db"
    asyncio.run(_fill(path))
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    yield Tx(connection, load_queries())
    connection.close()


def money(amount: int) -> str:
    return format_money(amount, SHOP.currency, SHOP.exponent, SHOP.locale)


def list_prices(product: Product) -> set[str]:
    return {money(product.price), *(money(slab.unit_price or 0) for slab in product.slabs)}


def quoted(product: Product, quantity: str) -> set[str]:
    """Every amount that pricing returns for so much of the product."""
    priced = quote([PriceLine(product, Decimal(quantity))], POLICY)
    nets = {money(line.net) for line in priced.lines}
    return {*nets, money(priced.tax), money(priced.total)}


def charged(tx: Tx, effect: Effect) -> set[str]:
    """What the cart or the order comes to that a reply is about."""
    if isinstance(effect, SetCart):
        till = checkout.price(tx, "ten_a", None, effect.after, None, 2)
        bill = bill_of(till.quote, "INR", POLICY)
    elif isinstance(effect, ShowDraft):
        bill = effect.bill
    else:
        return set()
    sums = (bill.goods, bill.discount, bill.shipping, bill.total)
    parts = (part.amount for part in bill.tax_parts)
    lines = (amount for line in bill.lines for amount in (line.price, line.net))
    return {money(amount) for amount in (*sums, *parts, *lines)}


VOCABULARY = (
    "price of rate 6 x 10 kg 1kg 5 -3 0 2.5 dozen lac packs boxes pcs and , . ? \n ₹1 ₹99,999.00"
    " rs 50% 100% free discount total hill leaf tea sugar suger led bulb 9 w 12w oil 1l rope soap"
    " neem rice flour atta candles battery yes no thanks person hi the big one more all"
    " cheapest list deliver second 👍 off चीनी कील 6x40 how much stock add remove cart order cod"
)
WORDS = st.sampled_from(VOCABULARY.split(" "))
TEXTS = st.lists(WORDS, min_size=1, max_size=12).map(" ".join) | st.text(max_size=40)


@given(
    messages=st.lists(TEXTS, min_size=1, max_size=3),
    history=st.lists(st.tuples(st.sampled_from(["customer", "bot", "owner"]), TEXTS), max_size=2),
)
def test_every_amount_is_from_pricing(
    tx: Tx, messages: list[str], history: list[tuple[Author, str]]
) -> None:
    """Each amount in a reply is a product's own price or what `quote` says for the call in it."""
    turn = Turn(
        turn_id="t",
        tenant=SHOP,
        chat_key="c",
        customer_name=None,
        messages=tuple(Line("customer", text, 1) for text in messages),
        history=tuple(Line(author, text, 1) for author, text in history),
        now_ms=2,
    )
    answer = embedded.reply(tx, turn, load("en"))
    products = {row["sku"]: product_of(row) for row in tx.all("catalog.all", tenant_id="ten_a")}
    named = [product for product in products.values() if product.name in answer.text]
    allowed = {price for product in named for price in list_prices(product)}
    for call in answer.tool_calls:
        if call.name == "get_price" and call.args["quantity"] != "out of bounds":
            allowed |= quoted(products[call.args["sku"]], call.args["quantity"])
    for effect in answer.effects:
        allowed |= charged(tx, effect)
    assert set(AMOUNT.findall(answer.text)) <= allowed
    assert 0 < len(answer.text) <= REPLY_MAX_CHARS
