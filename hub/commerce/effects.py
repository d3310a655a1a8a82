"""What an answered turn does to the shop, applied in the transaction that commits its reply.

An engine works on what a reader showed it and lists what should follow; here it is looked at again.
Where the world moved on meanwhile, the reply's words may be untrue: `Outdated` undoes everything
and the turn is begun anew. The answer is never adapted, but for the number of a new order, which
another customer's may have taken (`Applied.worded`).
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from hub.commerce import carts, customer_rows, customers, drafts, order_moves, orders
from hub.commerce.aliases import Alias
from hub.commerce.bills import Bill
from hub.commerce.carts import Cart
from hub.commerce.customer_rows import TaxPreference
from hub.commerce.drafts import Delivery, Wish
from hub.commerce.orders import Order
from hub.commerce.pricing import Line, refuse
from hub.commerce.refused import Refused
from hub.store.tx import Tx


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """Whose turn it is, where and when. `new_ids` makes an id at each call."""

    tenant_id: str
    aliases: tuple[Alias, ...]
    customer_name: str | None
    turn_id: str
    account: str
    chat: str
    agent_id: str
    now_ms: int
    new_ids: Callable[[], str]


class SetCart(msgspec.Struct, frozen=True, tag="set_cart", tag_field="effect"):
    """The cart becomes `after`, if it still is `before`."""

    before: Cart
    after: Cart


class ShowDraft(msgspec.Struct, frozen=True, tag="show_draft", tag_field="effect"):
    """The reply shows this order and asks for a yes; a question whether to cancel is withdrawn."""

    bill: Bill
    delivery: Delivery


class EndDraft(msgspec.Struct, frozen=True, tag="end_draft", tag_field="effect"):
    """The customer said no to the draft."""

    state: Literal["declined"] = "declined"


class PlaceOrder(msgspec.Struct, frozen=True, tag="place_order", tag_field="effect"):
    """The customer said yes. `order_no`: what the reply calls the order, see `next_order_no`."""

    draft_id: str
    order_no: str | None = None


class AskCancel(msgspec.Struct, frozen=True, tag="ask_cancel", tag_field="effect"):
    """The reply asks whether to cancel an order; an open draft is shown no more."""

    order_no: str


class CancelOrder(msgspec.Struct, frozen=True, tag="cancel_order", tag_field="effect"):
    """The customer said yes to that."""

    order_no: str


class KeepOrder(msgspec.Struct, frozen=True, tag="keep_order", tag_field="effect"):
    """The customer said no to that."""


class Remember(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag="remember",
    tag_field="effect",
    omit_defaults=True,
):
    """What a customer said of themselves; None forgets, UNSET leaves."""

    name: str | UnsetType | None = UNSET
    language: str | UnsetType | None = UNSET
    tax_preference: TaxPreference | UnsetType | None = UNSET
    tax_number: str | UnsetType | None = UNSET
    address: str | UnsetType | None = UNSET
    postcode: str | UnsetType | None = UNSET
    transporter: str | UnsetType | None = UNSET
    opted_out_at: int | UnsetType | None = UNSET

    def fields(self) -> dict[str, Any]:
        """What was said."""
        return {k: v for k, v in msgspec.structs.asdict(self).items() if v is not UNSET}


Effect = (
    SetCart | ShowDraft | EndDraft | PlaceOrder | AskCancel | CancelOrder | KeepOrder | Remember
)


class Outdated(Exception):  # noqa: N818 - it names a condition
    """The answer was made from what is no longer so; `code` says what."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Applied(msgspec.Struct, frozen=True):
    """The orders that were placed, and the numbers that the reply must name instead of its own."""

    orders: tuple[Order, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()

    def worded(self, text: str) -> str:
        """The reply with the numbers that its orders got."""
        numbers = dict(self.renamed)
        if not numbers:
            return text
        either = "|".join(map(re.escape, numbers))
        return re.sub(rf"(?<!\w)(?:{either})(?!\w)", lambda hit: numbers[hit[0]], text)


def apply(tx: Tx, scene: Scene, effects: Sequence[Effect]) -> Applied:
    """Do all of `effects`, in their order.

    Raises:
        Outdated: the turn is to be begun anew. The transaction must be undone.
    """
    if not effects:
        return Applied()
    customer = customers.ensure(
        tx, scene.tenant_id, scene.aliases, scene.customer_name, scene.now_ms, scene.new_ids()
    )
    applied = Applied()
    for effect in effects:
        try:
            applied = _apply(tx, scene, customer.customer_id, effect, applied)
        except Refused as refused:
            raise Outdated(refused.code) from refused
    return applied


def _apply(tx: Tx, scene: Scene, customer_id: str, effect: Effect, applied: Applied) -> Applied:
    tenant_id, turn_id, now_ms = scene.tenant_id, scene.turn_id, scene.now_ms
    match effect:
        case SetCart():
            _set_cart(tx, scene, customer_id, effect)
        case ShowDraft():
            _show(tx, scene, customer_id, effect)
        case EndDraft():
            drafts.end(tx, tenant_id, customer_id, effect.state, now_ms)
        case PlaceOrder():
            return _place(tx, scene, customer_id, effect, applied)
        case AskCancel():
            order_moves.ask_cancel(tx, tenant_id, customer_id, effect.order_no, turn_id, now_ms)
            drafts.end(tx, tenant_id, customer_id, "replaced", now_ms)
        case CancelOrder():
            order_moves.cancel(tx, tenant_id, customer_id, effect.order_no, turn_id, now_ms)
        case KeepOrder():
            order_moves.withdraw_cancel(tx, tenant_id, customer_id)
        case Remember():
            customers.remember(tx, tenant_id, customer_id, now_ms, **effect.fields())
    return applied


def _set_cart(tx: Tx, scene: Scene, customer_id: str, effect: SetCart) -> None:
    """Save the cart and look at it again: what the reply says of it must still be so."""
    was = carts.load(tx, scene.tenant_id, customer_id)
    if _seen(was) != _seen(effect.before):
        raise Outdated("cart_changed")
    carts.save(tx, scene.tenant_id, customer_id, effect.after, scene.now_ms)
    now = carts.load(tx, scene.tenant_id, customer_id)
    if _seen(now) != _seen(effect.after):
        raise Outdated("product_changed")
    kept = {(line.product.product_id, line.quantity) for line in was.lines}
    fresh = [line for line in now.lines if (line.product.product_id, line.quantity) not in kept]
    if any(refuse(line) is not None for line in fresh):
        raise Outdated("stock_changed")


def _seen(cart: Cart) -> tuple[list[Line], tuple[str, ...]]:
    """The cart as a reply speaks of it: whatever others bought meanwhile does not change it."""
    lines = [
        Line(msgspec.structs.replace(line.product, stock=None), line.quantity)
        for line in cart.lines
    ]
    return lines, cart.coupons


def _show(tx: Tx, scene: Scene, customer_id: str, effect: ShowDraft) -> None:
    tenant_id, now_ms = scene.tenant_id, scene.now_ms
    customer = customer_rows.current(tx, tenant_id, customer_id)
    cart = carts.load(tx, tenant_id, customer_id)
    wish = Wish(effect.delivery.destination, effect.delivery.payment)
    prepared = drafts.prepare(tx, tenant_id, customer, cart, wish, now_ms)
    if prepared.hash != drafts.digest(effect.bill, effect.delivery):
        raise Outdated("draft_changed")
    order_moves.withdraw_cancel(tx, tenant_id, customer_id)
    draft_id = scene.new_ids()
    drafts.show(tx, tenant_id, customer_id, prepared, scene.turn_id, draft_id, now_ms)


def _place(tx: Tx, scene: Scene, customer_id: str, effect: PlaceOrder, applied: Applied) -> Applied:
    tenant_id, now_ms = scene.tenant_id, scene.now_ms
    draft = drafts.find(tx, tenant_id, customer_id, effect.draft_id)
    if draft is None:
        raise Outdated("not_found")
    order = orders.place(tx, tenant_id, draft, scene.turn_id, now_ms, scene.new_ids())
    _queue_papers(tx, scene, order)
    renamed = applied.renamed
    if effect.order_no is not None and effect.order_no != order.order_no:
        renamed = (*renamed, (effect.order_no, order.order_no))
    return Applied((*applied.orders, order), renamed)


def _queue_papers(tx: Tx, scene: Scene, order: Order) -> None:
    """Have the order's papers made and sent to this chat: once, however often it is confirmed."""
    kinds = ["invoice"]
    if drafts.profile_of(tx, scene.tenant_id).upi_vpa is not None:
        kinds.append("payment_code")
    paper = {
        "tenant_id": scene.tenant_id,
        "order_id": order.order_id,
        "account": scene.account,
        "chat": scene.chat,
        "agent_id": scene.agent_id,
        "now_ms": scene.now_ms,
    }
    tx.many("orders.queue_paper", [paper | {"kind": kind} for kind in kinds])
