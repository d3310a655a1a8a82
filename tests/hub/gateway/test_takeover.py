"""Which of two connections of one agent stays."""

from uuid import UUID

import pytest

from hub.gateway.takeover import Bar, Claim, Live, Ruling, Takeover, Verdict, judge

pytestmark = pytest.mark.core

A, B, C = UUID(int=1), UUID(int=2), UUID(int=3)
WINDOW = 600_000
NOW = 10_000_000


def rule(
    claim: Claim, live: Live | None, past: tuple[Takeover, ...] = (), bar: Bar | None = None
) -> Ruling:
    return judge(claim, live, past, bar or Bar(), NOW, WINDOW)


@pytest.mark.parametrize("conn_no", [0, 1, 99])
def test_without_a_live_connection_any_hello_is_accepted(conn_no: int) -> None:
    """`conn_no` is compared only with a live connection."""
    assert rule(Claim(A, conn_no, new_epoch=False), None) == Ruling(Verdict.ACCEPT)


@pytest.mark.parametrize(
    ("conn_no", "new_epoch", "verdict"),
    [
        (8, False, Verdict.REPLACE),
        (7, False, Verdict.REFUSE),
        (6, False, Verdict.REFUSE),
        (7, True, Verdict.REPLACE),
        (6, True, Verdict.REPLACE),
    ],
)
def test_a_higher_number_or_a_new_epoch_wins(
    conn_no: int, *, new_epoch: bool, verdict: Verdict
) -> None:
    """Against a live connection 7, equal counts as lower; the same instance is never counted."""
    assert rule(Claim(A, conn_no, new_epoch), Live(A, 7)) == Ruling(verdict)


def test_another_instance_that_wins_is_recorded() -> None:
    """Only takeovers between two instances are remembered."""
    assert rule(Claim(A, 8, new_epoch=False), Live(B, 7)) == Ruling(
        Verdict.REPLACE, Takeover(NOW, A, B)
    )


def test_another_instance_that_loses_is_not_recorded() -> None:
    """A refusal is no takeover."""
    assert rule(Claim(A, 7, new_epoch=False), Live(B, 7)) == Ruling(Verdict.REFUSE)


def test_the_third_takeover_of_two_instances_blocks_the_agent() -> None:
    """Both directions count; the block lasts one window."""
    past = (Takeover(NOW - 1_000, A, B), Takeover(NOW - 2_000, B, A))
    assert rule(Claim(A, 8, new_epoch=False), Live(B, 7), past) == Ruling(
        Verdict.BLOCK, Takeover(NOW, A, B), NOW + WINDOW
    )


@pytest.mark.parametrize(
    "past",
    [
        (Takeover(NOW - 1_000, A, B),),
        (Takeover(NOW - 1_000, A, B), Takeover(NOW - WINDOW, B, A)),
        (Takeover(NOW - 1_000, A, B), Takeover(NOW - 2_000, A, C), Takeover(NOW - 3_000, C, B)),
    ],
)
def test_fewer_older_or_other_takeovers_do_not_block(past: tuple[Takeover, ...]) -> None:
    """The third counts, within the window, among the same two."""
    assert rule(Claim(A, 8, new_epoch=False), Live(B, 7), past).verdict is Verdict.REPLACE


def test_a_hello_during_the_block_begins_it_anew() -> None:
    """It ends when a whole window passed without a hello."""
    bar = Bar(blocked_until=NOW + 1)
    assert rule(Claim(A, 8, new_epoch=True), None, bar=bar) == Ruling(
        Verdict.BLOCKED, blocked_until=NOW + WINDOW
    )


def test_a_block_that_is_over_is_over() -> None:
    """At its very end the next hello is judged normally."""
    assert rule(Claim(A, 8, new_epoch=False), None, bar=Bar(blocked_until=NOW)) == Ruling(
        Verdict.ACCEPT
    )


def test_a_revoked_agent_is_told_so() -> None:
    """Its token was good at the upgrade; the revocation came before the hello."""
    assert rule(Claim(A, 8, new_epoch=True), Live(B, 1), bar=Bar(revoked=True)) == Ruling(
        Verdict.REVOKED
    )
