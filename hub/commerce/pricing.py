"""CORE: the one place where money is computed.

Quote, cart, draft, order and invoice all call `quote`, so that the same lines give the same total
in all of them. The order of calculation is

1. line: price x quantity; the highest matching slab, whose unit price beats its percentage
2. round the line
3. discount on the order
4. shipping
5. tax, contained in the prices or added to them, on each line or on the order
6. round the total

of which 3 and 4 have no rules yet. `Decimal` lives only between the lines of this file: amounts
go in and come out as integers in the currency's minor unit.
"""

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Final, Literal

import msgspec

from hub.commerce.products import Product, Slab

QUANTITY_MAX: Final = 10_000_000
"""Of one product in one quote: even at the highest price the totals still fit 64 bits."""

HUNDRED: Final = Decimal(100)


class Tax(msgspec.Struct, frozen=True, kw_only=True):
    """How a shop taxes. `parts` equal shares are rounded one by one (2: CGST and SGST)."""

    name: str = "tax"
    included: bool = False
    basis: Literal["line", "order"] = "line"
    order_pct: Decimal = Decimal(0)  # the rate of basis "order"; lines have their product's
    parts: Literal[1, 2] = 1


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """A shop's rules for money; `whole_up` raises to the next whole major unit."""

    exponent: int = 2
    line_rounding: Literal["minor", "whole_up"] = "minor"
    total_rounding: Literal["minor", "whole_up"] = "minor"
    tax: Tax = Tax()


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
    limit: int = 0
    nearest: tuple[int, ...] = ()


class PricedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line with its money: `net` = `gross` - `discount` + `rounding`, before any added tax.

    `tax` is 0 where the order is taxed as a whole.
    """

    product: Product
    quantity: Decimal
    slab: Slab | None
    gross: int
    discount: int
    rounding: int
    net: int
    tax: int


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """What the lines cost together; refused ones count nothing."""

    lines: tuple[PricedLine, ...]
    refusals: tuple[Refusal, ...]
    goods: int
    tax: int
    total: int


def quote(lines: Sequence[Line], policy: Policy) -> Quote:
    """The price of `lines`; several of one product count as one."""
    merged = _merged(lines)
    refusals = tuple(refusal for line in merged if (refusal := refuse(line)) is not None)
    refused = {refusal.product.sku for refusal in refusals}
    priced = tuple(_price(line, policy) for line in merged if line.product.sku not in refused)
    goods = sum(line.net for line in priced)
    tax = _order_tax(goods, priced, policy.tax)
    total = goods if policy.tax.included else goods + tax
    return Quote(
        lines=priced,
        refusals=refusals,
        goods=goods,
        tax=tax,
        total=_rounded(total, policy.total_rounding, policy.exponent),
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


def _merged(lines: Sequence[Line]) -> list[Line]:
    merged: dict[str, Line] = {}
    for line in lines:
        quantity = Decimal(line.quantity)
        if (earlier := merged.get(line.product.sku)) is not None:
            quantity += earlier.quantity
        merged[line.product.sku] = Line(line.product, quantity)
    return list(merged.values())


def _broken_rule(product: Product, quantity: Decimal) -> tuple[Reason, int, tuple[int, ...]] | None:
    """The first rule that `quantity` breaks, its bound, and the quantities that would do."""
    if not product.offered:
        return Reason.NOT_OFFERED, 0, ()
    if not quantity.is_finite() or quantity <= 0:
        return Reason.NOT_POSITIVE, 0, ()
    if product.stock is not None and product.stock < product.least:
        return Reason.OUT_OF_STOCK, product.stock, ()
    if quantity < product.min_qty:
        return Reason.BELOW_MINIMUM, product.min_qty, (product.least,)
    if product.stock is not None and quantity > product.stock:
        return Reason.OVER_STOCK, product.stock, (product.stock // product.step * product.step,)
    if quantity > QUANTITY_MAX:
        return Reason.TOO_MANY, QUANTITY_MAX, ()
    if quantity % product.step != 0:
        return Reason.OFF_STEP, product.step, _steps_around(product, quantity)
    return None


def _steps_around(product: Product, quantity: Decimal) -> tuple[int, ...]:
    below = int(quantity // product.step) * product.step
    wanted = (below, below + product.step)
    most = QUANTITY_MAX if product.stock is None else product.stock
    return tuple(step for step in wanted if product.least <= step <= most)


def _price(line: Line, policy: Policy) -> PricedLine:
    quantity = Decimal(line.quantity)
    slab = slab_for(line.product, quantity)
    gross = _half_up(line.product.price * quantity)
    discount = _discount(gross, quantity, slab)
    net = _rounded(gross - discount, policy.line_rounding, policy.exponent)
    on_line = policy.tax.basis == "line"
    return PricedLine(
        product=line.product,
        quantity=quantity,
        slab=slab,
        gross=gross,
        discount=discount,
        rounding=net - (gross - discount),
        net=net,
        tax=_tax(net, line.product.tax_pct, policy.tax) if on_line else 0,
    )


def _discount(gross: int, quantity: Decimal, slab: Slab | None) -> int:
    if slab is None:
        return 0
    if slab.unit_price is not None:
        return gross - _half_up(slab.unit_price * quantity)
    return _half_up(gross * (slab.pct or 0) / HUNDRED)


def _order_tax(goods: int, lines: Sequence[PricedLine], tax: Tax) -> int:
    if tax.basis == "line":
        return sum(line.tax for line in lines)
    return _tax(goods, tax.order_pct, tax)


def _tax(amount: int, pct: Decimal, tax: Tax) -> int:
    """The tax on `amount`, or the one that it contains."""
    if tax.included:
        return amount - _half_up(amount * HUNDRED / (HUNDRED + pct))
    return tax.parts * _half_up(amount * pct / (HUNDRED * tax.parts))


def _rounded(amount: int, rounding: Literal["minor", "whole_up"], exponent: int) -> int:
    if rounding == "minor":
        return amount
    whole = Decimal(amount).scaleb(-exponent).to_integral_value(ROUND_CEILING)
    return int(whole.scaleb(exponent))


def _half_up(amount: Decimal | int) -> int:
    return int(Decimal(amount).to_integral_value(ROUND_HALF_UP))
