from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.commerce.bills import Bill
from hub.commerce.discounts import Discounted
from hub.commerce.money import format_money, format_quantity
from hub.commerce.papers.invoice import render
from hub.commerce.papers.jobs import Party
from hub.commerce.papers.lettering import MISSING, Lettering
from hub.commerce.products import Slab
from tests.hub.commerce.papers import samples
from tests.hub.commerce.papers.pdfs import pages


def text_of(bill: Bill, lettering: Lettering, **changes: object) -> str:
    return "\n".join(pages(render(samples.invoice(bill, **changes), lettering)))


def money(bill: Bill, amount: int) -> str:
    return format_money(amount, bill.currency, bill.exponent, "en_IN").replace("\xa0", " ")


def sums(text: str, bill: Bill) -> dict[str, int]:
    """The sums under the table as they are printed, in minor units."""
    lines = text[text.index("\nGoods\n") :].splitlines()[1:]
    found = {}
    for name, amount in zip(lines[::2], lines[1::2], strict=False):
        digits = amount.strip().lstrip("+−₹AED ").replace(",", "")
        if not digits.replace(".", "").isdecimal():
            break
        value = int(Decimal(digits).scaleb(bill.exponent))
        found[name.strip()] = -value if amount.strip().startswith("−") else value
    return found


@pytest.mark.parametrize(
    "bill",
    [
        samples.bill(),
        samples.bill(off_pct=2),
        samples.bill((100,), off_pct=7),
        samples.bill(policy=samples.GST_BY_LINE, off_pct=5),
        samples.bill(policy=samples.GST_BY_LINE, state="29"),
        samples.bill((3, 12), samples.VAT, currency="AED", tax_pct=Decimal(5)),
    ],
    ids=["order", "discount", "large", "by line", "between states", "included"],
)
def test_every_amount_of_the_bill_is_on_the_paper(bill: Bill, lettering: Lettering) -> None:
    """Nothing is left out, rounded or computed anew."""
    text = text_of(bill, lettering)
    for line in bill.lines:
        for amount in (line.price, line.gross, line.discount, line.net, line.tax):
            assert amount == 0 or money(bill, amount) in text
        assert f"{format_quantity(line.quantity, 'en_IN')} {line.unit}" in text
    for amount in (bill.goods, bill.shipping, bill.total, *(d.amount for d in bill.discounts)):
        assert amount == 0 or money(bill, amount) in text
    for part in bill.tax_parts:
        assert part.name in text
        assert money(bill, part.amount) in text


@pytest.mark.parametrize(
    "bill", [samples.bill(off_pct=2), samples.bill(policy=samples.GST_BY_LINE, off_pct=5)]
)
def test_the_printed_sums_add_up(bill: Bill, lettering: Lettering) -> None:
    """A customer who adds the lines up comes to the total, to the last paisa."""
    printed = sums(text_of(bill, lettering), bill)
    assert printed.pop("Total") == sum(printed.values()) == bill.total


def test_tax_that_the_prices_contain_is_said_to_be(lettering: Lettering) -> None:
    """It is told, and not added."""
    bill = samples.bill((3,), samples.VAT, currency="AED", tax_pct=Decimal(5))
    printed = sums(text_of(bill, lettering), bill)
    assert printed["VAT, included in the prices"] == bill.tax
    assert printed["Total"] == printed["Goods"]


def test_a_discount_on_the_order_is_on_the_paper_once(lettering: Lettering) -> None:
    """What was taken off twice in earlier systems is printed once."""
    bill = samples.bill((100,), off_pct=7)
    assert text_of(bill, lettering).count(f"−{money(bill, bill.discount)}") == 1


def test_a_line_tells_its_better_price(lettering: Lettering) -> None:
    """Why the customer pays less, as a percentage or as a price."""
    assert "7 % off from 10" in text_of(samples.bill((12,)), lettering)
    slab = Slab(Decimal(10), unit_price=240_870)
    text = text_of(samples.bill((12,), slabs=(slab,)), lettering)
    assert "₹2,408.70 from 10" in text


def test_names_numbers_and_time_are_there(lettering: Lettering) -> None:
    """Who sells to whom, when by the shop's own clock, and the codes that GST wants."""
    customer = Party(name="A customer", address="1 Sample Street", tax_number="29AAPFU0939F1ZR")
    text = text_of(samples.bill(), lettering, customer=customer, payment="Payment: UPI")
    for said in (
        "Tax invoice",
        "Order A-1001",
        "18 Nov 2026, 16:36 IST",
        "Sample Bolts",
        "12 Sample Road",
        "GSTIN 27AAPFU0939F1ZV",
        "A customer",
        "GSTIN 29AAPFU0939F1ZR",
        "BX-0 · HSN 73181500",
        "Payment: UPI",
        "Page 1 of 1",
    ):
        assert said in text


def test_a_shop_without_a_tax_number_gives_no_tax_invoice(lettering: Lettering) -> None:
    """Only who is registered may call it so."""
    text = text_of(samples.bill(), lettering, shop=Party(name="Sample Bolts"))
    assert "Tax invoice" not in text
    assert "Invoice" in text


def test_a_zone_that_is_none_is_utc_and_says_so(lettering: Lettering) -> None:
    """An invoice is not lost over a clock."""
    assert "18 Nov 2026, 11:06 UTC" in text_of(samples.bill(), lettering, timezone="Nowhere/None")


def test_a_long_order_repeats_its_heading(lettering: Lettering) -> None:
    """Each page says whose it is, and what its columns are."""
    bill = samples.bill(tuple(range(1, 61)))
    found = pages(render(samples.invoice(bill), lettering))
    assert len(found) > 2
    for number, page in enumerate(found, 1):
        assert f"Page {number} of {len(found)}" in page
        assert "Tax invoice A-1001" in page
        assert page.count("Quantity") == 1
    assert all("continued" in page for page in found[1:])
    assert "".join(found).count("HSN 73181500") == 60
    assert money(bill, bill.total) in found[-1]


@pytest.mark.parametrize("lines", range(11, 18))
def test_the_sums_stand_on_one_page(lettering: Lettering, lines: int) -> None:
    """Wherever the page ends: nobody adds up from two sheets."""
    bill = samples.bill((1,) * lines, samples.GST_BY_LINE, off_pct=3)
    found = pages(render(samples.invoice(bill), lettering))
    assert "\nGoods\n" in found[-1]
    assert "\nTotal\n" in found[-1]


def test_more_sums_than_a_page_has_room_for_go_on(lettering: Lettering) -> None:
    """Then they break as everything else does; none is left out."""
    many = tuple(Discounted(str(at), f"Festival {at}", 100 + at) for at in range(80))
    bill = msgspec.structs.replace(samples.bill(), discounts=many)
    found = pages(render(samples.invoice(bill), lettering))
    assert len(found) > 1
    assert all(f"Festival {at}\n" in "".join(found) for at in range(80))


def test_the_same_order_gives_the_same_file(lettering: Lettering) -> None:
    """A paper that is made again after a crash is not another one."""
    invoice = samples.invoice(samples.bill())
    assert render(invoice, lettering) == render(invoice, lettering)


def test_what_cannot_be_printed_is_explained(lettering: Lettering) -> None:
    """A name in a script without a font leaves a sign and a note, never a silent hole."""
    text = text_of(samples.bill((1,), name="திருகு"), lettering)
    assert text.count(MISSING) > 1
    assert f"{MISSING} stands for a character" in text
    assert MISSING not in text_of(samples.bill(), lettering)


def test_what_an_arab_shop_writes_is_readable(lettering: Lettering) -> None:
    """Amounts stay in one piece in a locale that writes its currency from the right."""
    bill = samples.bill((3,), samples.VAT, currency="AED", name=samples.ARABIC_HINDI[0])
    text = text_of(bill, lettering, locale="ar_AE")
    assert f"{Decimal(bill.total) / 100:,.2f}" in text


@settings(max_examples=40)
@given(samples.BILLS, samples.LOCALES, samples.TEXTS)
def test_any_bill_can_be_printed(lettering: Lettering, bill: Bill, locale: str, words: str) -> None:
    """Whatever the amounts and names: a PDF comes out, its total on it."""
    party = Party(name=words, address=words, tax_number=words, phone=words)
    invoice = samples.invoice(
        bill, locale=locale, shop=party, customer=party, bank=words, delivery=words
    )
    assert "\nTotal\n" in "\n".join(pages(render(invoice, lettering)))


@settings(max_examples=20)
@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=30))
def test_whatever_is_ordered_the_sums_add_up(lettering: Lettering, quantities: list[int]) -> None:
    """The bills of the pricing function come out of the PDF as they went in."""
    bill = samples.bill(tuple(quantities), samples.GST_BY_LINE, off_pct=3)
    printed = sums(text_of(bill, lettering), bill)
    assert printed.pop("Total") == sum(printed.values()) == bill.total
