"""One order as `sak-hub orders show` has it: whole, for a program or for a person."""

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from hub.cli.command import moment, printable, table
from hub.commerce import customer_rows, orders
from hub.commerce.aliases import Alias
from hub.commerce.bills import Bill, BillLine
from hub.commerce.customer_rows import Customer
from hub.commerce.money import format_money, format_quantity
from hub.commerce.orders import Order, Step
from hub.commerce.papers.order_papers import TRIES_MAX
from hub.store.tx import Row, Tx
from protocol.messages import Fault, SendState

PaperState = Literal["waiting", "given_up", "not_needed", "queued"] | SendState


class PaperFact(msgspec.Struct, frozen=True):
    """What became of a paper; `at` is when, or since when it waits.

    Once it was handed to an agent (queued) its state is that of the message that carries it, and
    `reason` why that did not go out.
    """

    kind: str
    state: PaperState
    at: str | None
    tries: int
    reason: str | None = None


class Sheet(msgspec.Struct, frozen=True):
    """An order and all that belongs to it. Amounts are minor units of the bill's currency."""

    locale: str
    order: Order
    customer: Customer | None
    aliases: tuple[Alias, ...]
    papers: tuple[PaperFact, ...]
    history: tuple[Step, ...]

    def facts(self) -> dict[str, Any]:
        """For a program."""
        order = self.order
        return {
            "order_no": order.order_no,
            "order_id": order.order_id,
            "state": order.state,
            "paid_at": moment(order.paid_at),
            "placed_at": moment(order.created_at),
            "customer_id": order.customer_id,
            "customer": None if self.customer is None else self.customer.name,
            "aliases": [alias.value for alias in self.aliases],
            "bill": msgspec.to_builtins(order.bill),
            "delivery": msgspec.to_builtins(order.delivery),
            "papers": msgspec.to_builtins(self.papers),
            "history": [
                msgspec.to_builtins(step) | {"at": moment(step.at)} for step in self.history
            ],
        }

    def lines(self) -> Iterator[str]:
        """For a person."""
        order, bill = self.order, self.order.bill
        paid = "paid" if order.paid_at else "not paid"
        yield f"{order.order_no}  {order.state}, {paid}, placed {moment(order.created_at)}"
        name = None if self.customer is None else self.customer.name
        known = " ".join(
            printable(part) for part in (name, *(a.value for a in self.aliases)) if part
        )
        yield f"customer  {order.customer_id}  {known}".rstrip()
        heads = ("sku", "name", "quantity", "price", "gross", "less", "net", "hsn", "tax")
        yield from ["", *table(heads, (self._row(line) for line in bill.lines)), ""]
        yield from table(("", ""), _sums(self, bill))[1:]
        terms = msgspec.to_builtins(order.delivery)
        if terms:
            yield from ["", *table(("", ""), terms.items())[1:]]
        yield ""
        for paper in self.papers:
            why = f": {printable(paper.reason)}" if paper.reason else ""
            yield f"{paper.at}  {paper.kind} {paper.state.replace('_', ' ')}{why}"
        for step in self.history:
            yield f"{moment(step.at)}  {step.to_state} by the {step.actor}"

    def money(self, amount: int) -> str:
        """An amount of the bill as the shop writes it."""
        bill = self.order.bill
        return format_money(amount, bill.currency, bill.exponent, self.locale)

    def _row(self, line: BillLine) -> tuple[object, ...]:
        quantity = f"{format_quantity(line.quantity, self.locale)} {line.unit}"
        amounts = (line.price, line.gross, line.discount, line.net)
        return (
            *(line.sku, line.name, quantity, *map(self.money, amounts), line.hsn),
            f"{line.tax_pct}%",
        )


def _sums(sheet: Sheet, bill: Bill) -> Iterator[tuple[str, str]]:
    contained = " (contained)" if bill.tax_included else ""
    yield "goods", sheet.money(bill.goods)
    yield from ((given.name, sheet.money(-given.amount)) for given in bill.discounts)
    yield "shipping", sheet.money(bill.shipping)
    yield from ((f"{part.name}{contained}", sheet.money(part.amount)) for part in bill.tax_parts)
    yield "rounding", sheet.money(bill.rounding)
    yield "total", sheet.money(bill.total)


def sheet_of(tx: Tx, shop: Row, order: Order) -> Sheet:
    """Everything about an order of this shop."""
    tenant_id = shop["tenant_id"]
    papers = tx.all("papers.of_order", tenant_id=tenant_id, order_id=order.order_id)
    return Sheet(
        locale=shop["locale"],
        order=order,
        customer=customer_rows.current(tx, tenant_id, order.customer_id),
        aliases=customer_rows.aliases(tx, tenant_id, order.customer_id),
        papers=tuple(map(_paper, papers)),
        history=tuple(orders.history(tx, tenant_id, order.order_id)),
    )


def _paper(row: Row) -> PaperFact:
    state: PaperState = "waiting"
    at, why = row["done_at"] or row["created_at"], None
    if row["event_id"] is not None:
        state, at = row["message_state"] or "sent", row["message_state_at"] or at
        error = row["message_error"]
        why = None if error is None else msgspec.json.decode(error, type=Fault).message
    elif row["done_at"] is not None:
        state = "given_up" if row["tries"] >= TRIES_MAX else "not_needed"
    return PaperFact(row["kind"], state, moment(at), row["tries"], why)
