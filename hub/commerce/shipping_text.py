"""Shipping as a person types it, and as it is shown again.

none
20 each; 15 each from 15; free from 10000
local 60 free from 2000 = 411001, 411004; rest of India 150 = *
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from hub.commerce.catalog_fields import Money, parse_amount, parse_quantity
from hub.commerce.errors import BadValueError
from hub.commerce.places import place_key
from hub.commerce.shipping import EVERYWHERE, ByZone, NoShipping, PerUnit, Shipping, Zone

ZONES_MAX: Final = 50
CODES_MAX: Final = 2_000
NAME_MAX_CHARS: Final = 60

REMEDY: Final = (
    "write none, or 20 each; 15 each from 15; free from 10000, "
    "or local 60 free from 2000 = 411001, 411004; other 25 = *"
)

_FREE: Final = r"free from (\S+)"
_ZONE: Final = re.compile(rf"(?P<name>.*\S) (?P<fee>\S+) {_FREE}|(?P<plain>.*\S) (?P<cost>\S+)")
_EACH: Final = re.compile(rf"(\S+) each(?:; ?(\S+) each from (\S+))?(?:; ?{_FREE})?")


def parse_shipping(text: str, money: Money) -> Shipping:
    """The rule for shipping that a person wrote, amounts in major units; BadValueError."""
    text = " ".join(text.split())
    if text.casefold() == "none":
        return NoShipping()
    if "=" in text:
        return _zones(text, money)
    return _per_unit(text, money)


def write_shipping(shipping: Shipping, exponent: int) -> str:
    """The same rule as text that `parse_shipping` reads back."""
    if isinstance(shipping, ByZone):
        return "; ".join(_zone_text(zone, exponent) for zone in shipping.zones)
    if isinstance(shipping, PerUnit):
        first = f"{_major(shipping.rate_below, exponent)} each"
        then = f"{_major(shipping.rate_from, exponent)} each from {shipping.threshold:f}"
        return f"{first}; {then}" + _free_text("; ", shipping.free_from, exponent)
    return "none"


def _per_unit(text: str, money: Money) -> PerUnit:
    hit = _EACH.fullmatch(text)
    if hit is None:
        raise BadValueError(f"{_short(text)} is no rule for shipping", REMEDY)
    below, rate_from, threshold, free = hit.groups()
    return PerUnit(
        rate_below=parse_amount(below, money),
        rate_from=parse_amount(rate_from or below, money),
        threshold=parse_quantity(threshold or "1"),
        free_from=None if free is None else parse_amount(free, money),
    )


def _zones(text: str, money: Money) -> ByZone:
    zones = tuple(_zone(part.strip(), money) for part in text.split(";") if part.strip())
    if len(zones) > ZONES_MAX:
        raise BadValueError(f"these are {len(zones)} zones", f"keep at most {ZONES_MAX}")
    if len({zone.name.casefold() for zone in zones}) != len(zones):
        raise BadValueError("two zones have one name", "join them or rename one")
    if twice := next(_repeated(zones), None):
        raise BadValueError(f"{_short(twice)} is in the zones twice", "keep it in one of them")
    return ByZone(zones)


def _zone(text: str, money: Money) -> Zone:
    head, _, tail = text.partition("=")
    hit = _ZONE.fullmatch(head.strip())
    codes = tuple(code.strip() for code in tail.split(",") if code.strip())
    name = (hit["name"] or hit["plain"]) if hit else ""
    if hit is None or not codes or len(name) > NAME_MAX_CHARS:
        raise BadValueError(f"{_short(text)} is no zone", REMEDY)
    if len(codes) > CODES_MAX:
        remedy = f"keep at most {CODES_MAX}, or write the beginnings, like 411*"
        raise BadValueError(f"{_short(name)} has {len(codes)} places", remedy)
    if bad := next((code for code in codes if not _is_code(code)), None):
        raise BadValueError(f"{_short(bad)} is no place", "write a postcode, a place, or 411*")
    return Zone(
        name=name,
        codes=codes,
        fee=parse_amount(hit["fee"] or hit["cost"], money),
        free_from=None if hit[3] is None else parse_amount(hit[3], money),
    )


def _is_code(code: str) -> bool:
    return code == EVERYWHERE or bool(place_key(code))


def _repeated(zones: tuple[Zone, ...]) -> Iterator[str]:
    seen: set[tuple[str, bool]] = set()
    for code in (code for zone in zones for code in zone.codes):
        key = (place_key(code), code.endswith(EVERYWHERE))
        if key in seen:
            yield code
        seen.add(key)


def _zone_text(zone: Zone, exponent: int) -> str:
    free = _free_text(" ", zone.free_from, exponent)
    return f"{zone.name} {_major(zone.fee, exponent)}{free} = {', '.join(zone.codes)}"


def _free_text(before: str, free_from: int | None, exponent: int) -> str:
    return "" if free_from is None else f"{before}free from {_major(free_from, exponent)}"


def _major(amount: int, exponent: int) -> str:
    return f"{Decimal(amount).scaleb(-exponent):f}"


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:39] + "…")
