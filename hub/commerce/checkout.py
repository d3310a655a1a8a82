"""What a cart costs this customer at this moment: the one way from a cart to a price.

The cart that is looked at, the draft that is shown and the order that is placed all come through
here, each with what the catalog, the rules and the customer's record say when it is asked.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from hub.commerce import discount_store
from hub.commerce.carts import Cart
from hub.commerce.catalog import price_policy
from hub.commerce.customer_rows import Customer
from hub.commerce.discounts import Occasion
from hub.commerce.pricing import Policy, Quote, Terms, quote
from hub.commerce.tax import state_of
from hub.store.tx import Tx


class Till(msgspec.Struct, frozen=True):
    """A quote, and what it was made under: a bill needs both."""

    quote: Quote
    policy: Policy
    currency: str


def price(
    tx: Tx,
    tenant_id: str,
    customer: Customer | None,
    cart: Cart,
    destination: str | None,
    now_ms: int,
) -> Till:
    """The price of the cart, delivered to `destination` where one is known.

    `customer` is None for somebody whom the shop does not know yet.
    """
    tenant = tx.one("tenants.by_id", tenant_id=tenant_id)
    if tenant is None:
        raise LookupError("the shop is not in the database")
    policy = price_policy(tx, tenant_id)
    terms = Terms(
        rules=discount_store.rules(tx, tenant_id),
        occasion=occasion(tx, tenant_id, customer, cart, tenant["timezone"], now_ms),
        destination=destination,
        state=_state(customer),
    )
    return Till(quote(cart.lines, policy, terms), policy, tenant["currency"])


def occasion(
    tx: Tx,
    tenant_id: str,
    customer: Customer | None,
    cart: Cart,
    timezone: str,
    now_ms: int,
) -> Occasion:
    """What discount rules may ask about; `timezone` is the shop's."""
    local = datetime.fromtimestamp(now_ms / 1000, ZoneInfo(timezone))
    return Occasion(
        at_ms=now_ms,
        weekday=local.weekday(),
        hour=local.hour,
        customer_id=None if customer is None else customer.customer_id,
        tier=None if customer is None else customer.tier,
        first_order=customer is None or not _has_ordered(tx, tenant_id, customer.customer_id),
        coupons=cart.coupons,
    )


def _has_ordered(tx: Tx, tenant_id: str, customer_id: str) -> bool:
    whose = {"tenant_id": tenant_id, "customer_id": customer_id}
    return tx.one("orders.newest_standing", **whose) is not None


def _state(customer: Customer | None) -> str | None:
    """The state that the customer is taxed in, as far as a checked number tells it."""
    if customer is None or customer.tax_preference != "gst" or not customer.tax_number:
        return None
    return state_of(customer.tax_number)
