"""When a model's endpoint is left alone, and when it is tried again."""

from hub.assistant.breaker import OPEN_S, REFUSED_S, TRIAL_S, Breaker


def test_three_failures_within_a_minute_open_it() -> None:
    """Two do not, nor do three over a longer time; after a minute there is one trial."""
    breaker = Breaker()
    for at in (0, 40, 80):
        breaker.failed("server", at)
    assert breaker.allows(80)
    breaker.failed("timeout", 90)
    assert not breaker.allows(90)
    assert not breaker.allows(90 + OPEN_S - 1)
    assert breaker.allows(90 + OPEN_S)
    assert not breaker.allows(90 + OPEN_S), "one trial at a time"
    assert breaker.allows(90 + OPEN_S + TRIAL_S), "a trial whose end nobody told"


def test_the_trial_decides() -> None:
    """A failure keeps it open for another minute, a success closes it for good."""
    breaker = Breaker(failures_max=1)
    breaker.failed("server", 0)
    assert breaker.allows(OPEN_S)
    breaker.failed("server", OPEN_S)
    assert not breaker.allows(OPEN_S + 1)
    assert breaker.allows(2 * OPEN_S)
    breaker.succeeded()
    assert not breaker.is_open
    assert breaker.reason is None


def test_a_refused_key_or_quota_opens_it_at_once() -> None:
    """The first such failure, and for longer."""
    for fault in ("refused", "quota"):
        breaker = Breaker()
        breaker.failed(fault, 0)
        assert breaker.reason == fault
        assert not breaker.allows(REFUSED_S - 1)
        assert breaker.allows(REFUSED_S)


def test_what_a_person_has_to_put_right_is_told_once() -> None:
    """Not at each trial, again for another reason or after it closed; of a slow server never."""
    breaker = Breaker()
    assert not breaker.blocks(0)
    assert [breaker.failed("server", at) for at in range(4)] == [False] * 4
    assert breaker.failed("quota", 4)
    assert not breaker.failed("quota", 5)
    assert breaker.blocks(4 + REFUSED_S)
    assert not breaker.blocks(5 + REFUSED_S)
    assert breaker.allows(5 + REFUSED_S)
    assert not breaker.failed("quota", 6 + REFUSED_S), "the trial"
    assert breaker.failed("refused", 7 + REFUSED_S)
    assert breaker.allows(7 + 2 * REFUSED_S)
    breaker.succeeded()
    assert breaker.failed("refused", 8 + 2 * REFUSED_S)


def test_a_late_success_closes_nothing() -> None:
    """A call that began before the quota's end was told may still be answered after it."""
    breaker = Breaker()
    breaker.failed("quota", 0)
    breaker.succeeded()
    assert not breaker.allows(1)
