"""What stands in the database about one customer, and every amount that may be told to them."""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from hub.assistant.engine import ToolCall
from hub.commerce import carts, catalog, checkout, customers, drafts, orders
from hub.commerce.bills import bill_of
from hub.commerce.pricing import Line, Policy, quote
from hub.commerce.products import Product
from hub.commerce.shipping import NoShipping
from hub.conversation import records, turns
from hub.conversation.turns import ChatKey
from hub.evaluation.judge import Seen, SeenOrder
from hub.store.tx import Tx

_NO_MONEY: Final = ("exponent", "quantity", "threshold", "min_qty")


def look(tx: Tx, key: ChatKey, customer_id: str, calls: Iterable[ToolCall], now_ms: int) -> Seen:
    """All that a turn may have changed; `calls` are the tools' uses whose amounts count."""
    tenant_id = key.tenant_id
    draft = drafts.newest(tx, tenant_id, customer_id)
    shown = draft is not None and draft.state == "open" and now_ms < draft.expires_at
    state = records.chat(tx, key).state
    at = {"tenant_id": tenant_id, "account": key.account, "chat": key.chat}
    reasons = [row["reason"] for row in tx.all("evaluation.turns", **at) if row["reason"]]
    return Seen(
        cart=_quantities(carts.load(tx, tenant_id, customer_id).lines),
        draft_total=draft.bill.total if draft is not None and shown else None,
        orders=tuple(
            SeenOrder(
                order.order_no,
                order.state,
                order.total,
                {line.sku: line.quantity for line in order.bill.lines},
                order.paid_at is not None,
                order.cancel_turn_id is not None,
            )
            for order in orders.all_of(tx, tenant_id, customer_id)
        ),
        handed_over=state.handed_over_at is not None,
        paused=turns.is_paused(state.paused_until, now_ms),
        flags=tuple(dict.fromkeys(reasons)),
        amounts=frozenset(_amounts(tx, tenant_id, customer_id, calls, now_ms)),
        foreign=tuple(
            tuple(map(str, row)) for row in tx.all("evaluation.foreign", customer_id=customer_id)
        ),
    )


def _quantities(lines: Iterable[Line]) -> dict[str, Decimal]:
    return {line.product.sku: Decimal(line.quantity) for line in lines}


def _amounts(
    tx: Tx, tenant_id: str, customer_id: str, calls: Iterable[ToolCall], now_ms: int
) -> set[int]:
    """Prices, quotes that were asked for, the cart, what was shown, orders, what delivery costs."""
    policy = catalog.price_policy(tx, tenant_id)
    goods = {product.sku: product for product in catalog.products(tx, tenant_id)}
    customer = customers.current(tx, tenant_id, customer_id)
    cart = carts.load(tx, tenant_id, customer_id)
    place = None if customer is None else customer.postcode
    till = checkout.price(tx, tenant_id, customer, cart, place, now_ms)
    found: set[int] = _integers(msgspec.to_builtins(policy.shipping))
    found |= {product.price for product in goods.values()}
    found |= {slab.unit_price for item in goods.values() for slab in item.slabs if slab.unit_price}
    found |= _integers(msgspec.to_builtins(bill_of(till.quote, till.currency, till.policy)))
    for call in calls:
        found |= _quoted(call, goods, policy, till.currency)
    draft = drafts.newest(tx, tenant_id, customer_id)
    bills = [order.bill for order in orders.all_of(tx, tenant_id, customer_id)]
    bills += [] if draft is None else [draft.bill]
    return found.union(*(_integers(msgspec.to_builtins(bill)) for bill in bills))


def _quoted(call: ToolCall, goods: dict[str, Product], policy: Policy, currency: str) -> set[int]:
    product = goods.get(str(call.args.get("sku")))
    try:
        quantity = Decimal(str(call.args.get("quantity")))
    except InvalidOperation:
        return set()
    if product is None or not quantity.is_finite():
        return set()
    alone = msgspec.structs.replace(policy, shipping=NoShipping(), total_rounding="minor")
    bill = bill_of(quote([Line(product, quantity)], alone), currency, alone)
    return _integers(msgspec.to_builtins(bill))


def _integers(value: Any) -> set[int]:
    """Every integer in a structure of amounts, but for the fields that count something else."""
    if isinstance(value, bool):
        return set()
    if isinstance(value, int):
        return {value}
    if isinstance(value, dict):
        inner: Iterable[Any] = (part for name, part in value.items() if name not in _NO_MONEY)
    elif isinstance(value, list | tuple):
        inner = value
    else:
        inner = ()
    return set().union(*map(_integers, inner))
