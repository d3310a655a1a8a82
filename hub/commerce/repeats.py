"""`The same as last time`: a former order's goods as a cart, at the prices of today."""

from collections.abc import Sequence

import msgspec

from hub.commerce import carts, orders
from hub.commerce.carts import Cart
from hub.commerce.catalog import product_of
from hub.commerce.orders import Order
from hub.commerce.pricing import Refusal
from hub.commerce.products import Product
from hub.store.tx import Tx


class Repeat(msgspec.Struct, frozen=True):
    """What of an order can be had again; `refusals` cannot as they were, `gone` are names only."""

    order: Order
    cart: Cart
    refusals: tuple[Refusal, ...]
    gone: tuple[str, ...]


def last_time(tx: Tx, tenant_id: str, customer_id: str) -> Repeat | None:
    """The customer's newest order that stood, as a cart of its own; None when there was none."""
    order = orders.last_standing(tx, tenant_id, customer_id)
    if order is None:
        return None
    known = _products(tx, tenant_id, [line.sku for line in order.bill.lines])
    cart, refusals, gone = Cart(), list[Refusal](), list[str]()
    for line in order.bill.lines:
        product = known.get(line.sku.casefold())
        if product is None:
            gone.append(line.name)
            continue
        match carts.set_quantity(cart, product, line.quantity):
            case Refusal() as refusal:
                refusals.append(refusal)
            case Cart() as fuller:
                cart = fuller
    return Repeat(order, cart, tuple(refusals), tuple(gone))


def _products(tx: Tx, tenant_id: str, skus: Sequence[str]) -> dict[str, Product]:
    """The shop's products of these SKUs, by SKU in small letters."""
    named = msgspec.json.encode(skus).decode()
    rows = tx.all("orders.products_named", tenant_id=tenant_id, skus=named)
    return {row["sku"].casefold(): product_of(row) for row in rows}
