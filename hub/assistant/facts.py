"""CORE: what a reply may name, collected from what the tools returned and the shop's own record.

Amounts are taken from the results' own integers, not from texts: a price in a product's description
is nobody's price.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, Literal

import msgspec

from hub.assistant.tools import (
    CancelAsked,
    Cancelled,
    CartChanged,
    Confirmed,
    Declined,
    HandedOver,
    OrderShown,
    Repeated,
    Result,
)

Effect = Literal["ordered", "cancelled", "added", "removed", "paid", "refunded", "handed_over"]
"""What a reply can claim to have happened."""

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
_NO_NUMBERS: Final = ("_at", "_id", "exponent", "hash", "parts", "image_url")


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known. Amounts are minor units; `record` is the shop's own text about itself.

    Without the order numbers in `must_name` and the amount `must_price` the reply would hide what
    it does: the total before the yes to it, which order is placed or cancelled.
    """

    amounts: frozenset[int] = frozenset()
    numbers: frozenset[Decimal] = frozenset()
    percents: frozenset[Decimal] = frozenset()
    codes: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()
    orders: frozenset[str] = frozenset()
    effects: frozenset[Effect] = frozenset()
    record: tuple[str, ...] = ()
    must_name: frozenset[str] = frozenset()
    must_price: int | None = None

    def __or__(self, other: "Facts") -> "Facts":
        """Both together; the amount that must be said is the later one's."""
        both: dict[str, Any] = {"must_price": other.must_price}
        for name in self.__struct_fields__[:-1]:
            mine, theirs = getattr(self, name), getattr(other, name)
            both[name] = mine + theirs if isinstance(mine, tuple) else mine | theirs
        return Facts(**both)


class _Found:
    """What a walk through structures came upon."""

    def __init__(self) -> None:
        self.amounts: set[int] = set()
        self.numbers: set[Decimal] = set()
        self.percents: set[Decimal] = set()
        self.codes: set[str] = set()
        self.orders: set[str] = set()
        self.names: list[str] = []

    def walk(self, name: str, value: object) -> None:
        """Note a field, and what is inside of it."""
        if isinstance(value, msgspec.Struct):
            for field in value.__struct_fields__:
                self.walk(field, getattr(value, field))
        elif isinstance(value, Mapping):
            for key, inner in value.items():
                self.walk("key", key)
                self.walk(name, inner)
        elif isinstance(value, tuple | list | frozenset):
            for inner in value:
                self.walk(name, inner)
        else:
            self._note(name, value)

    def _note(self, name: str, value: object) -> None:
        if value is None or isinstance(value, bool) or name.endswith(_NO_NUMBERS):
            return
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
        record=tuple(text for text in record if text),
    )


def of_result(result: Result | Declined) -> Facts:
    """What one use of a tool returned and did, and what the reply has to name for it."""
    effects, names = _done(result)
    return msgspec.structs.replace(
        of_values([result]), effects=frozenset(effects), must_name=frozenset(names)
    )


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
        case _:
            return (), ()


def _standing(state: str, *, paid: bool) -> tuple[Effect, ...]:
    """What may be said of an order that was placed before."""
    of_state: tuple[Effect, ...] = ("cancelled",) if state == "cancelled" else ("ordered",)
    return (*of_state, "paid") if paid else of_state
