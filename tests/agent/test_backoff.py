import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.backoff import Backoff, Pause, Policy, Window, retry_after_s

pytestmark = pytest.mark.core

POLICY = Policy()
ROLLS = st.floats(0, 1, exclude_max=True)


@pytest.fixture
def backoff() -> Backoff:
    return Backoff(POLICY)


def test_waits_double_up_to_the_cap(backoff: Backoff) -> None:
    """C13: with the highest roll the waits are 1, 2, 4 … 60 s, and stay there."""
    waits = [backoff.failed(1.0).seconds for _ in range(9)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_thousand_failures_are_no_problem(backoff: Backoff) -> None:
    """A hub that is away for a week does not make the number overflow."""
    for _ in range(1000):
        assert backoff.failed(1.0).seconds <= 60
    assert Backoff(Policy(max_s=1e300)).failed(1.0).seconds == 1


@given(ROLLS, st.integers(0, 40))
def test_jitter_is_full(roll: float, tries: int) -> None:
    """Every wait is random between 0 and the cap, never the cap plus something."""
    backoff = Backoff(POLICY)
    for _ in range(tries):
        backoff.failed(0.5)
    assert backoff.failed(roll).seconds == pytest.approx(roll * min(60, 2**tries))


def test_a_connection_that_lived_long_enough_starts_anew(backoff: Backoff) -> None:
    """60 s live forget the failures; a hub that accepts and drops at once does not."""
    for _ in range(5):
        backoff.failed(1.0)
    assert backoff.closed(1006, 59.9, 1.0) == Pause(32)
    assert backoff.closed(1006, 60.0, 1.0) == Pause(1)
    assert backoff.closed(1006, 0.0, 1.0) == Pause(2)


@pytest.mark.parametrize("code", [1000, 1001, 1006, 1011, 1012, 1013, 3999, 4001, 4005, 4008, 4444])
def test_codes_below_4500_mean_connect_again(backoff: Backoff, code: int) -> None:
    """Known or not, everything outside 4500–4999 follows the usual backoff."""
    assert backoff.closed(code, 0, 1.0) == Pause(1)


@pytest.mark.parametrize("code", [4500, 4501, 4502, 4777, 4999])
def test_codes_from_4500_mean_stop(backoff: Backoff, code: int) -> None:
    """C12: 4500 and the unknown 4777 wait 15 minutes, whatever a drain said before."""
    assert backoff.closed(code, 100, 0.5) == Pause(900, stopped=True)
    assert backoff.closed(code, 100, 0.5, Window(1, 2)) == Pause(900, stopped=True)


def test_the_loser_of_a_takeover_waits(backoff: Backoff) -> None:
    """C12: 4009 waits 60 s, without jitter."""
    assert backoff.closed(4009, 5, 0.1) == Pause(60)


def test_a_drained_agent_waits_for_its_share_of_the_window(backoff: Backoff) -> None:
    """C11: half of the dice is half of the window."""
    assert backoff.closed(1012, 100, 0.5, Window(2, 30)) == Pause(16)


@given(ROLLS, st.sampled_from([1006, 1012, 4000, 4009]))
def test_a_drained_agent_comes_back_inside_the_window(roll: float, code: int) -> None:
    """C11: min + roll of the rest, however the connection then ended."""
    pause = Backoff(POLICY).closed(code, 100, roll, Window(2, 30))
    assert 2 <= pause.seconds <= 30
    assert not pause.stopped


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refusal_of_this_agent_means_stop(backoff: Backoff, status: int) -> None:
    """A wrong token is not tried again every second."""
    assert backoff.refused(status, 1.0, 0.5) == Pause(900, stopped=True)


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_overrides(backoff: Backoff, status: int) -> None:
    """What the hub asks for is done, up to an hour; no pause at all is not asked for."""
    assert backoff.refused(status, 7.5, 0.5) == Pause(7.5)
    assert backoff.refused(status, 1200, 0.5) == Pause(1200)
    assert backoff.refused(status, 1e9, 0.5) == Pause(3600)
    assert backoff.refused(status, None, 1.0) == Pause(1)
    assert backoff.refused(status, 0.0, 1.0) == Pause(2)


@pytest.mark.parametrize("status", [302, 404, 426, 500, 502])
def test_other_answers_follow_the_backoff(backoff: Backoff, status: int) -> None:
    """A proxy's error page is a failure like another; its Retry-After is not the hub's."""
    assert backoff.refused(status, 500, 1.0) == Pause(1)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("12", 12.0),
        (" 0 ", 0.0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 40.0),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0.0),
        ("soon", None),
        ("-5", None),
    ],
)
def test_retry_after_is_read_in_both_forms(header: str | None, seconds: float | None) -> None:
    """Seconds or a date; what is neither says nothing."""
    assert retry_after_s(header, 60_000) == seconds


def test_a_window_counts_from_the_close() -> None:
    """What the goodbyes took is not waited again, and a window that is over is now."""
    assert Window(2, 30).after(0.5) == Window(1.5, 29.5)
    assert Window(2, 30).after(5) == Window(0, 25)
    assert Window(2, 30).after(31) == Window(0, 0)
