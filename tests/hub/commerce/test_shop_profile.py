"""What a shop says of itself: for its papers, its answers and its tax."""

import json

import pytest
from stdnum import luhn

from hub.commerce import shop_profile
from hub.commerce.errors import BadValueError
from hub.commerce.shop_profile import KEYS, ShopProfile, change, load

pytestmark = pytest.mark.core


def number(state: str) -> str:
    """A GSTIN that is sound and nobody's."""
    body = f"{state}ABCPS1234D1Z"
    return body + str(luhn.calc_check_digit(body, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"))


TYPED = {
    "address": "12 Market Road,  Old Town",
    "city": "Pune",
    "state": "maharashtra",
    "tax_number": number("27").lower(),
    "hours": "Mon-Sat 09:30-20:00, Sunday closed",
    "phone": "+91 98000 00001",
    "upi_vpa": "shop.one@examplebank",
    "payment": "COD, upi",
    "languages": "en, hi, hi-Latn",
    "order_prefix": "so",
    "bank_text": "Account 000111, Example Bank",
}


def test_every_setting_as_it_is_typed() -> None:
    """Each key has one form, and all of them survive the way into the settings."""
    settings = '{"debounce_s": 3}'
    for key, text in TYPED.items():
        settings = change(settings, key, text, "INR")
    assert tuple(TYPED) == KEYS
    assert load(settings) == ShopProfile(
        address="12 Market Road, Old Town",
        city="Pune",
        state="27",
        tax_number=number("27"),
        hours="Mon-Sat 09:30-20:00, Sunday closed",
        phone="+919800000001",
        upi_vpa="shop.one@examplebank",
        payment=("cod", "upi"),
        languages=("en", "hi", "hi-Latn"),
        order_prefix="SO",
        bank_text="Account 000111, Example Bank",
    )
    for key in TYPED:
        settings = change(settings, key, "", "INR")
    assert load(settings) == ShopProfile()
    assert json.loads(settings)["debounce_s"] == 3


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("address", "x" * 501),
        ("city", "x" * 121),
        ("state", "Atlantis"),
        ("tax_number", "27ABCPS1234D1ZX1"),
        ("phone", "98000 00001"),
        ("upi_vpa", "shop"),
        ("upi_vpa", "shop@example.com"),
        ("payment", "cod, pebbles"),
        ("languages", "english"),
        ("order_prefix", "A-1"),
        ("order_prefix", "ABCDEF"),
        ("colour", "red"),
    ],
)
def test_what_does_not_fit_is_refused(key: str, text: str) -> None:
    """With the fault and what to write instead."""
    with pytest.raises(BadValueError) as caught:
        change("{}", key, text, "INR")
    assert caught.value.remedy


def test_tax_numbers_of_other_countries() -> None:
    """Outside India the number's form alone is looked at."""
    assert load(change("{}", "tax_number", "100 123456 700003", "AED")).tax_number == (
        "100123456700003"
    )
    with pytest.raises(BadValueError, match="letters and digits"):
        change("{}", "tax_number", "no!", "AED")


def test_number_and_state_must_agree() -> None:
    """A GSTIN of another state than the shop's is a slip that every invoice would carry."""
    settings = change("{}", "state", "29", "INR")
    with pytest.raises(BadValueError, match="Maharashtra and the state is Karnataka"):
        change(settings, "tax_number", number("27"), "INR")


def test_the_state_by_which_gst_is_split() -> None:
    """As set, else the one of the GSTIN, else none."""
    assert ShopProfile().gst_state is None
    assert ShopProfile(state="29").gst_state == "29"
    assert ShopProfile(tax_number=number("27")).gst_state == "27"
    assert ShopProfile(tax_number="99XYZ").gst_state is None


def test_what_is_unsound_counts_as_not_set() -> None:
    """A spoilt field leaves the others in force."""
    stored = {"city": "Pune", "phone": "none", "payment": "cod", "languages": ["??"], "x": 1}
    assert load(json.dumps({shop_profile.SECTION: stored})) == ShopProfile(city="Pune")
