"""What becomes of an order after it was placed: called off, moved along its states, paid, tracked.

A customer calls it off like they placed it: by an explicit yes in a later message than the one that
asked. What is refused, is refused before anything is changed.
"""

import msgspec

from hub.commerce import discount_store, drafts, orders
from hub.commerce.order_states import (
    Actor,
    OrderState,
    gives_stock_back,
    may_mark_paid,
    may_move,
)
from hub.commerce.orders import Order
from hub.commerce.refused import ConfirmationRequired, Expired, IllegalMove, NotFound, TooLate
from hub.store.tx import Tx


def ask_cancel(
    tx: Tx, tenant_id: str, customer_id: str, text: str, turn_id: str, now_ms: int
) -> Order:
    """Note that the reply to this turn asks whether to cancel the order that `text` names.

    Any other such question of this customer is withdrawn.

    Raises:
        NotFound, TooLate.
    """
    order = _cancellable(tx, tenant_id, customer_id, text)
    withdraw_cancel(tx, tenant_id, customer_id)
    which = {"tenant_id": tenant_id, "order_id": order.order_id}
    tx.run("orders.ask_cancel", **which, turn_id=turn_id, now_ms=now_ms)
    return msgspec.structs.replace(order, cancel_turn_id=turn_id, cancel_asked_at=now_ms)


def withdraw_cancel(tx: Tx, tenant_id: str, customer_id: str) -> None:
    """Ask no more whether to cancel: the customer said no, or is asked something else."""
    tx.run("orders.forget_cancel", tenant_id=tenant_id, customer_id=customer_id)


def cancel(tx: Tx, tenant_id: str, customer_id: str, text: str, turn_id: str, now_ms: int) -> Order:
    """Call an order off by the customer's yes in this turn; once cancelled it stays so.

    Raises:
        NotFound, TooLate: once packed only the shop can call it off.
        ConfirmationRequired, Expired: it has to be asked about (again) first.
    """
    order = orders.of_customer(tx, tenant_id, customer_id, text)
    if order is not None and order.state == "cancelled":
        return order
    order = cancellable_now(tx, tenant_id, customer_id, text, turn_id, now_ms)
    return _move(tx, tenant_id, order, "cancelled", "customer", now_ms)


def cancellable_now(
    tx: Tx, tenant_id: str, customer_id: str, text: str, turn_id: str, now_ms: int
) -> Order:
    """The order that a yes in this turn would cancel, changing nothing; raises as `cancel`."""
    order = _cancellable(tx, tenant_id, customer_id, text)
    asked_in, asked_at = order.cancel_turn_id, order.cancel_asked_at
    if asked_in is None or asked_at is None:
        raise ConfirmationRequired("the customer was not asked")
    if not drafts.is_later(tx, tenant_id, turn_id, asked_in, asked_at):
        raise ConfirmationRequired("the customer has not answered the question")
    if now_ms >= asked_at + drafts.LIFE_MS:
        raise Expired("the question is too old")
    return order


def _cancellable(tx: Tx, tenant_id: str, customer_id: str, text: str) -> Order:
    order = orders.of_customer(tx, tenant_id, customer_id, text)
    if order is None:
        raise NotFound("this customer has no such order")
    if not may_move("customer", order.state, "cancelled"):
        raise TooLate(f"the order is {order.state}")
    return order


def set_state(
    tx: Tx, tenant_id: str, text: str, new: OrderState, actor: Actor, now_ms: int
) -> Order:
    """Take the shop's order that `text` names to another state; to its own is no change.

    Raises:
        NotFound, IllegalMove.
    """
    order = _named(tx, tenant_id, text)
    if order.state == new:
        return order
    if not may_move(actor, order.state, new):
        raise IllegalMove(actor, order.state, new)
    return _move(tx, tenant_id, order, new, actor, now_ms)


def mark_paid(tx: Tx, tenant_id: str, text: str, actor: Actor, now_ms: int) -> Order:
    """Note that an order was paid, once; never on the customer's word.

    Raises:
        NotFound, IllegalMove.
    """
    order = _named(tx, tenant_id, text)
    if not may_mark_paid(actor, order.state):
        raise IllegalMove(actor, order.state, "paid")
    which = {"tenant_id": tenant_id, "order_id": order.order_id}
    if tx.run("orders.pay", **which, now_ms=now_ms):
        orders.record(tx, tenant_id, order.order_id, None, "paid", actor, now_ms)
    return orders.one(tx, tenant_id, order.order_id)


def track(
    tx: Tx, tenant_id: str, text: str, tracking: str | None, eta: str | None, now_ms: int
) -> Order:
    """Note how a dispatched order is followed, and when it is expected; NotFound."""
    order = _named(tx, tenant_id, text)
    delivery = msgspec.structs.replace(order.delivery, tracking=tracking, eta=eta)
    which = {"tenant_id": tenant_id, "order_id": order.order_id}
    tx.run(
        "orders.set_delivery",
        **which,
        delivery=msgspec.json.encode(delivery).decode(),
        now_ms=now_ms,
    )
    return orders.one(tx, tenant_id, order.order_id)


def _named(tx: Tx, tenant_id: str, text: str) -> Order:
    order = orders.find(tx, tenant_id, text)
    if order is None:
        raise NotFound("the shop has no such order")
    return order


def _move(
    tx: Tx, tenant_id: str, order: Order, new: OrderState, actor: Actor, now_ms: int
) -> Order:
    which = {"tenant_id": tenant_id, "order_id": order.order_id}
    tx.run("orders.move", **which, from_state=order.state, to_state=new, now_ms=now_ms)
    orders.record(tx, tenant_id, order.order_id, order.state, new, actor, now_ms)
    if gives_stock_back(new):
        tx.run("orders.give_stock_back", **which)
        discount_store.count_uses(tx, tenant_id, order.bill, -1)
    return orders.one(tx, tenant_id, order.order_id)
