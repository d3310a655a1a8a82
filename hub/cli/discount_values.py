"""What a person types for a discount rule, checked before it reaches the database."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from hub.cli import customer_refs as refs
from hub.cli.command import Failure, is_readable, printable
from hub.commerce import catalog
from hub.commerce.catalog_fields import Money, parse_amount, parse_percent, parse_quantity
from hub.commerce.discounts import DiscountRule
from hub.commerce.errors import BadValueError
from hub.store.tx import Row, Tx

T = TypeVar("T")

TEXT_MAX_CHARS: Final = 80
USES_MAX: Final = 1_000_000_000
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_COUPON: Final = re.compile(r"[^\W_]([\w-]{0,28}[^\W_])?")
_HOURS: Final = re.compile(r"([01]?[0-9]|2[0-4])-([01]?[0-9]|2[0-4])")


def rule_of(tx: Tx, shop: Row, rule_id: str, name: str, typed: Mapping[str, Any]) -> DiscountRule:
    """The rule that the options of `discount add` describe; Failure names the one at fault."""
    money = Money(shop["currency"], shop["exponent"])
    zone = ZoneInfo(shop["timezone"])
    read: dict[str, Callable[[Any], Any]] = {
        "pct": lambda text: parse_percent(text, money),
        "amount": lambda text: parse_amount(text, money),
        "max_amount": lambda text: parse_amount(text, money),
        "min_value": lambda text: parse_amount(text, money),
        "min_qty": parse_quantity,
        "max_qty": parse_quantity,
        "coupon": _coupon,
        "uses_max": _uses,
        "tiers": lambda texts: tuple(map(_short, texts)),
        "customers": lambda texts: tuple(refs.resolve(tx, shop, text) for text in texts),
        "skus": lambda texts: _skus(tx, shop, texts),
        "categories": lambda texts: _categories(tx, shop, texts),
        "starts_at": lambda text: _moment(text, zone, of_end=False),
        "ends_at": lambda text: _moment(text, zone, of_end=True),
        "weekdays": lambda texts: tuple(sorted({WEEKDAYS.index(text) for text in texts})),
        "hours": _hours,
        "first_order": bool,
        "stackable": bool,
    }
    fields = {
        field: _value(_OPTIONS.get(field, field), read[field], said)
        for field, said in typed.items()
        if said not in (None, (), False)
    }
    _check_whole(fields)
    try:
        return DiscountRule(rule_id=rule_id, name=_name(name), **fields)
    except ValueError as error:
        raise _unfit(f"{str(error)[0].upper()}{str(error)[1:]}.") from None


_OPTIONS: Final = {
    "pct": "percent",
    "tiers": "tier",
    "customers": "customer",
    "skus": "sku",
    "categories": "category",
    "starts_at": "starts",
    "ends_at": "ends",
    "weekdays": "weekday",
}
"""Options whose name is not their field's."""


def _value(option: str, read: Callable[[Any], T], said: Any) -> T:
    try:
        return read(said)
    except BadValueError as error:
        raise _unfit(f"--{option.replace('_', '-')}: {error}.") from None


def _check_whole(fields: Mapping[str, Any]) -> None:
    """What only two options together show."""
    if "pct" not in fields and "amount" not in fields:
        raise _unfit("Say how much: --percent 10, or --amount 100.")
    if "pct" in fields and "amount" in fields:
        raise _unfit("Give --percent or --amount; two rules that stack do both.")
    if "max_amount" in fields and "pct" not in fields:
        raise _unfit("--max-amount is the most that a --percent may come to; leave it out.")
    if fields.get("max_qty", Decimal("Infinity")) < fields.get("min_qty", 0):
        raise _unfit("--max-qty is below --min-qty: no order could have it.")
    if "starts_at" in fields and fields.get("ends_at", float("inf")) <= fields["starts_at"]:
        raise _unfit("--ends is not after --starts: the rule would never count.")


def _name(text: str) -> str:
    name = text.strip()
    if not is_readable(name) or len(name) > TEXT_MAX_CHARS:
        raise _unfit(f"A rule's name has 1 to {TEXT_MAX_CHARS} printable characters.")
    return name


def _short(text: str) -> str:
    clean = text.strip()
    if not is_readable(clean) or len(clean) > TEXT_MAX_CHARS:
        raise BadValueError(f"{text!r} is no name", f"use 1 to {TEXT_MAX_CHARS} characters")
    return clean


def _coupon(text: str) -> str:
    code = text.strip().upper()
    if _COUPON.fullmatch(code) is None:
        remedy = "use 1 to 30 letters and digits, like DIWALI10"
        raise BadValueError(f"{text!r} is no coupon", remedy)
    return code


def _uses(text: str) -> int:
    if not text.strip().isdecimal() or not 1 <= int(text) <= USES_MAX:
        raise BadValueError(f"{text!r} is no number of orders", "write a whole one above 0")
    return int(text)


def _skus(tx: Tx, shop: Row, texts: Sequence[str]) -> tuple[str, ...]:
    known = {p.sku.casefold(): p.sku for p in catalog.products(tx, shop["tenant_id"])}
    return tuple(dict.fromkeys(_one_of(known, text, "product") for text in texts))


def _categories(tx: Tx, shop: Row, texts: Sequence[str]) -> tuple[str, ...]:
    names = {p.category for p in catalog.products(tx, shop["tenant_id"])} - {""}
    known = {name.casefold(): name for name in names}
    return tuple(dict.fromkeys(_one_of(known, text, "category") for text in texts))


def _one_of(known: Mapping[str, str], text: str, what: str) -> str:
    """The shop's own spelling, by which rules and lines are compared."""
    found = known.get(text.strip().casefold())
    if found is None:
        remedy = "'sak-hub catalog list TENANT' shows all"
        raise BadValueError(f"the shop has no {what} {printable(text)!r}", remedy)
    return found


def _moment(text: str, zone: ZoneInfo, *, of_end: bool) -> int:
    """A day or a minute of the shop's time, in ms UTC; the end of a rule is the day's end."""
    try:
        local = datetime.fromisoformat(text.strip())
    except ValueError:
        problem = f"{text!r} is no day and no time"
        raise BadValueError(problem, "write 2026-03-10 or 2026-03-10T18:30") from None
    whole_day = len(text.strip()) <= len("2026-03-10")
    if whole_day and of_end:
        local += timedelta(days=1)
    at = local.replace(tzinfo=zone) if local.tzinfo is None else local
    return int(at.timestamp() * 1000)


def _hours(text: str) -> tuple[int, int]:
    hit = _HOURS.fullmatch(text.strip())
    hours = (int(hit[1]), int(hit[2])) if hit else (0, 0)
    if hours[0] == hours[1]:
        raise BadValueError(f"{text!r} are no hours", "write 9-17, or 22-2 past midnight")
    return hours


def _unfit(message: str) -> Failure:
    return Failure("bad_value", message)
