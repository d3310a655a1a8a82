"""CORE: which of two connections of one agent may stay (SPEC §8).

A hello is judged against the agent's live connection, if it has one, and against the takeovers of
the last while. Two instances that keep replacing each other - a copied disk - are both kept out.
Moments are wall-clock milliseconds: counting and block outlive the process.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Final
from uuid import UUID

import msgspec

TAKEOVERS_MAX: Final = 3  # the third within the window blocks the agent


class Verdict(Enum):
    """What becomes of a hello."""

    ACCEPT = "accept"  # nobody else was there
    REPLACE = "replace"  # the live connection closes 4009
    REFUSE = "refuse"  # the newcomer closes 4009
    BLOCK = "block"  # both close 4501, the agent is blocked from now on
    BLOCKED = "blocked"  # the newcomer closes 4501, the block begins anew
    REVOKED = "revoked"  # the newcomer closes 4500


class Claim(msgspec.Struct, frozen=True):
    """A hello. `new_epoch`: no position is recorded for its `up` epoch."""

    instance_id: UUID
    conn_no: int
    new_epoch: bool


class Live(msgspec.Struct, frozen=True):
    """The connection that is there already."""

    instance_id: UUID
    conn_no: int


class Takeover(msgspec.Struct, frozen=True):
    """One that was recorded earlier: `winner` replaced `loser`."""

    at: int
    winner: UUID
    loser: UUID


class Bar(msgspec.Struct, frozen=True):
    """What keeps an agent out: revoked for good, or blocked until a moment."""

    revoked: bool = False
    blocked_until: int | None = None


class Ruling(msgspec.Struct, frozen=True):
    """The verdict; `record` is the takeover to remember, `blocked_until` the block to write."""

    verdict: Verdict
    record: Takeover | None = None
    blocked_until: int | None = None


def judge(
    claim: Claim,
    live: Live | None,
    past: Sequence[Takeover],
    bar: Bar,
    now: int,
    window_ms: int,
) -> Ruling:
    """Decide about a hello that arrives at `now`."""
    if bar.revoked:
        return Ruling(Verdict.REVOKED)
    if bar.blocked_until is not None and now < bar.blocked_until:
        return Ruling(Verdict.BLOCKED, blocked_until=now + window_ms)
    if live is None:
        return Ruling(Verdict.ACCEPT)
    if claim.conn_no <= live.conn_no and not claim.new_epoch:
        return Ruling(Verdict.REFUSE)
    if claim.instance_id == live.instance_id:
        return Ruling(Verdict.REPLACE)
    record = Takeover(now, claim.instance_id, live.instance_id)
    if 1 + _count(past, record, window_ms) >= TAKEOVERS_MAX:
        return Ruling(Verdict.BLOCK, record, now + window_ms)
    return Ruling(Verdict.REPLACE, record)


def _count(past: Sequence[Takeover], record: Takeover, window_ms: int) -> int:
    """How many of `past` were between the same two instances, within the window."""
    pair = {record.winner, record.loser}
    since = record.at - window_ms
    return sum(1 for it in past if it.at > since and {it.winner, it.loser} == pair)
