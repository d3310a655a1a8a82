"""What becomes of an order: called off in two steps by its customer, moved and paid by the shop."""

from decimal import Decimal

import pytest

from hub.commerce import order_moves, orders
from hub.commerce.effects import AskCancel, CancelOrder, KeepOrder, Outdated, ShowDraft
from hub.commerce.order_states import OrderState
from hub.commerce.orders import Order, Step
from hub.commerce.refused import (
    ConfirmationRequired,
    Expired,
    IllegalMove,
    NotFound,
    Refused,
    TooLate,
)
from tests.hub.commerce.counter import BEN, OTHER_SHOP, SHOP, Counter, product


@pytest.fixture
def counter() -> Counter:
    """A shop with 120 packs of tea, ten of which a customer has ordered."""
    counter = Counter()
    counter.sells(product("TEA", 24_000, stock=Decimal(120)), product("RICE", 65_000))
    counter.buys("TEA", 10)
    return counter


def cancel(counter: Counter, turn_id: str = "turn_yes", text: str = "A-1001") -> Order:
    me = counter.customer().customer_id
    return order_moves.cancellable_now(counter.tx, SHOP, me, text, turn_id, counter.now)


def state_of(counter: Counter, number: str = "A-1001") -> OrderState:
    order = orders.find(counter.tx, SHOP, number)
    assert order is not None
    return order.state


def set_state(counter: Counter, new: OrderState) -> Order:
    return order_moves.set_state(counter.tx, SHOP, "A-1001", new, "operator", counter.now)


def test_a_customer_cancels_in_two_messages(counter: Counter) -> None:
    """The question, then the yes in a later turn: the stock is back, the history says who."""
    assert counter.stock("TEA") == 110
    counter.turn(AskCancel("A-1001"))
    asked = orders.asked_cancel(counter.tx, SHOP, counter.customer().customer_id)
    assert asked is not None
    assert (asked.order_no, asked.state) == ("A-1001", "confirmed")
    counter.turn(CancelOrder("A-1001"))
    assert state_of(counter) == "cancelled"
    assert counter.stock("TEA") == 120
    steps = orders.history(counter.tx, SHOP, asked.order_id)
    assert steps[-1] == Step(counter.now, "confirmed", "cancelled", "customer")


def test_cancelling_twice_gives_the_stock_back_once(counter: Counter) -> None:
    """The second yes finds it cancelled and changes nothing."""
    counter.turn(AskCancel("A-1001"))
    for _ in range(2):
        counter.turn(CancelOrder("A-1001"))
    assert state_of(counter) == "cancelled"
    assert counter.stock("TEA") == 120


def test_nothing_is_cancelled_without_the_question(counter: Counter) -> None:
    """A tool that cancels at once is refused, and so is the turn that asks."""
    with pytest.raises(ConfirmationRequired):
        cancel(counter)
    counter.turn(AskCancel("A-1001"), turn_id="turn_one")
    with pytest.raises(ConfirmationRequired):
        cancel(counter, "turn_one")
    with pytest.raises(Outdated, match="confirmation_required"):
        counter.turn(CancelOrder("A-1001"), turn_id="turn_one")
    assert state_of(counter) == "confirmed"


def test_the_question_is_good_for_half_an_hour(counter: Counter) -> None:
    """A yes to something else, hours later, cancels nothing."""
    counter.turn(AskCancel("A-1001"))
    counter.clock.advance(1_799)
    assert cancel(counter).order_no == "A-1001"
    counter.clock.advance(1)
    with pytest.raises(Expired):
        cancel(counter)


def test_a_no_withdraws_the_question(counter: Counter) -> None:
    """After "no, keep it" a yes means something else."""
    counter.turn(AskCancel("A-1001"))
    counter.turn(KeepOrder())
    assert orders.asked_cancel(counter.tx, SHOP, counter.customer().customer_id) is None
    with pytest.raises(ConfirmationRequired):
        cancel(counter)


def test_a_yes_has_one_meaning(counter: Counter) -> None:
    """What was asked last counts: a draft withdraws the question, the question ends the draft."""
    counter.buys("RICE", 1)
    counter.turn(AskCancel("A-1001"))
    counter.turn(AskCancel("A-1002"))
    with pytest.raises(ConfirmationRequired):
        cancel(counter, text="A-1001")
    counter.adds("RICE", 2)
    prepared = counter.prepares()
    counter.turn(ShowDraft(prepared.bill, prepared.delivery))
    with pytest.raises(ConfirmationRequired):
        cancel(counter, text="A-1002")
    counter.turn(AskCancel("A-1002"))
    assert counter.newest_draft().state == "replaced"
    assert cancel(counter, text="A-1002").order_no == "A-1002"


@pytest.mark.parametrize("reached", ["packed", "shipped", "delivered", "returned"])
def test_once_packed_only_the_shop_calls_it_off(counter: Counter, reached: OrderState) -> None:
    """Neither the question nor, when it was packed meanwhile, the yes."""
    counter.turn(AskCancel("A-1001"))
    for state in ("packed", "shipped", "delivered", "returned"):
        set_state(counter, state)
        if state == reached:
            break
    with pytest.raises(Outdated, match="too_late"):
        counter.turn(CancelOrder("A-1001"))
    with pytest.raises(TooLate):
        cancel(counter)
    with pytest.raises(Outdated, match="too_late"):
        counter.turn(AskCancel("A-1001"))
    assert state_of(counter) == reached
    assert counter.stock("TEA") == 110


def test_nobody_cancels_anothers_order(counter: Counter) -> None:
    """Another customer's order is not there to be called off."""
    with pytest.raises(Outdated, match="not_found"):
        counter.turn(AskCancel("A-1001"), alias=BEN)
    with pytest.raises(Outdated, match="not_found"):
        counter.turn(CancelOrder("A-1001"), alias=BEN)


def test_the_shop_cancels_what_is_packed(counter: Counter) -> None:
    """Without being asked twice; the goods are back on the shelf."""
    set_state(counter, "packed")
    assert set_state(counter, "cancelled").state == "cancelled"
    assert counter.stock("TEA") == 120
    assert set_state(counter, "cancelled").state == "cancelled"
    assert counter.stock("TEA") == 120


def test_what_is_not_in_the_table_changes_nothing(counter: Counter) -> None:
    """A jump ahead, a way back, or a state set by somebody who may not."""
    with pytest.raises(IllegalMove):
        set_state(counter, "delivered")
    set_state(counter, "packed")
    with pytest.raises(IllegalMove) as caught:
        set_state(counter, "confirmed")
    assert caught.value.code == "illegal_move"
    with pytest.raises(IllegalMove):
        order_moves.set_state(counter.tx, SHOP, "A-1001", "shipped", "customer", counter.now)
    with pytest.raises(NotFound):
        order_moves.set_state(counter.tx, OTHER_SHOP, "A-1001", "shipped", "operator", counter.now)
    assert state_of(counter) == "packed"


def test_an_order_is_paid_once_and_never_by_the_customer(counter: Counter) -> None:
    """The gateway's second notice keeps the first one's time."""
    with pytest.raises(IllegalMove):
        order_moves.mark_paid(counter.tx, SHOP, "A-1001", "customer", counter.now)
    first = order_moves.mark_paid(counter.tx, SHOP, "A-1001", "gateway", counter.now)
    counter.clock.advance(60)
    again = order_moves.mark_paid(counter.tx, SHOP, "A-1001", "operator", counter.now)
    assert again == first
    assert again.paid_at == counter.now - 60_000
    steps = orders.history(counter.tx, SHOP, first.order_id)
    assert [(step.to_state, step.actor) for step in steps] == [
        ("confirmed", "customer"),
        ("paid", "gateway"),
    ]


def test_what_was_called_off_is_not_marked_paid(counter: Counter) -> None:
    """Money for it is to be paid back, which a person does."""
    set_state(counter, "cancelled")
    with pytest.raises(Refused, match="cannot become paid"):
        order_moves.mark_paid(counter.tx, SHOP, "A-1001", "gateway", counter.now)


def test_a_dispatched_order_can_be_followed(counter: Counter) -> None:
    """The number of the parcel and its day stand beside the place it goes to."""
    order = order_moves.track(counter.tx, SHOP, "a1001", "TRK55012", "2026-03-12", counter.now)
    assert (order.delivery.tracking, order.delivery.eta) == ("TRK55012", "2026-03-12")
    assert order.delivery.destination == "411004"
    with pytest.raises(NotFound):
        order_moves.track(counter.tx, SHOP, "A-7", "TRK1", None, counter.now)


def test_only_what_was_taken_is_given_back(counter: Counter) -> None:
    """A product that was not counted when it was ordered gains nothing by a cancellation."""
    counter.buys("RICE", 3)
    counter.change("RICE", stock_milli=7_000)
    counter.turn(AskCancel("A-1002"))
    counter.turn(CancelOrder("A-1002"))
    assert counter.stock("RICE") == 7


def test_another_orders_stock_stays_taken(counter: Counter) -> None:
    """Cancelling gives back what this order took, and touches no other product."""
    counter.sells(product("SALT", 100, stock=Decimal(9)))
    counter.adds("TEA", 5)
    counter.adds("SALT", 4)
    counter.shows()
    counter.says_yes()
    counter.turn(AskCancel("A-1001"))
    counter.turn(CancelOrder("A-1001"))
    assert counter.stock("TEA") == 115
    assert counter.stock("SALT") == 5


def test_a_product_that_is_no_longer_counted_stays_so(counter: Counter) -> None:
    """Giving stock back does not begin to count."""
    counter.change("TEA", stock_milli=None)
    counter.turn(AskCancel("A-1001"))
    counter.turn(CancelOrder("A-1001"))
    assert counter.stock("TEA") is None
