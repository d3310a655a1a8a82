"""Rate limits: exact counts in a sliding window, and how long to wait."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.gateway.limits import Allowance, RateLimit

pytestmark = pytest.mark.core


def test_the_limit_is_reached_exactly_and_says_how_long_to_wait() -> None:
    """Five marks are allowed within the window, the sixth waits for the first one to leave."""
    limit = RateLimit(5)
    assert [limit.take("a", now) for now in (0.0, 1.0, 2.0, 3.0, 4.0)] == [0.0] * 5
    assert limit.take("a", 10.0) == 50.0


def test_a_refused_take_does_not_count() -> None:
    """Asking while refused does not push the end of the wait further away."""
    limit = RateLimit(1)
    limit.take("a", 0.0)
    assert limit.take("a", 30.0) == 30.0
    assert limit.take("a", 59.0) == 1.0
    assert limit.take("a", 60.0) == 0.0


def test_keys_do_not_share_a_limit() -> None:
    """One address at its limit leaves another one alone."""
    limit = RateLimit(1)
    limit.take("a", 0.0)
    assert limit.take("b", 0.0) == 0.0


def test_the_window_slides() -> None:
    """Each mark leaves the count when it is a window old, not at a minute's edge."""
    limit = RateLimit(2, window_s=10.0)
    limit.take("a", 0.0)
    limit.take("a", 9.0)
    assert limit.take("a", 10.0) == 0.0
    assert limit.take("a", 11.0) == 8.0


@pytest.mark.parametrize(("per_window", "allowed"), [(0.0, 1), (0.5, 1), (1.5, 2), (3.0, 3)])
def test_fractions_count_as_the_next_whole(per_window: float, allowed: int) -> None:
    """A setting below one still lets one through; nobody is locked out for ever."""
    limit = RateLimit(per_window)
    assert [limit.take("a", 0.0) == 0.0 for _ in range(4)].count(True) == allowed


def test_marks_beyond_the_limit_are_kept_bounded() -> None:
    """Marking without asking never makes the wait longer than the window."""
    limit = RateLimit(2, window_s=10.0)
    for now in (0.0, 1.0, 2.0, 3.0):
        limit.mark("a", now)
    assert limit.wait_s("a", 3.0) == 9.0


def test_the_longest_unseen_key_is_forgotten_first() -> None:
    """Memory is bounded: with room for two keys, a third pushes out the one marked first."""
    limit = RateLimit(1, keys_max=2)
    for key in ("a", "b", "c"):
        limit.mark(key, 0.0)
    assert [limit.wait_s(key, 0.0) for key in ("a", "b", "c")] == [0.0, 60.0, 60.0]


@given(
    most=st.integers(1, 5),
    steps=st.lists(st.floats(0, 20, allow_nan=False), min_size=1, max_size=40),
)
def test_never_more_than_the_limit_within_any_window(most: int, steps: list[float]) -> None:
    """Whatever the pace, no window of ten seconds holds more than `most` allowed uses."""
    limit = RateLimit(most, window_s=10.0)
    now, allowed = 0.0, list[float]()
    for step in steps:
        now += step
        if limit.take("a", now) == 0.0:
            allowed.append(now)
    for at in allowed:
        assert sum(1 for other in allowed if at <= other and other - 10.0 < at) <= most


def test_an_allowance_gives_a_second_at_once_and_then_its_rate() -> None:
    """What is used beyond it is waited for; what is not used is not saved up beyond a second."""
    allowance = Allowance(100)
    assert [allowance.use(100, 0.0), allowance.use(50, 0.0)] == [0.0, 0.5]
    assert allowance.use(0, 0.5) == 0.0
    assert [allowance.use(100, 50.0), allowance.use(10, 50.0)] == [0.0, pytest.approx(0.1)]
