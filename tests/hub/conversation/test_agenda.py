"""Which turn comes next."""

from hypothesis import given
from hypothesis import strategies as st

from hub.conversation.agenda import Agenda, Due
from hub.conversation.turns import ChatKey


def key(name: str) -> ChatKey:
    return ChatKey("t", "+1555000", name)


def due(name: str, at: float, latest: float = 100.0, turn_id: str = "1") -> Due:
    return Due(key(name), turn_id, at, latest, 3.0)


def names(taken: list[Due]) -> list[str]:
    return [entry.key.chat for entry in taken]


def test_turns_come_in_the_order_of_their_times_and_within_the_room() -> None:
    """The rest stays planned."""
    agenda = Agenda()
    for name, at in (("c", 3), ("a", 1), ("b", 2), ("d", 9)):
        agenda.put(due(name, at))
    assert names(agenda.take(5, 2)) == ["a", "b"]
    assert agenda.next_at() == 3
    assert names(agenda.take(5, 2)) == ["c"]
    assert agenda.next_at() == 9


def test_a_newer_plan_replaces_the_older() -> None:
    """A raised turn is due once, at its new time."""
    agenda = Agenda()
    agenda.put(due("a", 1))
    agenda.put(due("a", 4))
    assert agenda.next_at() == 4
    assert agenda.take(3, 9) == []
    assert names(agenda.take(4, 9)) == ["a"]
    assert agenda.next_at() is None


def test_a_removed_turn_is_never_due() -> None:
    """The owner dealt with it; removing twice is harmless."""
    agenda = Agenda()
    agenda.put(due("a", 1))
    agenda.remove(key("a"))
    agenda.remove(key("a"))
    assert agenda.take(9, 9) == []


def test_a_busy_chats_next_turn_waits_until_it_is_free() -> None:
    """Each chat is answered in order."""
    agenda = Agenda()
    agenda.put(due("a", 1))
    agenda.take(1, 9)
    agenda.put(due("a", 2, turn_id="2"))
    assert agenda.next_at() is None
    assert agenda.take(9, 9) == []
    agenda.free(key("a"))
    assert [entry.turn_id for entry in agenda.take(9, 9)] == ["2"]
    agenda.free(key("a"))
    assert agenda.next_at() is None


def test_what_is_planned_or_under_way_is_not_planned_by_a_second_look() -> None:
    """The look at the store never overrides what the worker was told."""
    agenda = Agenda()
    agenda.put_if_new(due("a", 1))
    agenda.put_if_new(due("a", 0))
    assert agenda.next_at() == 1
    agenda.take(1, 9)
    agenda.put_if_new(due("a", 0))
    agenda.free(key("a"))
    assert agenda.next_at() is None


def test_a_turn_under_way_can_be_planned_again_by_itself() -> None:
    """A failed one is tried later, unless something newer came meanwhile."""
    agenda = Agenda()
    agenda.put(due("a", 1))
    agenda.take(1, 9)
    agenda.put_again(due("a", 30))
    agenda.put_again(due("a", 50))
    agenda.free(key("a"))
    assert agenda.next_at() == 30


def test_a_typing_customer_is_waited_for_but_not_for_ever() -> None:
    """While typing the latest moment counts, afterwards some quiet."""
    agenda = Agenda()
    agenda.put(due("a", 3, latest=15))
    agenda.composing(key("a"), active=True, now=1)
    assert agenda.next_at() == 15
    agenda.composing(key("a"), active=False, now=5)
    assert agenda.next_at() == 8
    agenda.composing(key("a"), active=False, now=6)
    assert agenda.next_at() == 8
    agenda.composing(key("a"), active=True, now=7)
    agenda.composing(key("a"), active=False, now=14)
    assert agenda.next_at() == 15
    agenda.composing(key("other"), active=True, now=7)
    agenda.composing(key("other"), active=False, now=7)
    assert agenda.next_at() == 15


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["put", "take", "free"]))))
def test_no_chat_is_taken_twice_at_a_time_and_none_is_forgotten(
    steps: list[tuple[str, str]],
) -> None:
    """Whatever the order of events, every planned turn comes up exactly once."""
    agenda, busy, planned = Agenda(), set[str](), set[str]()
    for name, step in steps:
        if step == "put":
            agenda.put(due(name, 1))
            planned.add(name)
        elif step == "take":
            taken = set(names(agenda.take(2, 1)))
            assert taken <= planned - busy
            assert taken or not planned - busy
            planned, busy = planned - taken, busy | taken
        else:
            agenda.free(key(name))
            busy.discard(name)
