"""An outside witness: the order totals of the tau-bench retail shop, recomputed by our pricing.

The data is sierra-research/tau2-bench's (MIT), prices and payments alone; `SAK_TEST_TAU_RETAIL`
names the file: {"variants": [{sku, price}], "orders": [{order, lines: [[sku, price]],
payments: [[kind, amount]]}]}, amounts in cents.
"""

import os
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from hub.commerce.bills import bill_of
from hub.commerce.pricing import Line, Policy, quote
from hub.commerce.products import Product

VARIABLE = "SAK_TEST_TAU_RETAIL"
ORDERS = 1_000


class Variant(msgspec.Struct):
    sku: str
    price: int


class Order(msgspec.Struct):
    order: str
    lines: list[tuple[str, int]]
    payments: list[tuple[str, int]]


class Shop(msgspec.Struct):
    variants: list[Variant]
    orders: list[Order]


@pytest.fixture
def shop() -> Shop:
    path = os.environ.get(VARIABLE)  # noqa: TID251 - a file outside of the project
    if path is None:
        pytest.skip(f"{VARIABLE} does not name the witness's file")
    return msgspec.json.decode(Path(path).read_bytes(), type=Shop)


def test_every_recorded_total_is_ours(shop: Shop) -> None:
    """1,000 orders: what was paid is what our quote and bill say; a sku twice is one line."""
    products = {
        variant.sku: Product(sku=variant.sku, name=variant.sku, price=variant.price)
        for variant in shop.variants
    }
    assert len(shop.orders) == ORDERS
    for order in shop.orders:
        assert all(products[sku].price == price for sku, price in order.lines)
        priced = quote([Line(products[sku], Decimal(1)) for sku, _ in order.lines], Policy())
        paid = sum(amount for kind, amount in order.payments if kind == "payment")
        assert (priced.total, bill_of(priced, "USD", Policy()).total) == (paid, paid), order.order
