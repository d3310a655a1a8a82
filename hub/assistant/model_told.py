"""CORE: what a model is told of a tool's result: amounts as the shop writes them, never to compute.

No phone number, address or transporter of a customer is in it.
"""

from collections.abc import Sequence
from typing import Any, Final

from hub.assistant.engine import TenantProfile
from hub.assistant.facts import Facts
from hub.assistant.guard_words import Offence
from hub.assistant.tools import (
    CancelAsked,
    Cancelled,
    CartChanged,
    CartShown,
    Confirmed,
    CouponNoted,
    Declined,
    DraftShown,
    Found,
    HandedOver,
    OrderShown,
    Priced,
    Remembered,
    Repeated,
    Result,
    ShopInfo,
)
from hub.commerce.bills import Bill, BillLine
from hub.commerce.carts import Cart
from hub.commerce.money import format_money, format_quantity
from hub.commerce.pricing import PricedLine, Quote, Refusal
from hub.commerce.products import Product
from hub.commerce.shipping import ByZone, PerUnit, Shipping

FOUND_MAX: Final = 8
LINES_MAX: Final = 20
TEXT_MAX_CHARS: Final = 200

Told = dict[str, Any]


class Teller:
    """Tells results in one shop's currency and numbers."""

    def __init__(self, tenant: TenantProfile) -> None:
        self._tenant = tenant

    def tell(self, result: Result | Declined) -> Told:
        """The result as JSON data."""
        match result:
            case Declined():
                return self._declined(result)
            case Found(products=products):
                return {"products": [self._product(one) for one in products[:FOUND_MAX]]}
            case Priced(product=product, quote=quote):
                lines = [self._priced(line) for line in quote.lines]
                return {"product": self._product(product), "lines": lines, **self._sums(quote)}
            case CartShown(cart=cart, till=till):
                return self._till(cart, till.quote)
            case CartChanged(product=product, quantity=quantity, cart=cart):
                now = {"sku": product.sku, "in_cart": self.number(quantity), "unit": product.unit}
                return {**now, "cart": self._cart(cart)}
            case ShopInfo():
                return self._info(result)
            case Repeated(repeat=repeat, cart=cart):
                refused = [self._refusal(one) for one in repeat.refusals]
                return {"cart": self._cart(cart), "not_added": refused, "gone": list(repeat.gone)}
            case CouponNoted(coupon=coupon, amount=amount):
                return {"coupon": coupon, "takes_off": self.money(amount)}
            case Remembered(fields=fields):
                return {"kept": list(fields)}
            case _:
                return self._ordering(result)

    def money(self, amount: int) -> str:
        """An amount as the shop writes it."""
        tenant = self._tenant
        return format_money(amount, tenant.currency, tenant.exponent, tenant.locale)

    def number(self, number: Any) -> str:
        """A quantity as the shop writes it."""
        return format_quantity(number, self._tenant.locale)

    def _ordering(self, result: Result) -> Told:
        match result:
            case DraftShown(prepared=prepared):
                ask = "show these lines and the total, and ask for a yes"
                return {"draft": self._bill(prepared.bill), "next": ask}
            case Confirmed(order_no=order_no, prepared=prepared):
                return {"placed": order_no, **self._bill(prepared.bill)}
            case OrderShown(order=order):
                paid = order.paid_at is not None
                bill = self._bill(order.bill)
                where = {"tracking": order.delivery.tracking, "expected": order.delivery.eta}
                state = {"order_no": order.order_no, "state": order.state, "paid": paid}
                return {**state, **where, **bill}
            case CancelAsked(order=order):
                ask = "name the order and ask whether to cancel it"
                return {"order_no": order.order_no, "state": order.state, "next": ask}
            case Cancelled(order=order):
                return {"cancelled": order.order_no}
            case HandedOver(reason=reason):
                return {"handed_over": reason}
            case _:
                raise TypeError(f"{type(result).__name__} is told elsewhere")

    def _declined(self, declined: Declined) -> Told:
        told: Told = {"error": declined.code}
        if declined.refusals:
            told["refused"] = [self._refusal(one) for one in declined.refusals]
        if declined.prepared is not None:
            told["draft"] = self._bill(declined.prepared.bill)
            told["next"] = "the order changed: show these lines and the total, and ask for a yes"
        return told

    def _product(self, product: Product) -> Told:
        told: Told = {
            "sku": product.sku,
            "name": product.name[:TEXT_MAX_CHARS],
            "price": self.money(product.price),
            "unit": product.unit,
        }
        if product.description:
            told["description"] = product.description[:TEXT_MAX_CHARS]
        if product.stock is not None:
            told["stock"] = self.number(product.stock)
        if product.min_qty > 1:
            told["minimum"] = self.number(product.min_qty)
        if product.packs:
            told["packs"] = dict(product.packs)
        if product.slabs:
            told["better_prices"] = [
                {
                    "from": self.number(slab.min_qty),
                    **({"pct_off": f"{slab.pct:f}"} if slab.pct is not None else {}),
                    **({"price": self.money(slab.unit_price)} if slab.unit_price else {}),
                }
                for slab in product.slabs
            ]
        return told

    def _priced(self, line: PricedLine) -> Told:
        counted = {"quantity": self.number(line.quantity), "unit": line.product.unit}
        return {"sku": line.product.sku, **counted, "net": self.money(line.net)}

    def _billed(self, line: BillLine) -> Told:
        counted = {"quantity": self.number(line.quantity), "unit": line.unit}
        named = {"sku": line.sku, "name": line.name[:TEXT_MAX_CHARS]}
        return {**named, **counted, "net": self.money(line.net)}

    def _sums(self, sums: Quote | Bill) -> Told:
        told = {"goods": self.money(sums.goods), "total": self.money(sums.total)}
        for name in ("discount", "shipping", "tax"):
            if getattr(sums, name):
                told[name] = self.money(getattr(sums, name))
        return told

    def _bill(self, bill: Bill) -> Told:
        lines = [self._billed(line) for line in bill.lines[:LINES_MAX]]
        taxed = "contained" if bill.tax_included else "added"
        return {"lines": lines, **self._sums(bill), "tax_name": bill.tax_name, "tax_is": taxed}

    def _till(self, cart: Cart, quote: Quote) -> Told:
        if not cart.lines:
            return {"cart": []}
        lines = [self._priced(line) for line in quote.lines[:LINES_MAX]]
        refused = [self._refusal(one) for one in quote.refusals]
        known = {} if quote.shipping_known else {"delivery": "not known without a postcode"}
        return {"cart": lines, "not_available": refused, **self._sums(quote), **known}

    def _cart(self, cart: Cart) -> list[Told]:
        return [
            {"sku": line.product.sku, "quantity": self.number(line.quantity)}
            for line in cart.lines[:LINES_MAX]
        ]

    def _refusal(self, refusal: Refusal) -> Told:
        nearest = [self.number(one) for one in refusal.nearest]
        told = {"sku": refusal.product.sku, "why": refusal.reason.value, "would_do": nearest}
        return {**told, "limit": self.number(refusal.limit)}

    def _info(self, info: ShopInfo) -> Told:
        profile = info.profile
        match info.topic:
            case "hours":
                return {"hours": profile.hours}
            case "payment":
                return {"payment": list(profile.payment)}
            case "address":
                return {"address": profile.address, "city": profile.city}
            case "contact":
                return {"phone": profile.phone}
            case "delivery":
                return {"delivery": self._shipping(info.shipping)}

    def _shipping(self, shipping: Shipping) -> Any:
        match shipping:
            case ByZone(zones=zones):
                return [
                    {
                        "zone": zone.name,
                        "places": list(zone.codes[:LINES_MAX]),
                        "fee": self.money(zone.fee),
                        "free_from": None if not zone.free_from else self.money(zone.free_from),
                    }
                    for zone in zones[:LINES_MAX]
                ]
            case PerUnit():
                below, threshold = self.money(shipping.rate_below), self.number(shipping.threshold)
                rates = {"each_below": below, "each_from": self.money(shipping.rate_from)}
                return {**rates, "threshold": threshold}
            case _:
                return "none"


def rebuke(offences: Sequence[Offence], facts: Facts) -> str:
    """What a model is told of a reply that was not sent; nothing of it is repeated but its kind."""
    wrong = ", ".join(dict.fromkeys(_named(offence) for offence in offences))
    order = " Use the order's own number." if facts.orders else ""
    return (
        f"Your last reply was not sent to the customer. Wrong: {wrong}. Write it again: say only "
        f"what tool results of this turn say, and claim nothing that no tool did.{order}"
    )


def _named(offence: Offence) -> str:
    detail = offence.what if offence.kind in ("amount", "percent", "claim", "unsaid") else ""
    return f"{offence.kind} ({detail})" if detail else offence.kind
