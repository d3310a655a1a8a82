"""What holds for every order: its sums, its parts, its bill, and that nothing is taken twice."""

from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from hub.commerce.bills import Bill, bill_of
from hub.commerce.discounts import DiscountRule, Occasion
from hub.commerce.pricing import Line, Policy, Quote, Terms, quote
from hub.commerce.products import Product, Slab
from hub.commerce.shipping import ByZone, NoShipping, PerUnit, Zone
from hub.commerce.tax import Tax

AMOUNTS = st.integers(1, 10**7)
PERCENTS = st.decimals("0.01", "100", places=2)
QUANTITIES = st.integers(1, 400_000).map(lambda thousandths: Decimal(thousandths).scaleb(-3))
SLABS = st.lists(
    st.builds(Slab, min_qty=QUANTITIES, pct=st.decimals("0.01", "99.99", places=2)),
    max_size=3,
    unique_by=lambda slab: slab.min_qty,
).map(tuple)
PRODUCTS = st.builds(
    Product,
    sku=st.sampled_from(["A", "B", "C", "D"]),
    name=st.just("Thing"),
    category=st.sampled_from(["X", "Y"]),
    price=AMOUNTS,
    tax_pct=st.sampled_from([Decimal(0), Decimal(5), Decimal("12.5"), Decimal(18)]),
    step=st.sampled_from([Decimal("0.001"), Decimal("0.5"), Decimal(1)]),
    min_qty=st.just(Decimal("0.001")),
    slabs=SLABS,
)
LINES = st.lists(st.builds(Line, PRODUCTS, QUANTITIES), max_size=5)
CONDITIONS = {
    "name": st.just("Offer"),
    "coupon": st.none() | st.just("SALE"),
    "min_value": st.integers(0, 10**6),
    "skus": st.sampled_from([(), ("A",), ("B", "C")]),
    "categories": st.sampled_from([(), ("X",)]),
    "first_order": st.booleans(),
    "stackable": st.booleans(),
}
RULE_IDS = st.sampled_from(["r1", "r2", "r3", "r4"])
RULES = st.lists(
    st.builds(DiscountRule, rule_id=RULE_IDS, pct=PERCENTS, **CONDITIONS)
    | st.builds(DiscountRule, rule_id=RULE_IDS, amount=AMOUNTS, **CONDITIONS),
    max_size=4,
    unique_by=lambda rule: rule.rule_id,
).map(tuple)
FREE = st.none() | st.integers(0, 10**7)
SHIPPING = st.one_of(
    st.just(NoShipping()),
    st.builds(
        PerUnit,
        rate_below=st.integers(0, 5_000),
        rate_from=st.integers(0, 5_000),
        threshold=QUANTITIES,
        free_from=FREE,
    ),
    st.builds(
        lambda fee, free: ByZone((Zone(name="z", codes=("411*",), fee=fee, free_from=free),)),
        st.integers(0, 50_000),
        FREE,
    ),
)
WHOLES = st.sampled_from(["minor", "whole_up"])
POLICIES = st.builds(
    Policy,
    exponent=st.sampled_from([0, 2, 3]),
    line_rounding=WHOLES,
    total_rounding=WHOLES,
    rounding=st.sampled_from(["half_up", "half_even", "half_down", "up", "down"]),
    tax=st.builds(
        Tax,
        name=st.just("GST"),
        included=st.booleans(),
        basis=st.sampled_from(["line", "order"]),
        order_pct=st.just(Decimal(18)),
        on_shipping=st.booleans(),
        parts=st.sampled_from([1, 2]),
        state=st.sampled_from([None, "27"]),
    ),
    shipping=SHIPPING,
)
OCCASIONS = st.none() | st.builds(
    Occasion,
    at_ms=st.just(0),
    weekday=st.just(1),
    hour=st.just(11),
    first_order=st.booleans(),
    coupons=st.sampled_from([(), ("sale",)]),
)
TERMS = st.builds(
    Terms,
    rules=RULES,
    occasion=OCCASIONS,
    destination=st.sampled_from([None, "411001", "560001"]),
    state=st.sampled_from([None, "27", "29"]),
)


@given(lines=LINES, policy=POLICIES, terms=TERMS)
def test_every_order_adds_up(lines: list[Line], policy: Policy, terms: Terms) -> None:
    """Each figure is the sum of its parts, and none of them is negative."""
    priced = quote(lines, policy, terms)
    assert priced.goods == sum(line.net for line in priced.lines)
    assert priced.discount == sum(taken.amount for taken in priced.discounts)
    assert priced.discount == sum(line.order_discount for line in priced.lines)
    assert all(0 <= line.order_discount <= line.net for line in priced.lines)
    assert priced.tax == sum(part.amount for part in priced.tax_parts)
    added = 0 if policy.tax.included else priced.tax
    before = priced.goods - priced.discount + priced.shipping + added
    assert priced.total == before + priced.rounding
    assert 0 <= priced.rounding < 10**policy.exponent
    amounts = (priced.goods, priced.discount, priced.shipping, priced.tax, priced.total)
    assert min(amounts) >= 0
    assert all(part.amount > 0 for part in priced.tax_parts)
    if len(priced.tax_parts) == 2:
        assert priced.tax_parts[0].amount == priced.tax_parts[1].amount


@given(lines=LINES, policy=POLICIES, terms=TERMS)
def test_a_discount_is_never_applied_twice(lines: list[Line], policy: Policy, terms: Terms) -> None:
    """Not by a rule that is given twice, and not by pricing what was priced before."""
    once = quote(lines, policy, terms)
    doubled = msgspec.structs.replace(terms, rules=terms.rules * 2)
    assert quote(lines, policy, doubled) == once
    again = [Line(line.product, line.quantity) for line in once.lines]
    second = quote(again, policy, terms)
    assert msgspec.structs.replace(second, refusals=once.refusals) == once
    named = [taken.rule_id for taken in once.discounts]
    assert len(named) == len(set(named))


@given(lines=LINES, policy=POLICIES, terms=TERMS)
def test_one_rule_that_does_not_stack_is_alone(
    lines: list[Line], policy: Policy, terms: Terms
) -> None:
    """Several discounts in one order are all of rules that stack."""
    stackable = {rule.rule_id: rule.stackable for rule in terms.rules}
    taken = quote(lines, policy, terms).discounts
    assert len(taken) <= 1 or all(stackable[discount.rule_id] for discount in taken)


def figures(found: Quote | Bill) -> tuple[int, ...]:
    """What a customer is asked to pay, and why."""
    return found.goods, found.discount, found.shipping, found.tax, found.rounding, found.total


@given(lines=LINES, policy=POLICIES, terms=TERMS)
def test_a_bill_is_the_quote_and_survives_json(
    lines: list[Line], policy: Policy, terms: Terms
) -> None:
    """Draft, order and invoice hold the quote's figures, and read back they are the same."""
    priced = quote(lines, policy, terms)
    bill = bill_of(priced, "INR", policy)
    assert figures(bill) == figures(priced)
    assert (bill.discounts, bill.tax_parts) == (priced.discounts, priced.tax_parts)
    text = msgspec.json.encode(bill)
    read = msgspec.json.decode(text, type=Bill)
    assert read == bill
    assert msgspec.json.encode(read) == text


@given(lines=LINES, policy=POLICIES, terms=TERMS)
def test_between_states_the_tax_is_one_whole(
    lines: list[Line], policy: Policy, terms: Terms
) -> None:
    """IGST or two halves, never both; the goods cost the same."""
    tax = msgspec.structs.replace(policy.tax, parts=2, state="27")
    shop = msgspec.structs.replace(policy, tax=tax, shipping=NoShipping())
    here = quote(lines, shop, msgspec.structs.replace(terms, state="27"))
    there = quote(lines, shop, msgspec.structs.replace(terms, state="29"))
    assert here.goods == there.goods
    assert {part.name for part in here.tax_parts} <= {"CGST", "SGST"}
    assert {part.name for part in there.tax_parts} <= {"IGST"}
    assert abs(here.tax - there.tax) <= 2 * (1 + len(here.lines))  # a unit for each half


def test_equal_quantities_make_equal_bills() -> None:
    """However a number is written, 5 or 5.000 or 1E+2, the JSON that is hashed is the same."""
    policy = Policy()

    def text(quantity: str, pct: str) -> bytes:
        slab = Slab(Decimal(quantity), pct=Decimal(pct))
        item = Product(sku="A", name="A", price=100, tax_pct=Decimal(pct), slabs=(slab,))
        priced = quote([Line(item, Decimal(quantity))], policy)
        return msgspec.json.encode(bill_of(priced, "INR", policy))

    assert text("5", "5") == text("5.000", "5.0")
    assert text("100", "10") == text("1E+2", "1E+1")


def test_a_bill_keeps_the_product_as_it_was() -> None:
    """Name, code, price for one unit, better price and rates, whatever the catalog says later."""
    better = Slab(Decimal(2), unit_price=90)
    item = Product(
        sku="A",
        name="Rope",
        price=100,
        unit="metre",
        hsn="5607",
        slabs=(better,),
        step=Decimal("0.5"),
    )
    policy = Policy(tax=Tax(name="VAT", basis="order", order_pct=Decimal(5)))
    (line,) = bill_of(quote([Line(item, Decimal("2.5"))], policy), "AED", policy).lines
    assert (line.sku, line.name, line.unit, line.hsn) == ("A", "Rope", "metre", "5607")
    assert (line.price, line.better, line.quantity) == (100, better, Decimal("2.5"))
    assert (line.gross, line.discount, line.net, line.tax_pct) == (250, 25, 225, Decimal(5))


def test_a_refused_line_is_not_on_the_bill() -> None:
    """What cannot be sold costs nothing, in no paper."""
    sold_out = Product(sku="A", name="A", price=100, stock=Decimal(0))
    item = Product(sku="B", name="B", price=100)
    bill = bill_of(quote([Line(sold_out, 1), Line(item, 1)], Policy()), "INR", Policy())
    assert [line.sku for line in bill.lines] == ["B"]
