"""The domain's table of totals, and every amount of the evaluation dialogues, to the minor unit.

The shops here are invented; what they sell, and at what price, is what fixes the answers.
"""

from decimal import Decimal

import pytest

from hub.commerce.bills import bill_of
from hub.commerce.discounts import DiscountRule
from hub.commerce.pricing import Line, Policy, Quote, Terms, quote
from hub.commerce.products import Product, Slab, units
from hub.commerce.shipping import ByZone, PerUnit, Zone
from hub.commerce.tax import Tax

GST_18 = Tax(name="GST", basis="order", order_pct=Decimal(18), on_shipping=True, parts=2)


def policy_a(threshold: int = 15) -> Policy:
    """Per carton, lines and total up to whole rupees, 18 % on goods and shipping."""
    return Policy(
        line_rounding="whole_up",
        total_rounding="whole_up",
        tax=GST_18,
        shipping=PerUnit(rate_below=2000, rate_from=1500, threshold=Decimal(threshold)),
    )


def carton(price: int, *slabs: Slab, pieces: int | None = None) -> Product:
    return Product(
        sku="C-1",
        name="Fixing",
        price=price,
        unit="carton",
        tax_pct=Decimal(18),
        pieces_per_unit=pieces,
        slabs=slabs,
    )


def test_ten_cartons_with_the_better_rate_from_ten() -> None:
    """24,087 goods + 150 shipping + 4,362.66 tax, raised to 28,600."""
    priced = quote([Line(carton(240_870), 10)], policy_a(threshold=10))
    assert (priced.goods, priced.shipping, priced.tax) == (2_408_700, 15_000, 436_266)
    assert (priced.rounding, priced.total) == (34, 2_860_000)


def test_seven_cartons_with_a_negotiated_discount() -> None:
    """17,577 less 2,264.92, 140 shipping, 18 % of both, raised to 18,234."""
    rule = DiscountRule(rule_id="r", name="Agreed", amount=226_492)
    priced = quote([Line(carton(251_100), 7)], policy_a(), Terms(rules=(rule,)))
    assert (priced.discount, priced.shipping, priced.total) == (226_492, 14_000, 1_823_400)


@pytest.mark.parametrize("by_slab", [True, False])
def test_a_hundred_cartons_with_seven_percent_off(by_slab: bool) -> None:
    """277,328 whether the 7 % are a slab of the product or a rule of the shop."""
    seven = Decimal(7)
    slabs = (Slab(Decimal(100), pct=seven),) if by_slab else ()
    rules = () if by_slab else (DiscountRule(rule_id="r", name="Bulk", pct=seven),)
    priced = quote([Line(carton(251_100, *slabs), 100)], policy_a(), Terms(rules=rules))
    assert (priced.shipping, priced.total) == (150_000, 27_732_800)


def test_two_percent_once() -> None:
    """501 off 25,050, once: 24,549."""
    rule = DiscountRule(rule_id="r", name="Two", pct=Decimal(2))
    priced = quote([Line(carton(250_500), 10)], policy_a(), Terms(rules=(rule,)))
    assert (priced.discount, priced.goods - priced.discount) == (50_100, 2_454_900)


def test_tax_is_on_shipping_too() -> None:
    """Goods 10,000 and shipping 500: GST 1,890 in two halves, 12,390."""
    priced = quote([Line(carton(40_000), 25)], policy_a(threshold=26))
    assert (priced.goods, priced.shipping) == (1_000_000, 50_000)
    assert [(part.name, part.amount) for part in priced.tax_parts] == [
        ("CGST", 94_500),
        ("SGST", 94_500),
    ]
    assert (priced.tax, priced.total) == (189_000, 1_239_000)


@pytest.mark.parametrize(
    ("pieces", "held", "price", "cartons", "goods"),
    [
        (100_000, 3000, 240_000, 34, 8_160_000),  # "6x40 100000pcs"
        (100_000, 1500, 251_100, 67, 16_823_700),  # "8x80 1lac pcs"
        (1_000, 600, 257_440, 2, 514_900),  # "10x140 1000pcs"; the line is raised to 5,149
        (10_000, 700, 240_870, 15, 3_613_100),  # "10x100, 10x120, 10x160 10000pcs each"
        (10_000, 700, 263_900, 15, 3_958_500),
        (10_000, 500, 248_800, 20, 4_976_000),
    ],
)
def test_pieces_become_whole_cartons(
    pieces: int, held: int, price: int, cartons: int, goods: int
) -> None:
    """Pieces are divided by what a carton holds and rounded up to whole cartons."""
    item = carton(price, pieces=held)
    counted = units(item, Decimal(pieces), "piece")
    assert counted == cartons
    assert quote([Line(item, counted)], policy_a()).goods == goods


def slabs(*steps: tuple[int, int]) -> tuple[Slab, ...]:
    return tuple(Slab(Decimal(count), pct=Decimal(pct)) for count, pct in steps)


def thing(sku: str, price: int, tax_pct: int, *steps: tuple[int, int]) -> Product:
    return Product(
        sku=sku, name=f"Thing {sku}", price=price, tax_pct=Decimal(tax_pct), slabs=slabs(*steps)
    )


B = Policy(
    tax=Tax(name="GST", parts=2),
    shipping=ByZone((Zone(name="local", codes=("411001", "411004"), fee=6000, free_from=200_000),)),
)
C = Policy(
    tax=Tax(name="VAT", included=True),
    shipping=ByZone(
        (
            Zone(name="dubai", codes=("Dubai", "دبي"), fee=1500, free_from=20_000),
            Zone(name="other", codes=("Sharjah", "أبوظبي"), fee=2500, free_from=40_000),
        )
    ),
)
TEA = thing("TEA", 24_000, 5, (10, 5), (50, 12))
DEARER_TEA = thing("TEA", 25_000, 5, (10, 5), (50, 12))
TEA_KILO = thing("TEA-1K", 46_000, 5, (10, 5))
RICE = thing("RICE", 64_999, 5, (4, 3), (20, 8))
SUGAR = thing("SUGAR", 4_850, 5)
OIL = thing("OIL", 15_550, 5, (12, 4))
BULB = thing("BULB", 9_900, 18, (24, 10))
OUD = thing("OUD", 14_500, 5, (3, 10))
DATES = thing("DATES", 6_200, 5, (5, 5), (20, 12))


def order(policy: Policy, destination: str | None, *lines: tuple[Product, int]) -> Quote:
    wanted = [Line(product, Decimal(count)) for product, count in lines]
    return quote(wanted, policy, Terms(destination=destination))


@pytest.mark.parametrize(
    ("policy", "lines", "total"),
    [
        (B, [(TEA, 12)], 287_280),  # n02
        (B, [(SUGAR, 5)], 25_462),  # n05, half a paisa twice rounded by itself
        (B, [(TEA_KILO, 9)], 434_700),  # t04, one below the slab
        (B, [(TEA_KILO, 10)], 458_850),  # t04, on it
        (B, [(BULB, 50)], 525_690),  # t11
        (C, [(OUD, 1)], 14_500),  # m08, the tax within
    ],
)
def test_prices_without_a_destination(
    policy: Policy, lines: list[tuple[Product, int]], total: int
) -> None:
    """What a price question and a cart are answered with: goods and tax, shipping not known yet."""
    priced = order(policy, None, *lines)
    assert (priced.total, priced.shipping, priced.shipping_known) == (total, 0, False)


@pytest.mark.parametrize(
    ("policy", "destination", "lines", "shipping", "total"),
    [
        (B, "411004", [(RICE, 4)], 0, 264_806),  # n04
        (B, "411001", [(TEA, 2)], 6000, 56_400),  # t17
        (B, "411001", [(DEARER_TEA, 2)], 6000, 58_500),  # t17, after the change
        (B, "411004", [(TEA, 10)], 0, 239_400),  # m05
        (B, "411001", [(BULB, 48)], 0, 504_662),  # A-1001
        (B, "411001", [(TEA, 4)], 6000, 106_800),  # A-1002
        (B, "411001", [(OIL, 12), (SUGAR, 10)], 0, 239_018),  # A-1003, t19
        (C, "دبي", [(DATES, 5)], 0, 29_450),  # m10
        (C, "Dubai", [(OUD, 1)], 1500, 16_000),  # B-2001
    ],
)
def test_orders_of_the_dialogues(
    policy: Policy, destination: str, lines: list[tuple[Product, int]], shipping: int, total: int
) -> None:
    """Draft and order totals; delivery is free by what the customer pays for the goods."""
    priced = order(policy, destination, *lines)
    assert (priced.shipping, priced.total, priced.shipping_known) == (shipping, total, True)
    assert bill_of(priced, "INR", policy).total == total


def test_delivery_is_free_from_what_is_paid_and_not_before() -> None:
    """The fee falls away at the amount with tax, not at the one without."""
    item = thing("X", 190_476, 5)  # 200,000 with tax
    assert order(B, "411001", (item, 1)).shipping == 0
    assert order(B, "411001", (thing("X", 190_475, 5), 1)).shipping == 6000
