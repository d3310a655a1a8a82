"""The status table's core: every transition of SPEC §4, by a virtual clock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.gateway.presence import (
    POSSIBLE,
    Beat,
    Duplicate,
    Ended,
    HubStarted,
    IllegalInputError,
    Input,
    Limits,
    Reason,
    Revoked,
    Standing,
    Status,
    Tick,
    Transition,
    Unblocked,
    Welcomed,
    deadline,
    step,
)
from protocol.messages import AgentStatus

pytestmark = pytest.mark.core

READY = AgentStatus(whatsapp="ready", paused=False, outbox=0, inbox=0)
LIMITS = Limits(started_at=1_000, grace_ms=90_000, offline_after_ms=300_000)

U, ON, DEG, LOST, OFF, BLK = (
    Status.UNKNOWN,
    Status.ONLINE,
    Status.DEGRADED,
    Status.LOST,
    Status.OFFLINE,
    Status.BLOCKED,
)


@pytest.mark.parametrize("before", [U, ON, DEG, LOST, OFF])
def test_a_welcome_makes_an_agent_online(before: Status) -> None:
    """From wherever it was, except from a block."""
    moved = step(Standing(before, 0), Welcomed(READY), LIMITS)
    assert moved == (None if before is ON else Transition(before, ON, Reason.WELCOMED))


@pytest.mark.parametrize("before", [U, ON, DEG, LOST, OFF])
def test_a_beat_restores_online(before: Status) -> None:
    """Any beat of the present connection proves life, whatever the table said before."""
    moved = step(Standing(before, 0), Beat(READY), LIMITS)
    assert moved == (None if before is ON else Transition(before, ON, Reason.BEAT))


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (replace(READY, whatsapp="qr"), Reason.WHATSAPP_NOT_READY),
        (replace(READY, whatsapp="a word of a later version"), Reason.WHATSAPP_NOT_READY),
        (replace(READY, paused=True), Reason.PAUSED),
        (replace(READY, outbox=1_001), Reason.BACKLOG),
        (replace(READY, inbox=1_001), Reason.BACKLOG),
    ],
)
def test_connected_but_not_well_is_degraded(status: AgentStatus, reason: Reason) -> None:
    """WhatsApp not ready, paused, or more than 1,000 queued, in a welcome as in a beat."""
    assert step(Standing(OFF, 0), Welcomed(status), LIMITS) == Transition(OFF, DEG, reason)
    assert step(Standing(ON, 0), Beat(status), LIMITS) == Transition(ON, DEG, reason)
    assert step(Standing(DEG, 0), Beat(status), LIMITS) is None
    assert step(Standing(DEG, 0), Beat(READY), LIMITS) == Transition(DEG, ON, Reason.BEAT)


def test_a_thousand_queued_is_still_online() -> None:
    """The bound itself is allowed."""
    status = replace(READY, outbox=1_000, inbox=1_000)
    assert step(Standing(ON, 0), Beat(status), LIMITS) is None


@pytest.mark.parametrize(
    ("code", "after", "reason"),
    [
        (1000, OFF, Reason.CLEAN_STOP),
        (4008, LOST, Reason.HEARTBEAT_TIMEOUT),
        (1006, LOST, Reason.CONNECTION_ENDED),
        (4000, LOST, Reason.CONNECTION_ENDED),
        (4001, LOST, Reason.CONNECTION_ENDED),
    ],
)
@pytest.mark.parametrize("before", [ON, DEG])
def test_an_ending_is_clean_or_a_loss(
    before: Status, code: int, after: Status, reason: Reason
) -> None:
    """Only 1000 says goodbye; every other end is a loss."""
    assert step(Standing(before, 0), Ended(code), LIMITS) == Transition(before, after, reason)


@pytest.mark.parametrize(
    ("standing", "due", "moved"),
    [
        (Standing(U, 500), 91_000, Transition(U, LOST, Reason.GRACE_OVER)),
        (Standing(U, 2_000), 92_000, Transition(U, LOST, Reason.GRACE_OVER)),
        (Standing(LOST, 500), 300_500, Transition(LOST, OFF, Reason.LOST_TOO_LONG)),
        (Standing(BLK, 0, 7_000), 7_000, Transition(BLK, OFF, Reason.BLOCK_OVER)),
    ],
)
def test_time_alone_moves_on(standing: Standing, due: int, moved: Transition) -> None:
    """Each deadline is exact, and the grace runs from this hub's start, not from an earlier one."""
    assert deadline(standing, LIMITS) == due
    assert step(standing, Tick(due - 1), LIMITS) is None
    assert step(standing, Tick(due), LIMITS) == moved


@pytest.mark.parametrize("standing", [Standing(ON, 0), Standing(OFF, 0), Standing(BLK, 0)])
def test_time_does_not_touch_the_rest(standing: Standing) -> None:
    """Online, offline and a revoked agent's block have no deadline."""
    assert deadline(standing, LIMITS) is None
    assert step(standing, Tick(10**15), LIMITS) is None


@pytest.mark.parametrize(
    ("before", "moved"),
    [
        (ON, Transition(ON, U, Reason.HUB_STARTED)),
        (DEG, Transition(DEG, U, Reason.HUB_STARTED)),
        (LOST, Transition(LOST, U, Reason.HUB_STARTED)),
        (U, None),
        (OFF, None),
        (BLK, None),
    ],
)
def test_a_starting_hub_knows_nobody(before: Status, moved: Transition | None) -> None:
    """What it was told before is unknown now; offline and blocked stay."""
    assert step(Standing(before, 0), HubStarted(), LIMITS) == moved


@pytest.mark.parametrize("before", list(Status))
def test_a_revoked_agent_is_blocked(before: Status) -> None:
    """From every status."""
    moved = step(Standing(before, 0), Revoked(), LIMITS)
    assert moved == (None if before is BLK else Transition(before, BLK, Reason.REVOKED))


@pytest.mark.parametrize("happened", [Beat(READY), Ended(1000), Ended(1006), HubStarted()])
def test_nothing_late_lifts_a_block(happened: Input) -> None:
    """A beat or an end that arrives after the block changes nothing."""
    assert step(Standing(BLK, 0), happened, LIMITS) is None
    assert step(Standing(BLK, 0, 5_000), happened, LIMITS) is None


def test_a_duplicate_is_blocked_and_unblocked() -> None:
    """The operator lifts a duplicate's block, never a revocation."""
    assert step(Standing(ON, 0), Duplicate(), LIMITS) == Transition(ON, BLK, Reason.DUPLICATE)
    lifted = Transition(BLK, OFF, Reason.UNBLOCKED)
    assert step(Standing(BLK, 0, 5_000), Unblocked(), LIMITS) == lifted
    assert step(Standing(BLK, 0), Unblocked(), LIMITS) is None
    assert step(Standing(ON, 0), Unblocked(), LIMITS) is None


@pytest.mark.parametrize(
    ("before", "happened"),
    [(BLK, Welcomed(READY)), (OFF, Ended(1000)), (OFF, Duplicate()), (LOST, Duplicate())],
)
def test_what_the_table_lacks_is_illegal(before: Status, happened: Input) -> None:
    """A report that cannot be true is a defect of the caller and says so."""
    with pytest.raises(IllegalInputError):
        step(Standing(before, 0), happened, LIMITS)


STATUSES = st.builds(
    AgentStatus,
    whatsapp=st.sampled_from(["ready", "qr", "offline", "new"]),
    paused=st.booleans(),
    outbox=st.sampled_from([0, 1_000, 1_001]),
    inbox=st.sampled_from([0, 1_001]),
)
INPUTS = st.one_of(
    st.builds(Welcomed, STATUSES),
    st.builds(Beat, STATUSES),
    st.builds(Ended, st.sampled_from([1000, 1006, 4000, 4008])),
    st.builds(Tick, st.integers(0, 10**6)),
    st.sampled_from([HubStarted(), Revoked(), Duplicate(), Unblocked()]),
)


@given(
    standing=st.builds(Standing, st.sampled_from(Status), st.integers(0, 10**6)), happened=INPUTS
)
def test_every_transition_is_one(standing: Standing, happened: Input) -> None:
    """A transition starts where the agent stands and leads elsewhere; revoked stays blocked."""
    if standing.status not in POSSIBLE[type(happened)]:
        return
    moved = step(standing, happened, LIMITS)
    if moved is not None:
        assert moved.before is standing.status is not moved.after
        assert standing.status is not BLK  # without `blocked_until` it is a revoked agent's
