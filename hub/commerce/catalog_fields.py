"""The columns of a catalog file: what each accepts, from a cell of text or a JSON value."""

import unicodedata
from collections.abc import Callable, Mapping, Sized
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from hub.commerce.errors import BadValueError
from hub.commerce.money import parse_money, parse_number
from hub.commerce.products import DECIMALS_MAX, Slab, milli
from hub.commerce.rounding import plain

COUNT_MAX: Final = 1_000_000_000
LEAST: Final = Decimal(1).scaleb(-DECIMALS_MAX)
TEXT_MAX_CHARS: Final = 100
LONG_TEXT_MAX_CHARS: Final = 2_000
ENTRIES_MAX: Final = 50
"""Aliases, packs or slabs of one product: far more than any shop wrote, few enough to search."""


class Money(msgspec.Struct, frozen=True):
    """The currency in which the file's amounts are."""

    currency: str
    exponent: int


Parse = Callable[[object, Money], Any]

SLAB_REMEDY: Final = "write 10:5%; 50:12%, or 10:=2300.00 for a price"
SLAB_KEYS: Final = ({"min_qty", "pct"}, {"min_qty", "unit_price"})
WEB: Final = ("https", "http")
UNPRINTABLE: Final = ("Cc", "Cs")  # control characters, halves of surrogate pairs
YES_NO: Final = {
    **dict.fromkeys(("yes", "y", "true", "1"), True),
    **dict.fromkeys(("no", "n", "false", "0"), False),
}


def _text(max_chars: int) -> Parse:
    def parse(value: object, _: Money) -> str:
        return _clean(value, max_chars)

    return parse


def _clean(value: object, max_chars: int = TEXT_MAX_CHARS) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise BadValueError(f"{_shown(value)} is not text", "write words")
    text = " ".join(unicodedata.normalize("NFC", str(value)).split())
    if len(text) > max_chars:
        raise BadValueError(f"the text has {len(text)} characters", f"use at most {max_chars}")
    if any(unicodedata.category(char) in UNPRINTABLE for char in text):
        raise BadValueError("the text holds a character that is none", "type it anew")
    return text


def _number(value: object) -> Decimal:
    sound = isinstance(value, str | int | Decimal) and not isinstance(value, bool)
    number = parse_number(_plain(value)) if sound else None
    if number is None:
        raise BadValueError(f"{_shown(value)} is not a number", "write digits, like 12")
    return number


def _whole(value: object, _: Money) -> int:
    return _count(value)


def _quantity(*, zero: bool) -> Parse:
    def parse(value: object, _: Money) -> Decimal:
        return parse_quantity(value, zero=zero)

    return parse


def parse_quantity(value: object, *, zero: bool = False) -> Decimal:
    """A quantity of units, in parts of a thousand at the finest."""
    number = _number(value)
    if number > COUNT_MAX or (number == 0 and not zero):
        least = 0 if zero else LEAST
        remedy = f"write one from {least} to {COUNT_MAX:,}"
        raise BadValueError(f"{_shown(value)} is not a quantity in range", remedy)
    try:
        milli(number)
    except ValueError:
        remedy = f"write at most {DECIMALS_MAX}, like 0.5"
        raise BadValueError(f"{_shown(value)} has too many decimals", remedy) from None
    return plain(number)


def _count(value: object) -> int:
    number = _number(value)
    if number != number.to_integral_value() or not 1 <= number <= COUNT_MAX:
        remedy = f"write one from 1 to {COUNT_MAX:,}"
        raise BadValueError(f"{_shown(value)} is not a whole number in range", remedy)
    return int(number)


def parse_amount(value: object, money: Money) -> int:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise BadValueError(f"{_shown(value)} is not an amount", "write it like 24.50")
    text = _plain(value)
    if len(text) > TEXT_MAX_CHARS:  # the fault would quote it whole
        raise BadValueError(f"{_shown(value)} is not an amount", "write it like 24.50")
    return parse_money(text, money.currency, money.exponent)


def parse_percent(value: object, _: Money) -> Decimal:
    number = _number(value.strip().removesuffix("%") if isinstance(value, str) else value)
    if number > 100:
        raise BadValueError(f"{_shown(value)} is above 100 %", "write a percentage, like 18")
    return plain(number)


def parse_flag(value: object, _: Money) -> bool:
    known = YES_NO.get(str(value).strip().casefold())
    if known is None:
        raise BadValueError(f"{_shown(value)} is neither yes nor no", "write yes or no")
    return known


def _aliases(value: object, _: Money) -> tuple[str, ...]:
    entries = value.split("|") if isinstance(value, str) else value
    if not isinstance(entries, list):
        raise BadValueError(f"{_shown(value)} is not a list of names", "write one|two|three")
    _check_few(entries)
    names = dict.fromkeys(name for entry in entries if (name := _clean(entry)))
    if any("|" in name for name in names):  # a CSV could not hold it
        raise BadValueError("a name holds the sign |", "leave it out")
    return tuple(names)


def _packs(value: object, _: Money) -> dict[str, int]:
    entries = _pack_cells(value) if isinstance(value, str) else value
    if not isinstance(entries, Mapping):
        raise BadValueError(f"{_shown(value)} is not a list of packs", "write box=12; carton=144")
    _check_few(entries)
    packs = {_clean(name).casefold(): _count(held) for name, held in entries.items()}
    if "" in packs or len(packs) != len(entries):
        raise BadValueError("a pack has no name or is named twice", "write box=12; carton=144")
    if any(not name.isdisjoint("=;") for name in map(set, packs)):
        raise BadValueError("a pack's name holds = or ;", "leave that out")
    return packs


def _pack_cells(text: str) -> dict[str, str]:
    pairs = [cell.partition("=") for cell in text.split(";") if cell.strip()]
    if not all(sign for _, sign, _ in pairs):
        raise BadValueError(f"{_shown(text)} has a pack without =", "write box=12; carton=144")
    if len({name.strip() for name, _, _ in pairs}) != len(pairs):
        raise BadValueError(f"{text!r} names a pack twice", "write box=12; carton=144")
    return {name.strip(): held for name, _, held in pairs}


def _slabs(value: object, money: Money) -> tuple[Slab, ...]:
    entries = _slab_cells(value) if isinstance(value, str) else value
    if not isinstance(entries, list):
        raise BadValueError(f"{_shown(value)} is not a list of slabs", SLAB_REMEDY)
    _check_few(entries)
    slabs = [_slab(entry, money) for entry in entries]
    if len({slab.min_qty for slab in slabs}) != len(slabs):
        raise BadValueError("two slabs begin at the same quantity", "keep one of them")
    return tuple(sorted(slabs, key=lambda slab: slab.min_qty))


def _slab_cells(text: str) -> list[dict[str, str]]:
    cells = [cell.partition(":") for cell in text.split(";") if cell.strip()]
    return [_slab_cell(quantity.strip(), better.strip()) for quantity, _, better in cells]


def _slab_cell(quantity: str, better: str) -> dict[str, str]:
    if better.startswith("="):
        return {"min_qty": quantity, "unit_price": better[1:]}
    if not better.endswith("%"):
        raise BadValueError(f"the slab from {quantity!r} has neither % nor =", SLAB_REMEDY)
    return {"min_qty": quantity, "pct": better}


def _slab(entry: object, money: Money) -> Slab:
    if not isinstance(entry, Mapping) or set(entry) not in SLAB_KEYS:
        remedy = "give min_qty and one of pct, unit_price"
        raise BadValueError(f"{_shown(entry)} is not a slab", remedy)
    quantity = parse_quantity(entry["min_qty"])
    if "unit_price" in entry:
        return Slab(min_qty=quantity, unit_price=_slab_price(entry["unit_price"], money))
    pct = parse_percent(entry["pct"], money)
    if not 0 < pct < 100:
        raise BadValueError(f"a slab of {pct:f} %", "write a percentage above 0 and below 100")
    return Slab(min_qty=quantity, pct=pct)


def _slab_price(value: object, money: Money) -> int:
    price = parse_amount(value, money)
    if price == 0:
        raise BadValueError("a slab's price is 0", "write the price of one unit")
    return price


def _link(value: object, _: Money) -> str:
    """An address that a customer's phone can open: no other scheme, no name and password."""
    text = _clean(value, LONG_TEXT_MAX_CHARS)
    try:
        parts = urlsplit(text)
        sound = parts.scheme in WEB and bool(parts.hostname) and parts.username is None
    except ValueError:
        sound = False
    if not sound or " " in text:
        raise BadValueError(f"{_shown(text)} is not a web address", "write it from https:// on")
    return text


def _check_few(entries: Sized) -> None:
    if len(entries) > ENTRIES_MAX:
        raise BadValueError(f"the list has {len(entries)} entries", f"keep at most {ENTRIES_MAX}")


def _plain(value: object) -> str:
    """The digits of a number without an exponent; a JSON file may write 1e3."""
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _shown(value: object) -> str:
    text = repr(str(value) if isinstance(value, Decimal) else value)
    return text if len(text) <= 40 else text[:39] + "…"


COLUMNS: Final[Mapping[str, Parse]] = {
    "sku": _text(64),
    "name": _text(200),
    "price": parse_amount,
    "description": _text(LONG_TEXT_MAX_CHARS),
    "category": _text(TEXT_MAX_CHARS),
    "aliases": _aliases,
    "unit": _text(30),
    "tax_pct": parse_percent,
    "hsn": _text(16),
    "stock": _quantity(zero=True),
    "min_qty": _quantity(zero=False),
    "step": _quantity(zero=False),
    "packs": _packs,
    "pieces_per_unit": _whole,
    "slabs": _slabs,
    "image_url": _link,
    "active": parse_flag,
}
"""Every column that a file may have, under the name of the product's field."""

REQUIRED: Final = ("sku", "name", "price")
