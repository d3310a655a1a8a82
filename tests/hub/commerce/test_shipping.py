"""What delivery costs, where to, and where nobody goes."""

from decimal import Decimal

import pytest

from hub.commerce.places import place_key, state_code
from hub.commerce.shipping import (
    Basket,
    ByZone,
    NoShipping,
    PerUnit,
    Shipped,
    Zone,
    place_in,
    ship,
    zone_of,
)

pytestmark = pytest.mark.core

LOCAL = Zone(name="local", codes=("411001", "411 004"), fee=6_000, free_from=200_000)
CITY = Zone(name="city", codes=("411*",), fee=9_000)
REST = Zone(name="rest", codes=("*",), fee=15_000, free_from=0)
GULF = Zone(name="gulf", codes=("Abu Dhabi", "أبوظبي", "دبي"), fee=2_500)
SMALL = Basket(Decimal(2), 50_000, 59_000)


@pytest.mark.parametrize(
    ("destination", "zone"),
    [
        ("411001", LOCAL),
        ("٤١١٠٠١", LOCAL),
        (" 411-004. ", LOCAL),
        ("411038", CITY),
        ("560001", REST),
        ("anywhere", REST),
        ("abu dhabi", GULF),
        ("ابوظبي", GULF),
        ("دُبي", GULF),
        ("", None),
        ("?", None),
    ],
)
def test_the_zone_of_a_place(destination: str, zone: Zone | None) -> None:
    """The most exact name wins, in any script, grouping and spelling of its signs."""
    assert zone_of((REST, CITY, GULF, LOCAL), destination) == zone


def test_zones() -> None:
    """A fee by place; none is known without a place, and nobody delivers outside of all zones."""
    zones = ByZone((LOCAL,))
    assert ship(zones, "411001", SMALL, "half_up") == Shipped(6_000, zone="local")
    assert ship(zones, None, SMALL, "half_up") == Shipped(0, known=False)
    nowhere = Shipped(0, known=False, undeliverable=True)
    assert ship(zones, "560001", SMALL, "half_up") == nowhere
    assert ship(zones, "411001", Basket(Decimal(2), 190_000, 200_000), "half_up").fee == 0
    assert ship(zones, "411001", Basket(Decimal(0), 0, 0), "half_up").fee == 0


@pytest.mark.parametrize(
    ("quantity", "goods", "fee"),
    [("14.5", 999_999, 29_000), ("15", 999_999, 22_500), ("14.5", 1_000_000, 0), ("0", 0, 0)],
)
def test_by_the_unit(quantity: str, goods: int, fee: int) -> None:
    """One rate below the threshold and one from it on for all units; free by the goods' price."""
    rule = PerUnit(rate_below=2_000, rate_from=1_500, threshold=Decimal(15), free_from=1_000_000)
    basket = Basket(Decimal(quantity), goods, goods * 2)
    assert ship(rule, None, basket, "half_up") == Shipped(fee)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("deliver to 411001, cash on delivery. place the order", "411001"),
        ("order kar do 411 004 pe, cash on delivery", "411 004"),
        ("pin 411 038 please", "411 038"),
        ("أكمل الطلب إلى دبي، الدفع عند الاستلام", "دبي"),
        ("bring it to (Abu Dhabi)", "Abu Dhabi"),
        ("12 cartons, cash on delivery", None),
        ("pin 560001", None),
        ("", None),
    ],
)
def test_the_place_in_a_sentence(text: str, place: str | None) -> None:
    """A place of the shop's zones is found among other words, and nothing else is taken for one."""
    assert place_in(ByZone((LOCAL, CITY, GULF, REST)), text) == place
    assert place_in(NoShipping(), text) is None


def test_no_shipping() -> None:
    """A shop without a rule charges nothing, wherever the goods go."""
    assert ship(NoShipping(), "x", SMALL, "half_up") == Shipped(0)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("27", "27"),
        ("7", "07"),
        ("maharashtra", "27"),
        ("Tamil-Nadu", "33"),
        ("J & K", "01"),
        ("28", "37"),
        ("25", "26"),
        ("55", None),
        ("Atlantis", None),
    ],
)
def test_states_of_india(text: str, code: str | None) -> None:
    """By number, name or short name; states that were joined count as what they became."""
    assert state_code(text) == code


def test_hindi_vowels_are_no_accents() -> None:
    """What tells two words apart stays, in every script."""
    assert place_key("पुणे") != place_key("पण")
    assert place_key("São Paulo") == place_key("sao paulo")
