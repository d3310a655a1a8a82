"""The states of an order: the whole table, and everything that is not in it."""

from itertools import product

import pytest

from hub.commerce.order_states import (
    STATES,
    Actor,
    OrderState,
    gives_stock_back,
    may_mark_paid,
    may_move,
    moves,
    stands,
)

pytestmark = pytest.mark.core

ACTORS: tuple[Actor, ...] = ("customer", "operator", "gateway")
LEGAL = {
    ("operator", "confirmed", "packed"),
    ("operator", "confirmed", "cancelled"),
    ("operator", "packed", "shipped"),
    ("operator", "packed", "cancelled"),
    ("operator", "shipped", "delivered"),
    ("operator", "shipped", "returned"),
    ("operator", "delivered", "returned"),
    ("customer", "confirmed", "cancelled"),
}


def test_every_move_that_is_not_in_the_table_is_illegal() -> None:
    """All 3 x 6 x 6 moves: the eight of the domain, and no other."""
    every = product(ACTORS, STATES, STATES)
    assert {(who, old, new) for who, old, new in every if may_move(who, old, new)} == LEGAL


def test_what_is_over_stays_over() -> None:
    """Nobody takes a cancelled or returned order anywhere."""
    assert all(moves(actor, state) == () for actor in ACTORS for state in ("cancelled", "returned"))


def test_the_moves_of_a_state_in_their_order() -> None:
    """What an operator may choose from stands in the order of an order's life."""
    assert moves("operator", "confirmed") == ("packed", "cancelled")
    assert moves("customer", "confirmed") == ("cancelled",)
    assert moves("customer", "packed") == ()


@pytest.mark.parametrize("state", STATES)
def test_only_the_shop_and_its_gateway_mark_paid(state: OrderState) -> None:
    """Never the customer; and nothing that was called off or came back."""
    allowed = {actor for actor in ACTORS if may_mark_paid(actor, state)}
    assert allowed == ({"operator", "gateway"} if stands(state) else set())


def test_only_a_cancelled_order_gives_its_stock_back() -> None:
    """Returned goods are looked at by a person before they are sold again."""
    assert [state for state in STATES if gives_stock_back(state)] == ["cancelled"]
    assert [state for state in STATES if not stands(state)] == ["cancelled", "returned"]
