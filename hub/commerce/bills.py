"""What draft, order, summary and invoice all hold: a quote's money, apart from the catalog.

A bill keeps names and prices as they were. Equal bills have equal JSON, so a hash of it tells
whether the customer was shown this one.
"""

from decimal import Decimal

import msgspec

from hub.commerce.discounts import Discounted
from hub.commerce.pricing import Policy, PricedLine, Quote, rate
from hub.commerce.products import Slab
from hub.commerce.rounding import plain
from hub.commerce.tax import TaxPart


class BillLine(msgspec.Struct, frozen=True, kw_only=True):
    """One product. `net` = `gross` - `discount` + `rounding`; `better` is the slab reached.

    `price` is for one unit. `order_discount` is the line's share of the bill's discounts: what is
    taxed is `net` less that. `tax` is 0 where the order is taxed as a whole.
    """

    sku: str
    name: str
    unit: str
    quantity: Decimal
    price: int
    better: Slab | None
    gross: int
    discount: int
    rounding: int
    net: int
    order_discount: int = 0
    tax_pct: Decimal
    tax: int
    hsn: str | None


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    """An order's money, in minor units of `currency`, which has `exponent` decimals.

    `total` = `goods` - `discount` + `shipping` + `tax`, unless the prices contain it, + `rounding`.
    """

    currency: str
    exponent: int
    lines: tuple[BillLine, ...]
    goods: int
    discounts: tuple[Discounted, ...]
    discount: int
    shipping: int
    tax_name: str
    tax_included: bool
    tax_parts: tuple[TaxPart, ...]
    tax: int
    rounding: int
    total: int


def bill_of(quote: Quote, currency: str, policy: Policy) -> Bill:
    """The bill of what the quote could price; a refused line is not on it."""
    return Bill(
        currency=currency,
        exponent=policy.exponent,
        lines=tuple(_line(line, policy) for line in quote.lines),
        goods=quote.goods,
        discounts=quote.discounts,
        discount=quote.discount,
        shipping=quote.shipping,
        tax_name=policy.tax.name,
        tax_included=policy.tax.included,
        tax_parts=quote.tax_parts,
        tax=quote.tax,
        rounding=quote.rounding,
        total=quote.total,
    )


def _line(line: PricedLine, policy: Policy) -> BillLine:
    product = line.product
    return BillLine(
        sku=product.sku,
        name=product.name,
        unit=product.unit,
        quantity=line.quantity,
        price=product.price,
        better=None if line.slab is None else _slab(line.slab),
        gross=line.gross,
        discount=line.discount,
        rounding=line.rounding,
        net=line.net,
        order_discount=line.order_discount,
        tax_pct=plain(rate(product, policy)),
        tax=line.tax,
        hsn=product.hsn,
    )


def _slab(slab: Slab) -> Slab:
    pct = None if slab.pct is None else plain(slab.pct)
    return Slab(plain(slab.min_qty), pct=pct, unit_price=slab.unit_price)
