"""CORE: what a reply may name, collected from what the tools returned and the shop's own record.

Amounts are taken from the results' own integers, not from texts: a price in a product's description
is nobody's price.
"""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cached_property
from typing import Any, Final, Literal

import msgspec

from hub.assistant.plain import plain
from hub.assistant.tools import (
    CancelAsked,
    Cancelled,
    CartChanged,
    Confirmed,
    CouponNoted,
    Declined,
    HandedOver,
    OrderShown,
    Remembered,
    Repeated,
    Result,
)

Effect = Literal[
    "ordered",
    "packed",
    "shipped",
    "delivered",
    "cancelled",
    "added",
    "removed",
    "discounted",
    "free",
    "noted",
    "paid",
    "refunded",
    "handed_over",
]
"""What a reply can claim to have happened, or to be so."""

_MONEY: Final = frozenset(
    (
        "price",
        "unit_price",
        "gross",
        "discount",
        "net",
        "order_discount",
        "goods",
        "shipping",
        "tax",
        "rounding",
        "total",
        "amount",
        "fee",
        "free_from",
        "rate_below",
        "rate_from",
    )
)
_NUMBER: Final = r"\d+(?:,\d{2,3})*(?:\.\d+)?"
NUMBER_MAX_CHARS: Final = 24
_NO_NUMBERS: Final = ("_at", "_id", "exponent", "hash", "parts", "image_url")


class Facts(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What is known. Amounts are minor units; `record` is the shop's own text about itself.

    `heard` are the customer's own numbers, which may be said again, but as no amount. `hidden` are
    texts of which nothing may be said, `units` what is counted. Without the order numbers in
    `must_name` and the amount `must_price` the reply would hide what it does: the total before the
    yes to it, which order is placed or cancelled.
    """

    amounts: frozenset[int] = frozenset()
    numbers: frozenset[Decimal] = frozenset()
    percents: frozenset[Decimal] = frozenset()
    codes: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()
    orders: frozenset[str] = frozenset()
    effects: frozenset[Effect] = frozenset()
    record: tuple[str, ...] = ()
    units: frozenset[str] = frozenset()
    heard: frozenset[Decimal] = frozenset()
    hidden: tuple[str, ...] = ()
    must_name: frozenset[str] = frozenset()
    must_price: int | None = None

    def __or__(self, other: "Facts") -> "Facts":
        """Both together; the amount that must be said is the later one's."""
        both: dict[str, Any] = {"must_price": other.must_price}
        for name in self.__struct_fields__[:-1]:
            mine, theirs = getattr(self, name), getattr(other, name)
            both[name] = mine + theirs if isinstance(mine, tuple) else mine | theirs
        return Facts(**both)

    @cached_property
    def known_numbers(self) -> frozenset[Decimal]:
        """Every number of the facts that is no amount, those in names and texts included."""
        hits = re.findall(_NUMBER, plain("\n".join((*self.names, *self.record))))
        within = (Decimal(hit.replace(",", "")) for hit in hits if len(hit) <= NUMBER_MAX_CHARS)
        return self.numbers.union(within)


class _Found:
    """What a walk through structures came upon."""

    def __init__(self) -> None:
        self.amounts: set[int] = set()
        self.numbers: set[Decimal] = set()
        self.percents: set[Decimal] = set()
        self.codes: set[str] = set()
        self.orders: set[str] = set()
        self.names: list[str] = []
        self.units: set[str] = set()
        self.effects: set[Effect] = set()

    def walk(self, name: str, value: object) -> None:
        """Note a field, and what is inside of it."""
        if isinstance(value, msgspec.Struct):
            for field in value.__struct_fields__:
                if field != "shipping" or getattr(value, "shipping_known", True):
                    self.walk(field, getattr(value, field))
        elif isinstance(value, Mapping):
            for key, inner in value.items():
                self.walk("unit" if name == "packs" else "key", key)
                self.walk(name, inner)
        elif isinstance(value, tuple | list | frozenset):
            for inner in value:
                self.walk(name, inner)
        else:
            self._note(name, value)

    def _note(self, name: str, value: object) -> None:
        if value is None or isinstance(value, bool) or name.endswith(_NO_NUMBERS):
            return
        if name == "free_from" or (name in ("fee", "shipping") and value == 0):
            self.effects.add("free")
        if value and (name in ("discount", "order_discount") or name == "pct"):
            self.effects.add("discounted")
        if isinstance(value, int) and name in _MONEY:
            self.amounts.add(abs(value))
        elif isinstance(value, int | Decimal) and name.endswith("pct"):
            self.percents.add(Decimal(value))
        elif isinstance(value, int | Decimal):
            self.numbers.add(Decimal(value))
        elif isinstance(value, str):
            kept = {"sku": self.codes, "coupon": self.codes, "order_no": self.orders}.get(name)
            if kept is not None:
                kept.add(value.upper())
            if name == "unit":
                self.units.add(value)
            self.names.append(value)


def of_values(values: Iterable[object], record: Iterable[str] = ()) -> Facts:
    """What structures of the shop hold; `record` texts may be quoted as they are."""
    found = _Found()
    for value in values:
        found.walk("", value)
    return Facts(
        amounts=frozenset(found.amounts),
        numbers=frozenset(found.numbers),
        percents=frozenset(found.percents),
        codes=frozenset(found.codes),
        names=tuple(found.names),
        orders=frozenset(found.orders),
        units=frozenset(found.units),
        effects=frozenset(found.effects),
        record=tuple(text for text in record if text),
    )


def of_result(result: Result | Declined) -> Facts:
    """What one use of a tool returned and did, and what the reply has to name for it."""
    effects, names = _done(result)
    found = of_values([result])
    done = found.effects.union(effects)
    return msgspec.structs.replace(found, effects=done, must_name=frozenset(names))


def _done(result: Result | Declined) -> tuple[tuple[Effect, ...], tuple[str, ...]]:
    match result:
        case Confirmed(order_no=number):
            return ("ordered",), (number,)
        case Cancelled(order=order):
            return ("cancelled",), (order.order_no,)
        case CancelAsked(order=order):
            return (), (order.order_no,)
        case CartChanged(quantity=quantity):
            return (("added",) if quantity else ("removed",)), ()
        case Repeated():
            return ("added",), ()
        case OrderShown(order=order):
            return _standing(order.state, paid=order.paid_at is not None), ()
        case HandedOver():
            return ("handed_over",), ()
        case CouponNoted(amount=amount) if amount:
            return ("discounted",), ()
        case Remembered():
            return ("noted",), ()
        case _:
            return (), ()


def _standing(state: str, *, paid: bool) -> tuple[Effect, ...]:
    """What may be said of an order that was placed before."""
    way: tuple[Effect, ...] = ("packed", "shipped", "delivered")
    of_state: tuple[Effect, ...] = ("cancelled",) if state == "cancelled" else ("ordered",)
    if state in way:
        of_state += way[: way.index(state) + 1]
    return (*of_state, "paid") if paid else of_state
