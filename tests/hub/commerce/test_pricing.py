"""The pricing core: the domain's fixed answers, every rule once, and what holds for all input."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.commerce.money import MINOR_MAX
from hub.commerce.pricing import QUANTITY_MAX, Line, Policy, Reason, quote, refuse, slab_for
from hub.commerce.products import Product, Slab, units
from hub.commerce.tax import Tax

pytestmark = pytest.mark.core

PLAIN = Policy()
A = Policy(line_rounding="whole_up", total_rounding="whole_up")
GST = Tax(name="GST", parts=2)
COUNTED = {"stock", "min_qty", "step"}


def product(price: int, /, **fields: object) -> Product:
    counted = {name: Decimal(str(fields[name])) for name in COUNTED & fields.keys()}
    thing = Product(sku="X-1", name="Thing", price=price)
    return msgspec.structs.replace(thing, **(fields | counted))


def pct(min_qty: int, percent: str) -> Slab:
    return Slab(Decimal(min_qty), pct=Decimal(percent))


@pytest.mark.parametrize(
    ("pieces", "per_unit", "price", "cartons", "goods"),
    [
        (100_000, 3000, 240_000, 34, 8_160_000),  # "6x40 100000pcs"
        (100_000, 1500, 251_100, 67, 16_823_700),  # "8x80 1lac pcs"
        (1_000, 600, 257_440, 2, 514_900),  # "10x140 1000pcs"; the line is raised to 5,149
    ],
)
def test_pieces_become_whole_cartons(
    pieces: int, per_unit: int, price: int, cartons: int, goods: int
) -> None:
    """The fixed answers of policy A for quantities in pieces."""
    item = product(price, unit="carton", pieces_per_unit=per_unit)
    assert units(item, Decimal(pieces), "piece") == cartons
    assert quote([Line(item, cartons)], A).goods == goods


@pytest.mark.parametrize(
    ("price", "quantity", "slabs", "net"),
    [
        (240_870, 10, (), 2_408_700),  # 24,087
        (251_100, 100, (pct(10, "2"), pct(100, "7")), 23_352_300),  # 277,328 with shipping and tax
        (250_500, 10, (pct(10, "2"),), 2_454_900),  # 501 off, once
        (251_100, 7, (pct(10, "2"),), 1_757_700),
    ],
)
def test_lines_of_policy_a(price: int, quantity: int, slabs: tuple[Slab, ...], net: int) -> None:
    """Price times quantity, less the slab, as the domain's table has it."""
    assert quote([Line(product(price, slabs=slabs), quantity)], A).goods == net


def test_slab_answers_of_the_evaluation_tenants() -> None:
    """The tenants' rule: the discount is rounded by itself, tax is two equal halves."""
    tea = product(24_000, tax_pct=Decimal(5), slabs=(pct(10, "5"), pct(50, "12")))
    priced = quote([Line(tea, 12)], Policy(tax=GST))
    assert (priced.goods, priced.tax, priced.total) == (273_600, 13_680, 287_280)
    rice = product(64_999, tax_pct=Decimal(5), slabs=(pct(4, "3"), pct(20, "8")))
    assert quote([Line(rice, 4)], Policy(tax=GST)).total == 264_806
    oud = product(14_500, tax_pct=Decimal(5), slabs=(pct(3, "10"),))
    included = quote([Line(oud, 3)], Policy(tax=Tax(included=True)))
    assert (included.total, included.tax) == (39_150, 1_864)


def test_the_highest_slab_alone_counts() -> None:
    """Slabs never stack, whatever their order, and begin at their quantity."""
    item = product(1_000, slabs=(pct(50, "12"), pct(10, "5")))
    assert [slab_for(item, Decimal(n)) for n in (9, 10, 49, 50)] == [
        None,
        item.slabs[1],
        item.slabs[1],
        item.slabs[0],
    ]


def test_a_slabs_unit_price_beats_its_percentage() -> None:
    """A price per unit replaces the price; the percentage beside it is not taken off as well."""
    both = Slab(Decimal(10), pct=Decimal(5), unit_price=900)
    line = quote([Line(product(1_000, slabs=(both,)), 10)], PLAIN).lines[0]
    assert (line.gross, line.discount, line.net) == (10_000, 1_000, 9_000)


def test_halves_round_up() -> None:
    """Half a minor unit counts as one: 5 % of 0.10 is 0.01, and so is 2.5 % tax twice of 0.20."""
    assert quote([Line(product(10, slabs=(pct(1, "5"),)), 1)], PLAIN).goods == 9
    assert quote([Line(product(20, tax_pct=Decimal(5)), 1)], Policy(tax=GST)).tax == 2


def test_rounding_up_to_whole_units_is_shown_by_itself() -> None:
    """A line raised to the whole major unit says by how much, apart from its discount."""
    line = quote([Line(product(24_087, slabs=(pct(1, "1"),)), 1)], A).lines[0]
    assert (line.gross, line.discount, line.rounding, line.net) == (24_087, 241, 54, 23_900)
    yen = quote([Line(product(7), 3)], Policy(exponent=0, line_rounding="whole_up"))
    assert yen.total == 21


def test_tax_of_the_order() -> None:
    """A shop that taxes the order has no tax on its lines: 18 % of 10,000 is 1,800."""
    policy = Policy(tax=Tax(basis="order", order_pct=Decimal(18), parts=2))
    priced = quote([Line(product(500_000, tax_pct=Decimal(5)), 2)], policy)
    assert (priced.lines[0].tax, priced.tax, priced.total) == (0, 180_000, 1_180_000)


@pytest.mark.parametrize(
    ("fields", "quantity", "reason", "limit", "nearest"),
    [
        ({"active": False}, 1, Reason.NOT_OFFERED, 0, ()),
        ({"price": 0}, 1, Reason.NOT_OFFERED, 0, ()),
        ({}, 0, Reason.NOT_POSITIVE, 0, ()),
        ({}, -5, Reason.NOT_POSITIVE, 0, ()),
        ({}, Decimal("NaN"), Reason.NOT_POSITIVE, 0, ()),
        ({"min_qty": 5}, 2, Reason.BELOW_MINIMUM, 5, (5,)),
        ({"min_qty": 5, "step": 2}, 2, Reason.BELOW_MINIMUM, 5, (6,)),
        ({}, Decimal("2.5"), Reason.OFF_STEP, 1, (2, 3)),
        ({"step": 10, "stock": 25}, 23, Reason.OFF_STEP, 10, (20,)),
        ({"min_qty": 5, "step": 2}, 5, Reason.OFF_STEP, 2, (6,)),
        ({"stock": 0}, 1, Reason.OUT_OF_STOCK, 0, ()),
        ({"stock": 4, "min_qty": 5}, 5, Reason.OUT_OF_STOCK, 4, ()),
        ({"step": "0.5"}, Decimal("1.3"), Reason.OFF_STEP, Decimal("0.5"), (1, 1.5)),
        ({"min_qty": "1.2", "step": "0.5"}, 1, Reason.BELOW_MINIMUM, Decimal("1.2"), (1.5,)),
        ({}, Decimal("1e-40"), Reason.BELOW_MINIMUM, 1, (1,)),
        ({}, Decimal("1e999999"), Reason.TOO_MANY, QUANTITY_MAX, ()),
        ({"stock": 25, "step": 10}, 999_999_999, Reason.OVER_STOCK, 25, (20,)),
        ({}, 999_999_999, Reason.TOO_MANY, QUANTITY_MAX, ()),
    ],
)
def test_refusals(
    fields: dict[str, object],
    quantity: Decimal | int,
    reason: Reason,
    limit: Decimal | int,
    nearest: tuple[Decimal | int | float, ...],
) -> None:
    """Each quantity rule refuses with its bound and with what would do; nothing is priced."""
    item = product(1_000, **fields)
    priced = quote([Line(item, quantity)], PLAIN)
    (refusal,) = priced.refusals
    assert (refusal.reason, refusal.limit, refusal.nearest) == (reason, limit, nearest)
    assert (priced.lines, priced.goods, priced.total) == ((), 0, 0)


def test_several_lines_of_one_product_count_together() -> None:
    """The stock and the slab see the whole quantity."""
    item = product(1_000, stock=15, slabs=(pct(10, "10"),))
    assert quote([Line(item, 5), Line(item, 5)], PLAIN).goods == 9_000
    assert quote([Line(item, 8), Line(item, 8)], PLAIN).refusals[0].reason is Reason.OVER_STOCK


def test_a_refused_line_leaves_the_others() -> None:
    """Lines that can be sold are priced beside one that cannot."""
    other = product(500, sku="X-2")
    priced = quote([Line(product(1_000, stock=0), 1), Line(other, 2)], PLAIN)
    assert (priced.total, len(priced.refusals)) == (1_000, 1)


SLABS = st.lists(
    st.builds(
        Slab,
        min_qty=st.integers(1, 500).map(Decimal),
        pct=st.none() | st.decimals("0.01", "99.99", places=2),
        unit_price=st.none() | st.integers(1, 1_000),
    ),
    max_size=4,
    unique_by=lambda slab: slab.min_qty,
).map(tuple)
PRODUCTS = st.builds(
    Product,
    sku=st.sampled_from(["A", "B", "C"]),
    name=st.just("Thing"),
    price=st.integers(1_000, 10**8),
    tax_pct=st.sampled_from([Decimal(0), Decimal(5), Decimal("12.5"), Decimal(18)]),
    min_qty=st.integers(1, 20).map(Decimal),
    step=st.integers(1, 12).map(Decimal),
    stock=st.none() | st.integers(0, 2_000).map(Decimal),
    slabs=SLABS,
)
POLICIES = st.builds(
    Policy,
    exponent=st.integers(0, 4),
    line_rounding=st.sampled_from(["minor", "whole_up"]),
    total_rounding=st.sampled_from(["minor", "whole_up"]),
    tax=st.builds(
        Tax,
        included=st.booleans(),
        basis=st.sampled_from(["line", "order"]),
        order_pct=st.just(Decimal(18)),
        parts=st.sampled_from([1, 2]),
    ),
)
LINES = st.lists(st.builds(Line, PRODUCTS, st.integers(-3, 3_000)), max_size=5)


@given(lines=LINES, policy=POLICIES)
def test_every_quote_adds_up(lines: list[Line], policy: Policy) -> None:
    """Sums equal their parts, no amount is negative, no line costs more than its price list."""
    priced = quote(lines, policy)
    assert priced.goods == sum(line.net for line in priced.lines)
    for line in priced.lines:
        assert line.net == line.gross - line.discount + line.rounding
        assert 0 <= line.discount <= line.gross
        assert 0 <= line.rounding < 10**policy.exponent
        assert 0 <= line.tax <= line.net or not policy.tax.included
    added = 0 if policy.tax.included else priced.tax
    assert 0 <= priced.total - priced.goods - added < 10**policy.exponent
    assert priced.tax >= 0


@given(lines=LINES, policy=POLICIES)
def test_the_same_lines_cost_the_same_in_any_order(lines: list[Line], policy: Policy) -> None:
    """A quote depends on what is bought, not on how it was put together."""
    unique = list({line.product.sku: line for line in lines}.values())
    there, back = quote(unique, policy), quote(unique[::-1], policy)
    assert (there.goods, there.tax, there.total) == (back.goods, back.tax, back.total)


@given(item=PRODUCTS, quantity=st.integers(1, 3_000))
def test_what_a_refusal_proposes_is_accepted(item: Product, quantity: int) -> None:
    """The quantities offered instead of a refused one are themselves sold."""
    refusal = refuse(Line(item, quantity))
    for nearest in refusal.nearest if refusal else ():
        assert refuse(Line(item, nearest)) is None


def test_the_dearest_order_line_fits_the_database() -> None:
    """The highest price times the largest quantity, taxed twice over, is a 64-bit integer."""
    item = product(MINOR_MAX, tax_pct=Decimal(100))
    assert quote([Line(item, QUANTITY_MAX)], PLAIN).total < 2**63
