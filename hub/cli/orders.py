"""`sak-hub orders`: what was ordered, and what becomes of it."""

from typing import Any, Final

import click

from hub.cli import customer_refs as refs
from hub.cli import find
from hub.cli.chat_words import refusal
from hub.cli.command import (
    Failure,
    answer,
    changed,
    is_readable,
    json_option,
    looked,
    moment,
    printable,
    table,
)
from hub.cli.order_sheet import Sheet, sheet_of
from hub.commerce import customer_rows, order_moves, orders
from hub.commerce.money import format_money
from hub.commerce.order_states import STATES, OrderState, may_mark_paid, moves
from hub.commerce.orders import Order
from hub.commerce.refused import IllegalMove
from hub.conversation import order_updates
from hub.store.tx import Row, Tx

SHOWN_MAX: Final = 100  # orders of a list: some screens of them
NOTE_MAX_CHARS: Final = 100
PAID: Final = "paid"
OWED_BACK: Final = ("cancelled", "returned")


@click.group("orders")
def orders_group() -> None:
    """Orders: list, show, set.

    ORDER_NO is its number as customers have it (A-1001), or the digits alone.
    """


@orders_group.command("list")
@click.argument("tenant")
@click.option("--state", type=click.Choice(STATES), help="Only those that are in this state.")
@click.option("--customer", help="Only this customer's: an id, a phone number or a WhatsApp id.")
@click.option("--limit", default=SHOWN_MAX, show_default=True, type=click.IntRange(1, 100_000))
@json_option
def list_(
    tenant: str, state: OrderState | None, customer: str | None, limit: int, as_json: bool
) -> None:
    """Show the orders of the shop TENANT, the newest first."""

    def look(tx: Tx) -> list[dict[str, Any]]:
        shop = find.tenant(tx, tenant)
        customer_id = None if customer is None else refs.resolve(tx, shop, customer)
        found = orders.of_shop(tx, shop["tenant_id"], state, limit + 1, customer_id)
        return [_listed(tx, shop, order) for order in found]

    found = looked(look)
    facts = found[:limit]
    heads = ("order_no", "state", "paid", "total_text", "customer", "placed_at")
    lines = table(heads, [[_cell(fact[head]) for head in heads] for fact in facts])
    if len(found) > limit:
        lines.append("and more; --limit shows them")
    answer(
        {"orders": facts, "more": len(found) > limit},
        lines if facts else ["No such orders." if state or customer else "No orders yet."],
        as_json=as_json,
    )


def _cell(value: object) -> object:
    return ("no", "yes")[value] if isinstance(value, bool) else value


def _listed(tx: Tx, shop: Row, order: Order) -> dict[str, Any]:
    who = customer_rows.current(tx, shop["tenant_id"], order.customer_id)
    bill = order.bill
    return {
        "order_no": order.order_no,
        "state": order.state,
        "paid": order.paid_at is not None,
        "total": order.total,
        "currency": bill.currency,
        "total_text": format_money(order.total, bill.currency, bill.exponent, shop["locale"]),
        "customer_id": order.customer_id,
        "customer": (who.name if who is not None else None) or order.customer_id,
        "placed_at": moment(order.created_at),
    }


@orders_group.command()
@click.argument("tenant")
@click.argument("order_no")
@json_option
def show(tenant: str, order_no: str, as_json: bool) -> None:
    """Show an order of the shop TENANT: its bill, where it goes, its papers and its history."""

    def look(tx: Tx) -> Sheet:
        shop = find.tenant(tx, tenant)
        return sheet_of(tx, shop, _named(tx, shop, order_no))

    sheet = looked(look)
    answer(sheet.facts(), sheet.lines(), as_json=as_json)


def _named(tx: Tx, shop: Row, order_no: str) -> Order:
    order = orders.find(tx, shop["tenant_id"], order_no)
    if order is None:
        raise Failure(
            "unknown_order",
            f"{shop['name']} has no order {printable(order_no)}. "
            "'sak-hub orders list TENANT' shows their numbers.",
        )
    return order


@orders_group.command("set")
@click.argument("tenant")
@click.argument("order_no")
@click.argument("state", type=click.Choice((*STATES, PAID)))
@click.option("--tracking", help="How the parcel is followed; an empty text takes it back.")
@click.option(
    "--eta",
    help="When it is expected, in words that the customer reads as they are (free text, such as "
    "'Friday'; no date is checked); an empty text takes it back.",
)
@json_option
def set_(
    tenant: str, order_no: str, state: Any, tracking: str | None, eta: str | None, as_json: bool
) -> None:
    """Note that an order of the shop TENANT is in STATE now, or paid.

    Cancelling puts its goods back into stock and calls off papers that were not sent. The customer
    is told where the shop's order_updates are on (sak-hub tenant set TENANT order_updates yes).
    """
    notes = {"tracking": _note("tracking", tracking), "eta": _note("eta", eta)}

    def change(tx: Tx, now_ms: int) -> dict[str, Any]:
        shop = find.tenant(tx, tenant)
        before = _named(tx, shop, order_no)
        order = _moved(tx, shop, before, state, notes, now_ms)
        told_at = _tell(tx, shop, before, order, state, now_ms)
        silence = None
        if told_at is not None:
            silence = order_updates.silence(tx, shop["tenant_id"], order, now_ms)
        return sheet_of(tx, shop, order).facts() | {
            "customer_told_at": moment(told_at if silence is None else None),
            "customer_not_told": silence,
        }

    facts = changed(change)
    paid = ", paid" if facts["paid_at"] else ""
    lines = [f"{facts['order_no']} is {facts['state']}{paid}."]
    if paid and facts["state"] in OWED_BACK:
        lines.append("It was paid for: give the money back, nothing here does that.")
    if facts["customer_told_at"]:
        lines.append(f"The customer is told at {facts['customer_told_at']}.")
    if facts["customer_not_told"]:
        lines.append(f"The customer is not told: {refusal(facts['customer_not_told'])}.")
    answer(facts, lines, as_json=as_json)


def _moved(
    tx: Tx, shop: Row, order: Order, state: Any, notes: dict[str, str | None], now_ms: int
) -> Order:
    """The order in its new state, with what was said of its way; Failure."""
    which = (tx, shop["tenant_id"], order.order_no)
    try:
        if state == PAID:
            order_moves.mark_paid(*which, "operator", now_ms)
        else:
            order_moves.set_state(*which, state, "operator", now_ms)
    except IllegalMove:
        raise _illegal(order, state) from None
    said = {name: text for name, text in notes.items() if text is not None}
    if said:
        kept = {"tracking": order.delivery.tracking, "eta": order.delivery.eta} | said
        order_moves.track(*which, kept["tracking"] or None, kept["eta"] or None, now_ms)
    return _named(tx, shop, order.order_no)


def _tell(tx: Tx, shop: Row, before: Order, order: Order, state: Any, now_ms: int) -> int | None:
    """Have the customer told of a move, once; when that is due, if it is."""
    if state not in order_updates.NEWS:
        return None
    told = (tx, shop["tenant_id"], order, state)
    if (before.state, before.paid_at is None) != (order.state, order.paid_at is None):
        return order_updates.tell(*told, now_ms)
    order_updates.reword(*told)
    return None


def _note(name: str, text: str | None) -> str | None:
    """The text without blanks around it; Failure for what no customer could read."""
    clean = None if text is None else text.strip()
    if clean and (len(clean) > NOTE_MAX_CHARS or not is_readable(clean)):
        raise Failure("bad_value", f"--{name} takes up to {NOTE_MAX_CHARS} printable characters.")
    return clean


def _illegal(order: Order, state: str) -> Failure:
    if state == PAID:
        return Failure(
            "illegal_move", f"{order.order_no} is {order.state}: nothing is owed for it."
        )
    able: list[str] = list(moves("operator", order.state))
    if order.paid_at is None and may_mark_paid("operator", order.state):
        able.append(PAID)
    then = f"it can become {' or '.join(able)}" if able else "that is its end"
    return Failure("illegal_move", f"{order.order_no} is {order.state}: {then}.")
