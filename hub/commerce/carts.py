"""What a customer has put together so far: quantities, never prices.

A cart holds its products as they were when it was loaded; each look loads it anew, and so shows the
prices and the stock of that moment.
"""

from decimal import Decimal
from typing import Final

import msgspec

from hub.commerce.catalog import product_of
from hub.commerce.pricing import Line, Reason, Refusal, refuse
from hub.commerce.products import Product, from_milli, milli
from hub.commerce.refused import CartFull
from hub.commerce.rounding import plain
from hub.store.tx import Tx

LINES_MAX: Final = 200
"""Different products in one cart: more than any invoice held, few enough to price at every look."""


class Cart(msgspec.Struct, frozen=True):
    """At most one line a product, in the order of their adding, and coupons in capitals."""

    lines: tuple[Line, ...] = ()
    coupons: tuple[str, ...] = ()

    def quantity(self, sku: str) -> Decimal:
        """So many units of a product are in it; none when it is not."""
        return next((Decimal(line.quantity) for line in self.lines if _is(line, sku)), Decimal(0))


def add(cart: Cart, product: Product, quantity: Decimal) -> Cart | Refusal:
    """The cart with so many units more; CartFull. A refused quantity leaves no trace."""
    if not quantity.is_finite() or quantity <= 0:
        return Refusal(product=product, quantity=quantity, reason=Reason.NOT_POSITIVE)
    return set_quantity(cart, product, cart.quantity(product.sku) + quantity)


def set_quantity(cart: Cart, product: Product, quantity: Decimal) -> Cart | Refusal:
    """The cart with exactly so many units, whatever it had before; CartFull.

    None at all is refused as well: taking a product out is `remove`.
    """
    refusal = refuse(Line(product, quantity))
    if refusal is not None:
        return refusal
    line = Line(product, plain(quantity))
    if cart.quantity(product.sku):
        lines = tuple(line if _is(kept, product.sku) else kept for kept in cart.lines)
    elif len(cart.lines) < LINES_MAX:
        lines = (*cart.lines, line)
    else:
        raise CartFull(f"a cart holds {LINES_MAX} products")
    return msgspec.structs.replace(cart, lines=lines)


def remove(cart: Cart, sku: str) -> Cart:
    """The cart without a product."""
    kept = tuple(line for line in cart.lines if not _is(line, sku))
    return msgspec.structs.replace(cart, lines=kept)


def with_coupon(cart: Cart, coupon: str) -> Cart:
    """The cart with a coupon that the shop knows named for it, once."""
    named = {*cart.coupons, coupon.strip().upper()}
    return msgspec.structs.replace(cart, coupons=tuple(sorted(named)))


def load(tx: Tx, tenant_id: str, customer_id: str | None) -> Cart:
    """A customer's cart at today's prices; an unknown customer's is empty."""
    if customer_id is None:
        return Cart()
    whose = {"tenant_id": tenant_id, "customer_id": customer_id}
    rows = tx.all("carts.lines", **whose)
    return Cart(
        tuple(Line(product_of(row), from_milli(row["quantity_milli"])) for row in rows),
        tuple(row["coupon"] for row in tx.all("carts.coupons", **whose)),
    )


def save(tx: Tx, tenant_id: str, customer_id: str, cart: Cart, now_ms: int) -> None:
    """Keep the cart in place of the customer's former one."""
    whose = {"tenant_id": tenant_id, "customer_id": customer_id}
    tx.run("carts.clear_lines", **whose)
    tx.run("carts.clear_coupons", **whose)
    lines = (
        {
            "product_id": line.product.product_id,
            "quantity_milli": milli(Decimal(line.quantity)),
            "place": place,
            "now_ms": now_ms,
        }
        for place, line in enumerate(cart.lines)
    )
    tx.many("carts.insert_line", (whose | line for line in lines))
    tx.many("carts.insert_coupon", (whose | {"coupon": coupon} for coupon in cart.coupons))


def _is(line: Line, sku: str) -> bool:
    return line.product.sku.casefold() == sku.casefold()
