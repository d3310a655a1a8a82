"""Talk about orders that were placed: how they stand, calling them off, the same again."""

from typing import Final

import msgspec

from hub.assistant import tools
from hub.assistant.amounts import marks_of
from hub.assistant.hearing import Heard
from hub.assistant.opting import Opting
from hub.assistant.shopping import counts_goods, refusals_of, show_cart
from hub.assistant.tools import CancelAsked, Cancelled, CouponNoted, Declined, OrderShown
from hub.assistant.visit import Visit
from hub.commerce.discount_store import knows_coupon
from hub.commerce.orders import Order

UNDER_WAY: Final = ("confirmed", "packed", "shipped")
"""States of an order that is not over."""

REPEATED_MAX_CHARS: Final = 480  # of the goods of last time: what is gone stands behind them


def tell_status(visit: Visit, order_no: str | None) -> None:
    """How an order stands: the one that is named, or the newest."""
    result = visit.box.order_status(tools.OrderStatus(order_no))
    if isinstance(result, OrderShown):
        visit.say("order", result.order.order_no, _status(visit, result.order))
    else:
        _not_there(visit, order_no)


def leave_as_it_is(visit: Visit, heard: Heard) -> bool | None:
    """Answer who wants an order that was placed to be another way: nobody changes it here.

    None where that is not said, or is said of what is still being chosen; False where goods are
    named that go into a new cart.
    """
    language, overlay = visit.language, visit.box.overlay
    if not language.means(heard.words, "change_order"):
        return None
    if heard.asks or overlay.cart.lines or visit.is_order_open:
        return None
    found = visit.box.order_status(tools.OrderStatus(heard.order_no))
    if isinstance(found, Declined) or found.order.state not in UNDER_WAY:
        return None
    visit.tell("order", "order_fixed", order_no=found.order.order_no)
    marks = marks_of(heard.words, language)
    return any("set" in mark.kinds for mark in marks) or not counts_goods(visit, heard)


def call_off(visit: Visit, order_no: str | None) -> None:
    """Ask whether to cancel an order, once it is known which; the newest unless one is named."""
    found = visit.box.order_status(tools.OrderStatus(order_no))
    if isinstance(found, Declined):
        _not_there(visit, order_no)
        return
    order = found.order
    result = visit.box.cancel_order(tools.CancelOrder(order.order_no))
    if isinstance(result, CancelAsked):
        total = visit.money(order.total)
        visit.tell("cancel", "cancel", order_no=order.order_no, total=total)
    elif isinstance(result, Cancelled):
        visit.tell("cancel", "cancelled", order_no=order.order_no)
    else:
        state = visit.language.say(f"state_{order.state}")
        visit.tell("order", "too_late", order_no=order.order_no, state=state)


def agree_to_cancel(visit: Visit, order: Order) -> None:
    """The customer's yes to the question whether to cancel."""
    result = visit.box.cancel_order(tools.CancelOrder(order.order_no))
    if isinstance(result, Cancelled):
        visit.tell("cancel", "cancelled", order_no=order.order_no)
    elif isinstance(result, Declined) and result.code == "too_late":
        state = visit.language.say(f"state_{order.state}")
        visit.tell("order", "too_late", order_no=order.order_no, state=state)
    else:  # the question is too old: ask it again
        visit.box.overlay.answer_cancel("asked", order.order_no)
        total = visit.money(order.total)
        visit.tell("cancel", "cancel", order_no=order.order_no, total=total)


def keep(visit: Visit, order: Order) -> None:
    """The customer's no to that question."""
    visit.box.overlay.answer_cancel("kept", order.order_no)
    visit.tell("cancel", "kept", order_no=order.order_no)


def opt(visit: Visit, said: Opting) -> bool:
    """Obey that the shop must not write by itself, or may again; False when that is so already.

    Who wants to hear no more is asked nothing any more, either: the order that was shown is not
    placed, and one that was to be cancelled stays.
    """
    overlay = visit.box.overlay
    is_out = overlay.customer is not None and overlay.customer.opted_out_at is not None
    if said == "in":
        if is_out:
            overlay.remember(opted_out_at=None)
            visit.tell("opted", "opted_in")
        return is_out
    if not is_out:  # by an edited message: others were noted when they came
        overlay.remember(opted_out_at=visit.turn.now_ms)
    if overlay.draft is not None:
        is_open = visit.turn.now_ms < overlay.draft.expires_at
        overlay.decline()
        if is_open:
            visit.tell("checkout", "not_placed")
    if overlay.cancelling is not None:
        keep(visit, overlay.cancelling)
    visit.tell("opted", "opted_out")
    return True


def repeat(visit: Visit) -> None:
    """The goods of the last order into the cart, as far as they can be had."""
    result = visit.box.repeat_order(tools.RepeatOrder())
    if isinstance(result, Declined):
        visit.tell("order", "no_orders")
        return
    visit.tell("cart", "again")
    show_cart(visit, chars_max=REPEATED_MAX_CHARS)
    if result.repeat.refusals:
        visit.say("refused", "unsold", refusals_of(visit, result.repeat.refusals))
    if result.repeat.gone:
        visit.tell("cart", "gone", names=visit.language.listed(result.repeat.gone[:5]))


def use_coupon(visit: Visit, heard: Heard) -> bool:
    """Note the coupon that the customer named, or drop it; whether nothing else was said."""
    if heard.asks or _drops_coupon(visit, heard):
        return not heard.asks
    code = heard.coupon or heard.text.strip()
    alone = heard.coupon is None
    if alone and not knows_coupon(visit.tx, visit.tenant_id, code.upper()):
        return False
    _take_coupon(visit, code)
    return alone


def _drops_coupon(visit: Visit, heard: Heard) -> bool:
    if not visit.language.means(heard.words, "coupon") or not _says_remove(visit, heard):
        return False
    cart = visit.box.overlay.cart
    visit.box.overlay.set_cart(msgspec.structs.replace(cart, coupons=()))
    visit.tell("cart", "coupon_removed" if cart.coupons else "not_in_cart")
    return True


def _says_remove(visit: Visit, heard: Heard) -> bool:
    return any("remove" in mark.kinds for mark in marks_of(heard.words, visit.language))


def call_off_all(visit: Visit, heard: Heard) -> None:
    """A "cancel it" that nothing was asked before: the cart's, the last order's, or nothing's."""
    overlay = visit.box.overlay
    if not _says_remove(visit, heard) or overlay.customer is None:
        visit.tell("declined", "declined")
    elif overlay.cart.lines:
        visit.tell("cart", "how_to_empty")
    else:
        call_off(visit, None)


def _take_coupon(visit: Visit, code: str) -> None:
    result = visit.box.apply_coupon(tools.ApplyCoupon(code))
    if not isinstance(result, CouponNoted):
        visit.tell("cart", "coupon_unknown")
    elif result.amount:
        amount = visit.money(result.amount)
        visit.tell("cart", "coupon_taken", coupon=result.coupon, amount=amount)
    else:
        visit.tell("cart", "coupon_noted", coupon=result.coupon)


def _status(visit: Visit, order: Order) -> str:
    language, delivery = visit.language, order.delivery
    state = language.say(f"state_{order.state}")
    said = [
        language.say("status", order_no=order.order_no, state=state, total=visit.money(order.total))
    ]
    if order.paid_at is not None:
        said.append(language.say("paid"))
    elif order.state in UNDER_WAY and delivery.payment != "cod":
        said.append(language.say("unpaid"))
    if delivery.tracking:
        said.append(language.say("tracking", tracking=delivery.tracking))
    if delivery.eta:
        said.append(language.say("eta", eta=delivery.eta))
    return " ".join(said)


def _not_there(visit: Visit, order_no: str | None) -> None:
    visit.tell("order", "no_orders" if order_no is None else "no_such_order")
