"""CORE: what it costs to bring an order to the customer."""

from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Final

import msgspec

from hub.commerce.places import place_key
from hub.commerce.rounding import Rounding, minor

Amount = Annotated[int, msgspec.Meta(ge=0)]

PLACE_WORDS_MAX: Final = 4
"""Of a place's name in a sentence."""

EVERYWHERE: Final = "*"
"""At the end of a code: all that begin so; alone: every place."""


class Zone(msgspec.Struct, frozen=True, kw_only=True):
    """Places that cost the same: postcodes, or names in any script. `411*` are all of 411."""

    name: str
    codes: tuple[str, ...]
    fee: Amount
    free_from: Amount | None = None


class NoShipping(msgspec.Struct, frozen=True, tag="none"):
    """Collected, or in the price."""


class ByZone(msgspec.Struct, frozen=True, tag="by_zone"):
    """A fee by place, free from what the customer pays for the goods, any added tax included."""

    zones: tuple[Zone, ...]


class PerUnit(msgspec.Struct, frozen=True, kw_only=True, tag="per_unit"):
    """A fee for each unit: `rate_below` so many units, `rate_from` the threshold on for all.

    Free from an amount of goods, discounts taken off, before any added tax.
    """

    rate_below: Amount
    rate_from: Amount
    threshold: Decimal
    free_from: Amount | None = None


Shipping = NoShipping | ByZone | PerUnit


class Basket(msgspec.Struct, frozen=True):
    """What shipping depends on: units, the goods' price after discounts, and that with its tax."""

    quantity: Decimal
    goods: int
    paid: int


class Shipped(msgspec.Struct, frozen=True):
    """The fee. It is not `known` without a destination, nor where nobody delivers."""

    fee: int
    zone: str | None = None
    known: bool = True
    undeliverable: bool = False


def ship(
    shipping: Shipping, destination: str | None, basket: Basket, rounding: Rounding
) -> Shipped:
    """What bringing the basket to `destination` costs; nothing for an empty one."""
    if isinstance(shipping, ByZone):
        return _by_zone(shipping.zones, destination, basket)
    if isinstance(shipping, PerUnit):
        return Shipped(_per_unit(shipping, basket, rounding))
    return Shipped(0)


def _per_unit(shipping: PerUnit, basket: Basket, rounding: Rounding) -> int:
    many = basket.quantity >= shipping.threshold
    rate = shipping.rate_from if many else shipping.rate_below
    return _unless_free(minor(rate * basket.quantity, rounding), shipping.free_from, basket.goods)


def _by_zone(zones: tuple[Zone, ...], destination: str | None, basket: Basket) -> Shipped:
    if destination is None:
        return Shipped(0, known=False)
    zone = zone_of(zones, destination)
    if zone is None:
        return Shipped(0, known=False, undeliverable=True)
    fee = zone.fee if basket.quantity else 0
    return Shipped(_unless_free(fee, zone.free_from, basket.paid), zone=zone.name)


def _unless_free(fee: int, free_from: int | None, amount: int) -> int:
    return 0 if free_from is not None and amount >= free_from else fee


def zone_of(zones: tuple[Zone, ...], destination: str) -> Zone | None:
    """The zone of a postcode or place: by its whole name, else by the longest beginning."""
    index, place = _index(zones), place_key(destination)
    if not place:
        return None
    return index.exact.get(place) or index.beginning(place)


def place_in(shipping: Shipping, text: str) -> str | None:
    """The first postcode or place of the shop's zones that a sentence names, as it stands there.

    A longer name goes before a shorter one within it. Beginnings (`411*`) are looked for among
    numbers alone: `cash` is no place.
    """
    if not isinstance(shipping, ByZone):
        return None
    index = _index(shipping.zones)
    words = text.split()
    for count in range(PLACE_WORDS_MAX, 0, -1):
        for start in range(len(words) - count + 1):
            said = " ".join(words[start : start + count])
            if index.names(place_key(said)):
                return said.strip(".,;:!?()،۔।")
    return None


class _Index(msgspec.Struct, frozen=True):
    """The places of zones by what they are compared by; the longest beginning first."""

    exact: dict[str, Zone]
    begins: tuple[tuple[str, Zone], ...]

    def beginning(self, place: str) -> Zone | None:
        return next((zone for start, zone in self.begins if place.startswith(start)), None)

    def names(self, place: str) -> bool:
        begun = place.isdecimal() and any(key and place.startswith(key) for key, _ in self.begins)
        return place in self.exact or begun


@lru_cache(maxsize=256)
def _index(zones: tuple[Zone, ...]) -> _Index:
    exact: dict[str, Zone] = {}
    begins: list[tuple[str, Zone]] = []
    for zone in zones:
        for code in zone.codes:
            if code.rstrip().endswith(EVERYWHERE):
                begins.append((place_key(code), zone))
            else:
                exact.setdefault(place_key(code), zone)
    begins.sort(key=lambda begun: -len(begun[0]))
    return _Index(exact, tuple(begins))
