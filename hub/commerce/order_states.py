"""CORE: the states of an order, and who may move it where. What is not in the table is illegal.

    confirmed → packed → shipped → delivered
        ↓         ↓         ↓          ↓
    cancelled  cancelled  returned  returned

Source: docs/rules.md §3. Payment is no state: `paid` is noted beside it, by the shop or its
payment gateway, never on the customer's word.
"""

from collections.abc import Mapping
from typing import Final, Literal

OrderState = Literal["confirmed", "packed", "shipped", "delivered", "cancelled", "returned"]
Actor = Literal["customer", "operator", "gateway"]

STATES: Final[tuple[OrderState, ...]] = (
    "confirmed",
    "packed",
    "shipped",
    "delivered",
    "cancelled",
    "returned",
)
_SHOP: Final[tuple[Actor, ...]] = ("operator",)
_MOVES: Final[Mapping[tuple[OrderState, OrderState], tuple[Actor, ...]]] = {
    ("confirmed", "packed"): _SHOP,
    ("confirmed", "cancelled"): ("customer", "operator"),
    ("packed", "shipped"): _SHOP,
    ("packed", "cancelled"): _SHOP,
    ("shipped", "delivered"): _SHOP,
    ("shipped", "returned"): _SHOP,  # nobody took it in
    ("delivered", "returned"): _SHOP,
}
_VOID: Final[tuple[OrderState, ...]] = ("cancelled", "returned")
_PAYEES: Final[tuple[Actor, ...]] = ("operator", "gateway")


def may_move(actor: Actor, old: OrderState, new: OrderState) -> bool:
    """Whether `actor` may take an order from `old` to `new`."""
    return actor in _MOVES.get((old, new), ())


def moves(actor: Actor, old: OrderState) -> tuple[OrderState, ...]:
    """Where `actor` may take an order that is `old`."""
    return tuple(new for new in STATES if may_move(actor, old, new))


def may_mark_paid(actor: Actor, state: OrderState) -> bool:
    """Whether `actor` may note a payment: what was called off is to be paid back instead."""
    return actor in _PAYEES and state not in _VOID


def gives_stock_back(new: OrderState) -> bool:
    """Whether the goods are on the shelf again; returned ones are looked at by a person first."""
    return new == "cancelled"


def stands(state: OrderState) -> bool:
    """Whether the order counts as one: for the first order, and for `same as last time`."""
    return state not in _VOID
