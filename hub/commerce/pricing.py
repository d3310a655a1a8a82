"""CORE: the one place where money is computed.

Quote, cart, draft, order and invoice all call `quote`, so that the same lines give the same total
in all of them. The order of calculation is

1. line: price x quantity; the highest matching slab, whose unit price beats its percentage
2. round the line
3. discount on the order, once
4. shipping
5. tax, contained in the prices or added to them, on each line or on the order
6. round the total

`Decimal` lives only between the lines of the cores: amounts go in and come out as integers in the
currency's minor unit.
"""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Final, Literal

import msgspec

from hub.commerce.discounts import (
    Discounted,
    DiscountRule,
    Item,
    Occasion,
    discounts,
)
from hub.commerce.products import Product, Slab, on_step
from hub.commerce.rounding import HUNDRED, Rounding, minor, plain, whole_up
from hub.commerce.shipping import Basket, NoShipping, Shipped, Shipping, ship
from hub.commerce.tax import Tax, TaxPart, part_names, tax_on

QUANTITY_MAX: Final = 10_000_000
"""Of one product in one quote: even at the highest price the totals still fit 64 bits."""

NOTHING: Final = Decimal(0)

Wholes = Literal["minor", "whole_up"]


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """A shop's rules for money; `whole_up` raises to the next whole major unit.

    `rounding` is how every other amount comes to the minor unit.
    """

    exponent: int = 2
    line_rounding: Wholes = "minor"
    total_rounding: Wholes = "minor"
    rounding: Rounding = "half_up"
    tax: Tax = Tax()
    shipping: Shipping = NoShipping()


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What an order's price depends on besides its lines and the shop's policy.

    `rules` are all of the shop's, in its order. `destination` is a postcode or place, `state` the
    customer's as GST numbers it. What is None is not known.
    """

    rules: tuple[DiscountRule, ...] = ()
    occasion: Occasion | None = None
    destination: str | None = None
    state: str | None = None


NO_TERMS: Final = Terms()


class Line(msgspec.Struct, frozen=True):
    """So many units of a product."""

    product: Product
    quantity: Decimal | int


class Reason(StrEnum):
    """Why a line cannot be sold as asked."""

    NOT_OFFERED = "not_offered"
    NOT_POSITIVE = "not_positive"
    BELOW_MINIMUM = "below_minimum"
    OFF_STEP = "off_step"
    OUT_OF_STOCK = "out_of_stock"
    OVER_STOCK = "over_stock"
    TOO_MANY = "too_many"


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A line that was not priced. `limit` is the bound that it broke, `nearest` what would do."""

    product: Product
    quantity: Decimal
    reason: Reason
    limit: Decimal = NOTHING
    nearest: tuple[Decimal, ...] = ()


class PricedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line with its money: `net` = `gross` - `discount` + `rounding`, before any added tax.

    `order_discount` is its share of the order's discounts, which `net` does not have taken off and
    `tax` has. `tax` is 0 where the order is taxed as a whole.
    """

    product: Product
    quantity: Decimal
    slab: Slab | None
    gross: int
    discount: int
    rounding: int
    net: int
    order_discount: int = 0
    tax: int = 0


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """What the lines cost together; refused ones count nothing.

    `total` = `goods` - `discount` + `shipping` + `tax`, unless the prices contain it, + `rounding`.
    `shipping` is 0 while it is not known.
    """

    lines: tuple[PricedLine, ...]
    refusals: tuple[Refusal, ...]
    goods: int
    discounts: tuple[Discounted, ...]
    discount: int
    shipping: int
    shipping_known: bool
    zone: str | None
    undeliverable: bool
    tax: int
    tax_parts: tuple[TaxPart, ...]
    rounding: int
    total: int


def quote(lines: Sequence[Line], policy: Policy, terms: Terms = NO_TERMS) -> Quote:
    """The price of `lines` under the shop's policy; several of one product count as one."""
    merged = _merged(lines)
    refusals = tuple(refusal for line in merged if (refusal := refuse(line)) is not None)
    refused = {refusal.product.sku for refusal in refusals}
    priced = [_price(line, policy) for line in merged if line.product.sku not in refused]
    taken = discounts(terms.rules, terms.occasion, [*map(_item, priced)], policy.rounding)
    parts = part_names(policy.tax, terms.state)
    taxed = tuple(map(partial(_taxed, policy=policy, parts=len(parts)), priced, taken.shares))
    shipped = _shipped(taxed, policy, terms, len(parts))
    tax = _tax(taxed, shipped.fee, policy, len(parts))
    due = _left(taxed) + shipped.fee + (0 if policy.tax.included else tax)
    total = _rounded(due, policy.total_rounding, policy.exponent)
    return Quote(
        lines=taxed,
        refusals=refusals,
        goods=sum(line.net for line in taxed),
        discounts=taken.rules,
        discount=sum(taken.shares),
        shipping=shipped.fee,
        shipping_known=shipped.known,
        zone=shipped.zone,
        undeliverable=shipped.undeliverable,
        tax=tax,
        tax_parts=tuple(TaxPart(name, tax // len(parts)) for name in parts) if tax else (),
        rounding=total - due,
        total=total,
    )


def refuse(line: Line) -> Refusal | None:
    """Why `line` cannot be sold, or None when it can."""
    broken = _broken_rule(line.product, Decimal(line.quantity))
    if broken is None:
        return None
    reason, limit, nearest = broken
    return Refusal(
        product=line.product,
        quantity=Decimal(line.quantity),
        reason=reason,
        limit=limit,
        nearest=nearest,
    )


def slab_for(product: Product, quantity: Decimal) -> Slab | None:
    """The highest slab that `quantity` reaches; slabs never stack."""
    reached = [slab for slab in product.slabs if quantity >= slab.min_qty]
    return max(reached, key=lambda slab: slab.min_qty, default=None)


def rate(product: Product, policy: Policy) -> Decimal:
    """The percentage at which the product is taxed."""
    return product.tax_pct if policy.tax.basis == "line" else policy.tax.order_pct


def _merged(lines: Sequence[Line]) -> list[Line]:
    merged: dict[str, Line] = {}
    for line in lines:
        quantity = Decimal(line.quantity)
        if (earlier := merged.get(line.product.sku)) is not None:
            quantity += earlier.quantity
        merged[line.product.sku] = Line(line.product, quantity)
    return list(merged.values())


_Broken = tuple[Reason, Decimal, tuple[Decimal, ...]]


def _broken_rule(product: Product, quantity: Decimal) -> _Broken | None:
    """The first rule that `quantity` breaks, its bound, and the quantities that would do."""
    if not product.offered:
        return Reason.NOT_OFFERED, NOTHING, ()
    if not quantity.is_finite() or quantity <= 0:
        return Reason.NOT_POSITIVE, NOTHING, ()
    if product.stock is not None and product.stock < product.least:
        return Reason.OUT_OF_STOCK, product.stock, ()
    if quantity < product.min_qty:
        return Reason.BELOW_MINIMUM, product.min_qty, (product.least,)
    if product.stock is not None and quantity > product.stock:
        return Reason.OVER_STOCK, product.stock, (on_step(product.stock, product.step),)
    if quantity > QUANTITY_MAX:
        return Reason.TOO_MANY, Decimal(QUANTITY_MAX), ()
    if quantity % product.step != 0:
        return Reason.OFF_STEP, product.step, _steps_around(product, quantity)
    return None


def _steps_around(product: Product, quantity: Decimal) -> tuple[Decimal, ...]:
    below = on_step(quantity, product.step)
    most = QUANTITY_MAX if product.stock is None else product.stock
    wanted = (below, plain(below + product.step))
    return tuple(step for step in wanted if product.least <= step <= most)


def _price(line: Line, policy: Policy) -> PricedLine:
    quantity = plain(Decimal(line.quantity))
    slab = slab_for(line.product, quantity)
    gross = minor(line.product.price * quantity, policy.rounding)
    discount = _slab_discount(gross, quantity, slab, policy.rounding)
    net = _rounded(gross - discount, policy.line_rounding, policy.exponent)
    return PricedLine(
        product=line.product,
        quantity=quantity,
        slab=slab,
        gross=gross,
        discount=discount,
        rounding=net - (gross - discount),
        net=net,
    )


def _slab_discount(gross: int, quantity: Decimal, slab: Slab | None, rounding: Rounding) -> int:
    if slab is None:
        return 0
    if slab.unit_price is not None:
        return gross - minor(slab.unit_price * quantity, rounding)
    return minor(gross * (slab.pct or NOTHING) / HUNDRED, rounding)


def _item(line: PricedLine) -> Item:
    return Item(line.product.sku, line.product.category, line.quantity, line.net)


def _taxed(line: PricedLine, share: int, policy: Policy, parts: int) -> PricedLine:
    """The line with its share of the order's discounts, and the tax on what that leaves."""
    on_line = policy.tax.basis == "line"
    pct = line.product.tax_pct if on_line else NOTHING
    tax = tax_on(line.net - share, pct, policy.tax, parts, policy.rounding)
    return msgspec.structs.replace(line, order_discount=share, tax=tax)


def _left(lines: Sequence[PricedLine]) -> int:
    """The price of the goods after all discounts."""
    return sum(line.net - line.order_discount for line in lines)


def _shipped(lines: Sequence[PricedLine], policy: Policy, terms: Terms, parts: int) -> Shipped:
    goods = _left(lines)
    added = 0 if policy.tax.included else _tax(lines, 0, policy, parts)
    quantity = sum((line.quantity for line in lines), NOTHING)
    basket = Basket(quantity, goods, goods + added)
    return ship(policy.shipping, terms.destination, basket, policy.rounding)


def _tax(lines: Sequence[PricedLine], fee: int, policy: Policy, parts: int) -> int:
    """The tax on the goods and, where the shop taxes that, on shipping."""
    tax, taxable_fee = policy.tax, fee if policy.tax.on_shipping else 0
    if tax.basis == "order":
        return tax_on(_left(lines) + taxable_fee, tax.order_pct, tax, parts, policy.rounding)
    on_fee = tax_on(taxable_fee, _principal_rate(lines), tax, parts, policy.rounding)
    return sum(line.tax for line in lines) + on_fee


def _principal_rate(lines: Sequence[PricedLine]) -> Decimal:
    """The rate of most of the goods, by value: shipping follows it (CGST Act 2017, s. 8)."""
    values: dict[Decimal, int] = {}
    for line in lines:
        pct = line.product.tax_pct
        values[pct] = values.get(pct, 0) + line.net - line.order_discount
    return max(values, key=lambda pct: (values[pct], pct), default=NOTHING)


def _rounded(amount: int, wholes: Wholes, exponent: int) -> int:
    return amount if wholes == "minor" else whole_up(amount, exponent)
