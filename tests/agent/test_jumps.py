"""A computer that slept, a clock that was set, and when to search again."""

import pytest

from agent.jumps import RETRIES_S, SETTLE_S, TICK_S, Reading, Searching, jump_s, pause_s

pytestmark = pytest.mark.core

BEFORE = Reading(1_800_000_000_000, 1000.0)


def after(wall_s: float, monotonic_s: float) -> Reading:
    """Both clocks so much later."""
    return Reading(BEFORE.now_ms + round(wall_s * 1000), BEFORE.monotonic + monotonic_s)


@pytest.mark.parametrize(
    ("wall_s", "monotonic_s", "jumped_s"),
    [
        (TICK_S, TICK_S, 0),
        (TICK_S + 29, TICK_S + 29, 0),  # a computer that has much to do
        (TICK_S + 30, TICK_S, 0),
        (TICK_S + 31, TICK_S, 31),  # asleep, and the monotonic clock stood still
        (3600 + TICK_S, 3600 + TICK_S, 3600),  # asleep, and it went on (Windows)
        (TICK_S - 30, TICK_S, 0),
        (TICK_S - 31, TICK_S, -31),  # set back
        (86_400 + TICK_S, TICK_S, 86_400),
        (TICK_S - 86_400, TICK_S, -86_400),
    ],
)
def test_time_that_was_not_lived_through_is_a_jump(
    wall_s: float, monotonic_s: float, jumped_s: float
) -> None:
    """Both directions, on computers of both kinds; what is only late is none."""
    assert jump_s(BEFORE, after(wall_s, monotonic_s)) == pytest.approx(jumped_s)


@pytest.mark.parametrize(
    ("searching", "every_s", "wait_s"),
    [
        (Searching(), 900, 900),
        (Searching(), 0, None),
        (Searching(settles=True), 900, SETTLE_S),
        (Searching(settles=True), 0, SETTLE_S),
        (Searching(failures=1), 0, RETRIES_S[0]),
        (Searching(failures=2, settles=True), 900, RETRIES_S[1]),
        (Searching(failures=99), 900, RETRIES_S[-1]),
        (Searching(failures=99), 20, 20),
    ],
)
def test_the_next_search_is_as_near_as_the_last_one_asks(
    searching: Searching, every_s: float, wait_s: float | None
) -> None:
    """A failure is made good soon, then less and less often; also where no rhythm is set."""
    assert pause_s(searching, every_s) == wait_s
