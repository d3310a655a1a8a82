"""A shop's price policy in its settings: written strictly, read with tolerance."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.commerce import price_settings, shop_profile
from hub.commerce.catalog_fields import Money
from hub.commerce.errors import BadValueError
from hub.commerce.pricing import Policy
from hub.commerce.shipping import ByZone, PerUnit, Zone
from hub.commerce.tax import Tax

RUPEES = Money("INR", 2)
A = {
    "line_rounding": "whole_up",
    "total_rounding": "whole up",
    "tax_basis": "order",
    "tax_rate": "18%",
    "tax_on_shipping": "yes",
    "shipping": "20 each; 15 each from 15",
}


def changed(settings: str, values: dict[str, str], money: Money = RUPEES) -> str:
    for key, text in values.items():
        settings = price_settings.change(settings, key, text, money)
    return settings


def load(settings: str, currency: str = "INR", exponent: int = 2) -> Policy:
    return price_settings.load(settings, currency, exponent)


def test_what_a_shop_has_that_set_nothing() -> None:
    """GST in two halves for rupees, a plain tax of 0 % else; the exponent is the shop's."""
    assert load("{}") == Policy(tax=Tax(name="GST", parts=2))
    assert load("{}", "KWD", 3) == Policy(exponent=3)
    assert load("not json") == load("[]") == load('{"pricing": 5}') == load("{}")


def test_a_whole_policy_is_read_back() -> None:
    """What code has stored is what it gets, apart from the exponent."""
    zone = Zone(name="local", codes=("Dubai",), fee=1500, free_from=20_000)
    own = Policy(
        rounding="half_even",
        line_rounding="whole_up",
        tax=Tax(name="VAT", included=True, order_pct=Decimal("12.5")),
        shipping=ByZone((zone,)),
    )
    stored = json.dumps({"pricing": msgspec.to_builtins(own), "debounce_s": 3})
    assert load(stored, "AED") == own


def test_the_settings_of_policy_a() -> None:
    """Set one by one as a person types them; what was not set stays as usual."""
    settings = changed('{"debounce_s": 3}', A)
    assert load(settings) == Policy(
        line_rounding="whole_up",
        total_rounding="whole_up",
        tax=Tax(name="GST", basis="order", order_pct=Decimal(18), on_shipping=True, parts=2),
        shipping=PerUnit(rate_below=2000, rate_from=1500, threshold=Decimal(15)),
    )
    assert json.loads(settings)["debounce_s"] == 3


def test_an_empty_text_takes_a_setting_back() -> None:
    """All settings taken back, the shop is as it was."""
    settings = changed(changed("{}", A), dict.fromkeys(A, " "))
    assert load(settings) == load("{}")


def test_what_is_shown_can_be_typed() -> None:
    """Every setting's shown value sets the same policy again, in any shop."""
    policy = load(changed("{}", A | {"tax_name": "VAT", "tax_parts": "1", "rounding": "half_even"}))
    shown = price_settings.shown(policy)
    assert tuple(shown) == price_settings.KEYS
    assert load(changed("{}", shown)) == policy
    assert (shown["tax_included"], shown["tax_parts"]) == ("no", "1")


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("line_rounding", "sometimes"),
        ("total_rounding", "half_up"),
        ("rounding", "whole_up"),
        ("tax_name", "x" * 21),
        ("tax_name", "G\x07T"),
        ("tax_included", "perhaps"),
        ("tax_basis", "both"),
        ("tax_rate", "101"),
        ("tax_rate", "-1"),
        ("tax_on_shipping", "2"),
        ("tax_parts", "3"),
        ("shipping", "cheap"),
        ("discount", "5"),
        ("exponent", "3"),
    ],
)
def test_what_does_not_fit_is_refused(key: str, text: str) -> None:
    """With the fault and what to write instead."""
    with pytest.raises(BadValueError) as caught:
        price_settings.change("{}", key, text, RUPEES)
    assert caught.value.remedy


def test_a_tax_rate_is_shown_in_plain_digits() -> None:
    """20 was once told as 2E+1."""
    assert price_settings.shown(load(changed("{}", {"tax_rate": "20.0"})))["tax_rate"] == "20"


def test_only_india_splits_its_tax() -> None:
    """Another country's bill would name a CVAT and an SVAT."""
    with pytest.raises(BadValueError):
        price_settings.change("{}", "tax_parts", "2", Money("AED", 2))
    assert price_settings.change("{}", "tax_parts", "1", Money("AED", 2))


@pytest.mark.parametrize(
    "pricing",
    [
        {"line_rounding": "sideways", "unknown": 1},
        {"tax": 5},
        {"tax": {"order_pct": "101", "parts": 3, "basis": None}},
        {"shipping": {"type": "by_drone"}},
        {"shipping": {"type": "by_zone", "zones": [{"name": "x", "codes": [], "fee": -1}]}},
        {"exponent": "many"},
    ],
)
def test_what_is_unsound_counts_as_not_set(pricing: dict[str, Any]) -> None:
    """A later version's or a spoilt value leaves the rest in force."""
    settings = json.dumps({"pricing": pricing | {"total_rounding": "whole_up"}})
    assert load(settings) == Policy(total_rounding="whole_up", tax=Tax(name="GST", parts=2))


def test_a_spoilt_section_can_be_written_over() -> None:
    """A change replaces what is unsound around its own place."""
    settings = price_settings.change('{"pricing": {"tax": 5}}', "tax_name", "GST", RUPEES)
    assert json.loads(settings) == {"pricing": {"tax": {"name": "GST"}}}


@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner)))
def test_nothing_stored_stops_a_shop(value: Any) -> None:
    """Whatever stands in the settings, there is a policy to answer with."""
    fields = ("rounding", "tax", "shipping", "exponent")
    pricing = dict.fromkeys(fields, value) | {"tax": {"order_pct": value, "parts": value}}
    assert load(json.dumps({"pricing": pricing, "shop": value})).exponent == 2


def test_the_state_comes_from_the_shops_profile() -> None:
    """One place says where a shop in India is, and only there GST asks for it."""
    settings = shop_profile.change("{}", "state", "Maharashtra", "INR")
    assert load(settings).tax.state == "27"
    assert load(settings, "AED").tax.state is None
    own = json.dumps(json.loads(settings) | {"pricing": {"tax": {"state": "29"}}})
    assert load(own).tax.state == "29"
