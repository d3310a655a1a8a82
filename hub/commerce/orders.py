"""Orders: looked up, and placed from a draft by an explicit yes.

What becomes of them later is in `order_moves.py`. What is refused, is refused before anything is
changed.
"""

import unicodedata
from typing import Final, Literal

import msgspec

from hub.commerce import carts, customer_rows, discount_store, drafts
from hub.commerce.bills import Bill
from hub.commerce.carts import Cart
from hub.commerce.drafts import Delivery, Draft, Prepared, Wish, profile_of
from hub.commerce.order_states import Actor, OrderState
from hub.commerce.products import milli
from hub.commerce.refused import ConfirmationRequired, DraftChanged, Expired, NotFound
from hub.store.tx import Row, Tx

FOUND_MAX: Final = 20
"""Orders of one customer that are looked at."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A confirmed order and what became of it. `bill` is its draft's to the letter.

    `cancel_turn_id`: the turn whose reply asked the customer whether to cancel it.
    """

    order_id: str
    customer_id: str
    draft_id: str
    order_no: str
    state: OrderState
    paid_at: int | None
    bill: Bill
    delivery: Delivery
    total: int
    cancel_turn_id: str | None
    cancel_asked_at: int | None
    created_at: int
    updated_at: int


class Step(msgspec.Struct, frozen=True):
    """One change of an order; `to_state` may also be `paid`."""

    at: int
    from_state: str | None
    to_state: OrderState | Literal["paid"]
    actor: Actor


def find(tx: Tx, tenant_id: str, text: str, customer_id: str | None = None) -> Order | None:
    """The shop's order that `text` names: `A-1001`, `a 1001`, `#1001`, `१००१`.

    With `customer_id` nobody else's is looked at.
    """
    digits = "".join(char for char in text if char.isdecimal())
    if not 0 < len(digits) <= 18:
        return None
    named = {"tenant_id": tenant_id, "number": int(digits), "customer_id": customer_id}
    row = tx.one("orders.by_number", **named)
    if row is None or _bare(text) not in (_bare(row["order_no"]), str(int(digits))):
        return None
    return _order_of(row)


def one(tx: Tx, tenant_id: str, order_id: str) -> Order:
    """The order of the shop with this id, which is known to be there."""
    row = tx.one("orders.one", tenant_id=tenant_id, order_id=order_id)
    if row is None:
        raise LookupError("there is no such order")
    return _order_of(row)


def of_customer(tx: Tx, tenant_id: str, customer_id: str, text: str | None = None) -> Order | None:
    """The order that `text` names, or the newest one; anybody else's is not there."""
    if text is None:
        return next(iter(all_of(tx, tenant_id, customer_id, 1)), None)
    return find(tx, tenant_id, text, customer_id)


def all_of(tx: Tx, tenant_id: str, customer_id: str, most: int = FOUND_MAX) -> list[Order]:
    """A customer's orders, the newest first."""
    whose = {"tenant_id": tenant_id, "customer_id": customer_id}
    return [_order_of(row) for row in tx.all("orders.newest", **whose, most=most)]


def of_shop(
    tx: Tx, tenant_id: str, state: OrderState | None, most: int, customer_id: str | None = None
) -> list[Order]:
    """The shop's orders, the newest first: those in `state` or all, of one customer or of all."""
    asked = {"state": state, "customer_id": customer_id, "most": most}
    return [_order_of(row) for row in tx.all("orders.list", tenant_id=tenant_id, **asked)]


def last_standing(tx: Tx, tenant_id: str, customer_id: str) -> Order | None:
    """The customer's newest order that was neither called off nor returned."""
    whose = {"tenant_id": tenant_id, "customer_id": customer_id}
    row = tx.one("orders.newest_standing", **whose)
    return None if row is None else _order_of(row)


def asked_cancel(tx: Tx, tenant_id: str, customer_id: str) -> Order | None:
    """The order about which the customer was asked whether to cancel it."""
    row = tx.one("orders.cancelling", tenant_id=tenant_id, customer_id=customer_id)
    return None if row is None else _order_of(row)


def history(tx: Tx, tenant_id: str, order_id: str) -> list[Step]:
    """What became of an order, oldest first."""
    rows = tx.all("orders.history", tenant_id=tenant_id, order_id=order_id)
    return [Step(row["at"], row["from_state"], row["to_state"], row["actor"]) for row in rows]


def next_order_no(tx: Tx, tenant_id: str) -> str:
    """The number that the shop's next order gets, unless another is placed before."""
    return _order_no(tx, tenant_id, _next_number(tx, tenant_id))


def confirmable(tx: Tx, tenant_id: str, draft: Draft, turn_id: str, now_ms: int) -> Prepared:
    """What saying yes to the draft in this turn would order, changing nothing.

    Raises:
        NotFound, Expired, ConfirmationRequired, DraftChanged, or what `drafts.prepare` refuses.
    """
    if draft.state not in ("open", "expired"):
        raise NotFound("what was shown is not up for confirmation any more")
    if draft.state == "expired" or now_ms >= draft.expires_at:
        raise Expired("what was shown is too old")
    if not drafts.is_later(tx, tenant_id, turn_id, draft.turn_id, draft.created_at):
        raise ConfirmationRequired("the customer has not answered what was shown")
    customer = customer_rows.current(tx, tenant_id, draft.customer_id)
    cart = carts.load(tx, tenant_id, draft.customer_id)
    wish = Wish(draft.delivery.destination, draft.delivery.payment)
    prepared = drafts.prepare(tx, tenant_id, customer, cart, wish, now_ms)
    if prepared.hash != draft.hash:
        raise DraftChanged(prepared)
    return prepared


def place(tx: Tx, tenant_id: str, draft: Draft, turn_id: str, now_ms: int, order_id: str) -> Order:
    """The order that a draft becomes by a yes in this turn; the one that it became already, if any.

    Takes the stock, empties the cart and counts the discounts' use.

    Raises:
        Refused: as `confirmable`; nothing was changed.
    """
    placed = tx.one("orders.by_draft", tenant_id=tenant_id, draft_id=draft.draft_id)
    if placed is not None:
        return _order_of(placed)
    prepared = confirmable(tx, tenant_id, draft, turn_id, now_ms)
    cart = carts.load(tx, tenant_id, draft.customer_id)
    _insert(tx, tenant_id, draft, prepared, order_id, now_ms)
    _reserve(tx, tenant_id, order_id, cart)
    discount_store.count_uses(tx, tenant_id, prepared.bill, 1)
    carts.save(tx, tenant_id, draft.customer_id, Cart(), now_ms)
    tx.run("drafts.order", tenant_id=tenant_id, draft_id=draft.draft_id, now_ms=now_ms)
    record(tx, tenant_id, order_id, None, "confirmed", "customer", now_ms)
    return one(tx, tenant_id, order_id)


def _insert(
    tx: Tx, tenant_id: str, draft: Draft, prepared: Prepared, order_id: str, now_ms: int
) -> None:
    number = _next_number(tx, tenant_id)
    tx.run(
        "orders.insert",
        order_id=order_id,
        tenant_id=tenant_id,
        customer_id=draft.customer_id,
        draft_id=draft.draft_id,
        number=number,
        order_no=_order_no(tx, tenant_id, number),
        bill=_json(prepared.bill),
        delivery=_json(prepared.delivery),
        total=prepared.bill.total,
        now_ms=now_ms,
    )


def _reserve(tx: Tx, tenant_id: str, order_id: str, cart: Cart) -> None:
    """Take what is counted off the shelf; the database refuses a stock below zero."""
    taken = [
        {
            "tenant_id": tenant_id,
            "order_id": order_id,
            "product_id": line.product.product_id,
            "quantity_milli": milli(line.quantity),
        }
        for line in cart.lines
        if line.product.stock is not None
    ]
    tx.many("orders.take_stock", taken)
    tx.many("orders.reserve", taken)


def record(
    tx: Tx,
    tenant_id: str,
    order_id: str,
    from_state: OrderState | None,
    to_state: OrderState | Literal["paid"],
    actor: Actor,
    now_ms: int,
) -> None:
    """Keep who changed an order, and when."""
    which = {"tenant_id": tenant_id, "order_id": order_id, "now_ms": now_ms}
    tx.run("orders.record", **which, from_state=from_state, to_state=to_state, actor=actor)


def _next_number(tx: Tx, tenant_id: str) -> int:
    row = tx.one("orders.next_number", tenant_id=tenant_id)
    if row is None:
        raise LookupError("an aggregate is always one row")
    number: int = row["number"]
    return number


def _order_no(tx: Tx, tenant_id: str, number: int) -> str:
    return f"{profile_of(tx, tenant_id).order_prefix}-{number}"


def _bare(text: str) -> str:
    """An order number as it is compared: small letters and digits of any script, nothing else."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(
        str(unicodedata.decimal(char)) if char.isdecimal() else char
        for char in folded
        if char.isalnum()
    )


def _json(value: msgspec.Struct) -> str:
    return msgspec.json.encode(value).decode()


def _order_of(row: Row) -> Order:
    columns = dict(row)
    columns["bill"] = msgspec.json.decode(row["bill"], type=Bill)
    columns["delivery"] = msgspec.json.decode(row["delivery"], type=Delivery)
    return Order(**columns)
