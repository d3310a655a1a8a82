"""Tax by line and by order, added and contained, in halves and whole; and the GSTIN."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from hub.commerce.discounts import DiscountRule
from hub.commerce.errors import BadValueError
from hub.commerce.pricing import Line, Policy, Quote, Terms, quote
from hub.commerce.products import Product
from hub.commerce.shipping import PerUnit
from hub.commerce.tax import Tax, TaxPart, check_gstin, part_names, state_of, tax_on

pytestmark = pytest.mark.core

GST = Tax(name="GST", parts=2, state="27")
VAT = Tax(name="VAT", included=True)
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def number(state: str, pan: str = "ABCPS1234D") -> str:
    """A GSTIN that is sound and nobody's."""
    body = f"{state}{pan}1Z"
    return body + str(luhn.calc_check_digit(body, ALPHABET))


def priced(tax: Tax, *lines: tuple[int, str], state: str | None = None, fee: int = 0) -> Quote:
    """A quote of one unit each at these prices and rates."""
    goods = [
        Line(Product(sku=f"S-{n}", name="Thing", price=price, tax_pct=Decimal(pct)), 1)
        for n, (price, pct) in enumerate(lines)
    ]
    shipping = PerUnit(rate_below=fee, rate_from=fee, threshold=Decimal(1))
    return quote(goods, Policy(tax=tax, shipping=shipping), Terms(state=state))


def parts(found: Quote) -> list[tuple[str, int]]:
    return [(part.name, part.amount) for part in found.tax_parts]


def test_halves_within_a_state_and_a_whole_between_two() -> None:
    """2.5 % of 48.50 twice is 1.21 + 1.21; 5 % at once is 2.43."""
    assert parts(priced(GST, (4_850, "5"))) == [("CGST", 121), ("SGST", 121)]
    assert parts(priced(GST, (4_850, "5"), state="27")) == [("CGST", 121), ("SGST", 121)]
    assert parts(priced(GST, (4_850, "5"), state="29")) == [("IGST", 243)]


def test_a_shop_of_no_known_state_owes_halves() -> None:
    """Without the shop's own state nothing is between two."""
    assert part_names(msgspec.structs.replace(GST, state=None), "29") == ("CGST", "SGST")


def test_a_union_territory_has_its_own_half() -> None:
    """Chandigarh's half is UTGST."""
    assert part_names(msgspec.structs.replace(GST, state="04"), None) == ("CGST", "UTGST")


def test_tax_that_the_price_contains() -> None:
    """The total is the price; the tax is what 105 % hold above 100 %, halves rounded apart."""
    found = priced(VAT, (14_500, "5"))
    assert (found.total, found.tax, parts(found)) == (14_500, 690, [("VAT", 690)])
    halves = priced(msgspec.structs.replace(GST, included=True), (14_500, "5"))
    assert (halves.total, parts(halves)) == (14_500, [("CGST", 345), ("SGST", 345)])


def test_no_tax_has_no_parts() -> None:
    """A rate of 0 % owes nobody anything."""
    assert priced(GST, (1_000, "0")).tax_parts == ()


def test_shipping_is_taxed_at_the_rate_of_most_of_the_goods() -> None:
    """By line: 18 % of the fee when most of the value bears 18 %; the higher one of equals."""
    taxed = msgspec.structs.replace(GST, on_shipping=True)
    assert priced(taxed, (100_000, "18"), (60_000, "5"), fee=5_000).tax == 18_000 + 3_000 + 1_800
    assert priced(taxed, (100_000, "5"), (100_000, "18"), fee=5_000).tax == 23_000 + 1_800
    assert priced(GST, (100_000, "18"), fee=5_000).tax == 18_000


def test_a_discount_lowers_the_tax_of_the_lines_that_it_is_on() -> None:
    """Tax is on what is paid: 10 % off the 18 % line leaves the 5 % line as it was."""
    rule = DiscountRule(rule_id="r", name="Ten", pct=Decimal(10), skus=("A",))
    lines = [
        Line(Product(sku="A", name="A", price=100_000, tax_pct=Decimal(18)), 1),
        Line(Product(sku="B", name="B", price=100_000, tax_pct=Decimal(5)), 1),
    ]
    found = quote(lines, Policy(tax=GST), Terms(rules=(rule,)))
    assert [(line.order_discount, line.tax) for line in found.lines] == [
        (10_000, 16_200),
        (0, 5_000),
    ]
    assert found.total == 190_000 + 21_200


@given(
    amount=st.integers(0, 10**9),
    pct=st.decimals(0, 100, places=2),
    included=st.booleans(),
)
def test_halves_and_whole_are_a_unit_apart_at_most(
    amount: int, pct: Decimal, included: bool
) -> None:
    """IGST equals CGST + SGST but for what rounding the halves by themselves makes."""
    tax = Tax(name="GST", parts=2, included=included)
    whole, halves = (tax_on(amount, pct, tax, count, "half_up") for count in (1, 2))
    assert halves % 2 == 0
    assert abs(whole - halves) <= 1


def test_the_shops_way_to_round() -> None:
    """Half a minor unit goes where the policy says."""
    goods = [Line(Product(sku="A", name="A", price=250, tax_pct=Decimal(5)), 1)]  # 12.5
    taxes = {
        way: quote(goods, Policy(rounding=way)).tax
        for way in ("half_up", "half_even", "half_down", "up", "down")
    }
    assert taxes == {"half_up": 13, "half_even": 12, "half_down": 12, "up": 13, "down": 12}


def test_a_rate_that_is_none() -> None:
    """Neither code nor settings may hold one."""
    with pytest.raises(ValueError, match="0 to 100"):
        Tax(order_pct=Decimal(101))
    assert TaxPart("CGST", 1).name == "CGST"


@pytest.mark.parametrize("state", ["27", "07", "37", "38", "97"])
def test_a_gstin_that_is_sound(state: str) -> None:
    """Form, tax account and check digit are right; how it was typed does not matter."""
    sound = number(state)
    assert check_gstin(f" {sound[:2]} {sound[2:12].lower()}-{sound[12:]} ") == sound
    assert state_of(sound) == state


def test_the_state_of_an_old_number() -> None:
    """Numbers of states that were joined or divided belong to what they became."""
    assert (state_of(number("25")), state_of(number("28"))) == ("26", "37")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no gst",
        number("27")[:-1],
        number("27")[:-1] + ("A" if number("27")[-1] != "A" else "B"),
        number("38")[:-1] + ("A" if number("38")[-1] != "A" else "B"),
        number("55"),
        number("27").replace("Z", "Y"),
        "38ABC",
        "411060",
    ],
)
def test_a_gstin_that_is_not(text: str) -> None:
    """Anything else is refused with what to do."""
    with pytest.raises(BadValueError, match="not a GSTIN") as caught:
        check_gstin(text)
    assert "15 characters" in caught.value.remedy
