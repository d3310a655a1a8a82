"""The pace of a person: its bounds, its randomness, and that a message keeps its own."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.pacing import Policy, gap_s, roll_of, typing_s

pytestmark = pytest.mark.core

POLICY = Policy(typing_chars_per_s=10, typing_max_s=5, typing_min_s=1, gap_s=2)
ROLLS = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(
    ("chars", "per_s", "max_s", "pause"),
    [
        (20, 10, 5, 2.0),
        (500, 10, 5, 5),
        (20, 0, 5, 0.0),
        (20, 10, 0, 0),
        (0, 10, 5, 1),
        (3, 10, 5, 1),
    ],
)
def test_typing_takes_as_long_as_the_text_within_bounds(
    chars: int, per_s: float, max_s: float, pause: float
) -> None:
    """The pause grows with the text between its bounds; zero speed or bound switches it off."""
    policy = Policy(typing_chars_per_s=per_s, typing_max_s=max_s, typing_min_s=1)
    assert typing_s(chars, 0.0, policy) == pause


@given(st.integers(0, 70_000), ROLLS)
def test_no_roll_leaves_the_bounds(chars: int, roll: float) -> None:
    """Never longer than the setting says, never as quick as a machine; the gap is a least one."""
    assert 0.75 <= typing_s(chars, roll, POLICY) <= POLICY.typing_max_s
    assert POLICY.gap_s <= gap_s(roll, POLICY) <= 1.5 * POLICY.gap_s


def test_two_messages_of_one_length_are_not_typed_alike() -> None:
    """Also those at the upper bound."""
    assert typing_s(500, 0.1, POLICY) != typing_s(500, 0.9, POLICY)
    assert gap_s(0.1, POLICY) != gap_s(0.9, POLICY)


def test_a_message_keeps_its_roll() -> None:
    """A restart types it at the same pace; ids of any kind spread over the whole range."""
    one = UUID("018f0000-0000-7000-8000-00000000270f")
    assert roll_of(one) == roll_of(UUID(str(one)))
    rolls = [roll_of(uuid4()) for _ in range(200)]
    assert all(0 <= roll < 1 for roll in rolls)
    assert min(rolls) < 0.25
    assert max(rolls) > 0.75
