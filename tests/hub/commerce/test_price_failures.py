"""The failures of the systems before this one that pricing answers, by their numbers there."""

from decimal import Decimal

import msgspec
import pytest

from hub.commerce.bills import Bill, bill_of
from hub.commerce.discounts import DiscountRule
from hub.commerce.pricing import Line, Policy, Reason, Terms, quote
from hub.commerce.products import Product, Slab, units
from hub.commerce.shipping import PerUnit
from hub.commerce.tax import Tax

SHOP = Policy(
    line_rounding="whole_up",
    total_rounding="whole_up",
    tax=Tax(name="GST", basis="order", order_pct=Decimal(18), on_shipping=True, parts=2),
    shipping=PerUnit(rate_below=2000, rate_from=1500, threshold=Decimal(15)),
)
CARTON = Product(
    sku="FX-8X80",
    name="Fixing 8x80",
    price=251_100,
    unit="carton",
    tax_pct=Decimal(18),
    pieces_per_unit=1500,
    slabs=(Slab(Decimal(10), pct=Decimal(2)),),
)


def test_failure_02_a_discount_is_taken_once_from_question_to_order() -> None:
    """What was agreed is in the quote, and neither cart nor checkout takes it off again."""
    agreed = DiscountRule(rule_id="r", name="Agreed", pct=Decimal(5))
    terms = Terms(rules=(agreed, agreed))
    asked = quote([Line(CARTON, 10)], SHOP, terms)
    # 25,110 less the slab's 2 %, up to a whole rupee; 5 % of that, once
    assert (asked.goods, asked.discount) == (2_460_800, 123_040)
    carted = quote([Line(line.product, line.quantity) for line in asked.lines], SHOP, terms)
    draft = bill_of(carted, "INR", SHOP)
    ordered = msgspec.json.decode(msgspec.json.encode(draft), type=Bill)
    assert [taken.amount for taken in ordered.discounts] == [asked.discount]
    assert {asked.total, carted.total, draft.total, ordered.total} == {asked.total}


def test_failure_20_pieces_are_never_taken_for_cartons() -> None:
    """A carton of unknown content is not counted in pieces; of a known one, whole ones are sold."""
    unknown = msgspec.structs.replace(CARTON, pieces_per_unit=None)
    assert units(unknown, Decimal(100_000), "piece") is None
    assert units(CARTON, Decimal(100_000), "piece") == 67
    single = msgspec.structs.replace(CARTON, pieces_per_unit=1)
    cartons = units(single, Decimal(100_000), "piece")
    assert cartons == 100_000
    assert quote([Line(single, cartons)], SHOP).total < 2**63
    counted = msgspec.structs.replace(single, stock=Decimal(400))
    assert quote([Line(counted, cartons)], SHOP).refusals[0].reason is Reason.OVER_STOCK


@pytest.mark.parametrize("quantity", [1, 10, 100])
def test_failure_21_a_price_is_for_one_unit(quantity: int) -> None:
    """The price of a carton is multiplied by the cartons and never divided among them."""
    plain = msgspec.structs.replace(CARTON, slabs=())
    (line,) = bill_of(quote([Line(plain, quantity)], SHOP), "INR", SHOP).lines
    assert (line.price, line.gross) == (251_100, 251_100 * quantity)


def test_failure_23_tax_is_on_shipping() -> None:
    """Goods of 10,000 with 500 shipping owe 1,890, on the bill in its two halves."""
    item = msgspec.structs.replace(CARTON, price=40_000, slabs=())
    shop = msgspec.structs.replace(
        SHOP, shipping=PerUnit(rate_below=2000, rate_from=2000, threshold=Decimal(1))
    )
    bill = bill_of(quote([Line(item, 25)], shop), "INR", shop)
    assert [part.amount for part in bill.tax_parts] == [94_500, 94_500]
    assert (bill.goods, bill.shipping, bill.tax, bill.total) == (
        1_000_000,
        50_000,
        189_000,
        1_239_000,
    )


def test_failure_29_a_quote_in_pieces_is_the_carts_in_cartons() -> None:
    """1,000 pieces are quoted as the whole carton that the cart will hold, at its price."""
    in_pieces = units(CARTON, Decimal(1_000), "pcs")
    in_cartons = units(CARTON, Decimal(1), "carton")
    assert in_pieces is not None
    assert in_cartons is not None
    quoted, carted = quote([Line(CARTON, in_pieces)], SHOP), quote([Line(CARTON, in_cartons)], SHOP)
    assert quoted == carted
    assert quoted.goods == 251_100
