"""What the shop starts by itself: never against a customer's will, never at night."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.conversation import started
from hub.conversation.started import Later, Never, Send, Silence, Wish
from hub.store.policy import TenantPolicy

pytestmark = pytest.mark.core

KOLKATA = "Asia/Kolkata"
OPEN = TenantPolicy(order_updates=True)
MINUTE = 60_000
HOUR = 60 * MINUTE


def at(text: str, timezone: str = KOLKATA, fold: int = 0) -> int:
    local = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(timezone), fold=fold)
    return round(local.timestamp() * 1000)


def quiet(from_: str, to: str) -> TenantPolicy:
    return replace(OPEN, quiet_from=from_, quiet_to=to)


NOON = at("2026-11-22T12:00")
WISH = Wish(off=False, barred=False, opted_out=False, created_at=NOON)


@pytest.mark.parametrize(
    ("policy", "wish", "said"),
    [
        (OPEN, WISH, Send()),
        (TenantPolicy(), WISH, Never(Silence.SWITCHED_OFF)),
        (OPEN, replace(WISH, off=True), Never(Silence.SWITCHED_OFF)),
        (OPEN, replace(WISH, barred=True), Never(Silence.BARRED)),
        (OPEN, replace(WISH, opted_out=True), Never(Silence.OPTED_OUT)),
        (OPEN, replace(WISH, created_at=NOON - 24 * HOUR), Send()),
        (OPEN, replace(WISH, created_at=NOON - 24 * HOUR - 1), Never(Silence.TOO_OLD)),
        (quiet("11:00", "13:30"), WISH, Later(at("2026-11-22T13:30"))),
        (quiet("11:00", "13:30"), replace(WISH, opted_out=True), Never(Silence.OPTED_OUT)),
    ],
)
def test_the_reasons_not_to_write(policy: TenantPolicy, wish: Wish, said: started.Verdict) -> None:
    """A shop's usual rules let it start nothing; a customer's STOP outlasts any hour."""
    assert started.verdict(policy, wish, now_ms=NOON, timezone=KOLKATA) == said


@pytest.mark.parametrize(
    ("from_", "to", "now", "ends"),
    [
        ("21:00", "09:00", "2026-11-22T20:59:59", None),
        ("21:00", "09:00", "2026-11-22T21:00", "2026-11-23T09:00"),
        ("21:00", "09:00", "2026-11-23T00:00", "2026-11-23T09:00"),
        ("21:00", "09:00", "2026-11-23T08:59:59", "2026-11-23T09:00"),
        ("21:00", "09:00", "2026-11-23T09:00", None),
        ("13:00", "14:00", "2026-11-22T13:10", "2026-11-22T14:00"),
        ("13:00", "14:00", "2026-11-22T14:00", None),
        ("09:00", "09:00", "2026-11-22T09:00", None),
        ("", "09:00", "2026-11-22T03:00", None),
        ("21:00", "", "2026-11-22T23:00", None),
        ("", "", "2026-11-22T23:00", None),
    ],
)
def test_quiet_hours(from_: str, to: str, now: str, ends: str | None) -> None:
    """They may go over midnight; an empty text, or twice the same, means that there are none."""
    found = started.quiet_until(quiet(from_, to), at(now), KOLKATA)
    assert found == (None if ends is None else at(ends))


BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("from_", "to", "now", "ends"),
    [
        # 2026-03-29: from 02:00 to 03:00 at once. 2026-10-25: 02:00 to 03:00 comes twice.
        ("21:00", "09:00", ("2026-03-28T22:00", 0), ("2026-03-29T09:00", 0)),
        ("21:00", "02:30", ("2026-03-29T01:00", 0), ("2026-03-29T03:00", 0)),
        ("02:10", "02:30", ("2026-03-29T01:59", 0), None),
        ("21:00", "09:00", ("2026-10-24T22:00", 0), ("2026-10-25T09:00", 0)),
        ("21:00", "02:30", ("2026-10-25T02:10", 0), ("2026-10-25T02:30", 0)),
        ("21:00", "02:30", ("2026-10-25T02:10", 1), ("2026-10-25T02:30", 1)),
    ],
)
def test_quiet_hours_where_clocks_are_changed(
    from_: str, to: str, now: tuple[str, int], ends: tuple[str, int] | None
) -> None:
    """What clocks show counts: a time that they skip is past, one that comes twice counts twice."""
    moments = [None if one is None else at(one[0], BERLIN, one[1]) for one in (now, ends)]
    assert moments[0] is not None
    assert started.quiet_until(quiet(from_, to), moments[0], BERLIN) == moments[1]


CLOCKS = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
ZONES = st.sampled_from([KOLKATA, BERLIN, "America/New_York", "Australia/Lord_Howe", "UTC"])
MOMENTS = st.integers(at("2025-01-01T00:00"), at("2030-01-01T00:00"))


@given(CLOCKS, CLOCKS, MOMENTS, ZONES)
@example("02:31", "02:30", at("2026-03-29T01:59", BERLIN), BERLIN)
@example("02:31", "02:30", at("2026-10-25T02:31", BERLIN), BERLIN)
def test_whatever_waits_goes_out_as_soon_as_it_may(
    from_: str, to: str, now_ms: int, timezone: str
) -> None:
    """Its moment is still to come, not quiet itself, right after quiet, and a day off at most."""
    policy = quiet(from_, to)
    ends_at = started.quiet_until(policy, now_ms, timezone)
    if ends_at is None:
        return
    assert now_ms < ends_at <= now_ms + 25 * HOUR
    assert started.quiet_until(policy, ends_at, timezone) is None
    assert started.quiet_until(policy, ends_at - 1, timezone) == ends_at


@given(CLOCKS, CLOCKS, MOMENTS)
def test_a_day_is_divided_as_the_clock_says(from_: str, to: str, now_ms: int) -> None:
    """Quiet from one time to the other, round the clock; it ends at the time that was set."""
    now = datetime.fromtimestamp(now_ms / 1000, ZoneInfo(KOLKATA))
    since, lasts = (
        (minutes_of(clock) - minutes_of(from_)) % 1440 for clock in (f"{now:%H:%M}", to)
    )
    ends_at = started.quiet_until(quiet(from_, to), now_ms, KOLKATA)
    assert (ends_at is not None) == (since < lasts)
    if ends_at is not None:
        assert f"{datetime.fromtimestamp(ends_at / 1000, ZoneInfo(KOLKATA)):%H:%M:%S}" == f"{to}:00"


def minutes_of(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])
