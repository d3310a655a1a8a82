"""CORE: whether something that the shop starts by itself may be sent now. Plain values only.

Sources: docs/rules.md §1 (opt-out, quiet hours, modes, never-list). Whoever has the chat makes no
difference: what is sent here is a fact about an order, not an answer. A person's own words are no
business of this module.
"""

import itertools
from datetime import datetime, time
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from hub.store.policy import TenantPolicy

MINUTE_MS: Final = 60_000
WAIT_MAX_MS: Final = 24 * 3_600_000
"""News of an order that is a day old is most likely no news any more."""


class Silence(StrEnum):
    """Why something that the shop wanted to say stays unsaid."""

    SWITCHED_OFF = "switched_off"
    BARRED = "barred"
    OPTED_OUT = "opted_out"
    TOO_OLD = "too_old"


class Send(msgspec.Struct, frozen=True):
    """It may go out."""


class Later(msgspec.Struct, frozen=True):
    """It is to be looked at again then (ms UTC)."""

    at_ms: int


class Never(msgspec.Struct, frozen=True):
    """It is not to be sent at all."""

    reason: Silence


Verdict = Send | Later | Never


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """Something to be said since `created_at`, and to whom.

    `off`: the bot only records in this chat. `barred`: the shop's never-list has the number.
    """

    off: bool
    barred: bool
    opted_out: bool
    created_at: int


def verdict(policy: TenantPolicy, wish: Wish, *, now_ms: int, timezone: str) -> Verdict:
    """Whether a wish is fulfilled now; `timezone`: the shop's, by its name in the IANA list."""
    if wish.off or not policy.order_updates:
        return Never(Silence.SWITCHED_OFF)
    if wish.barred:
        return Never(Silence.BARRED)
    if wish.opted_out:
        return Never(Silence.OPTED_OUT)
    if now_ms - wish.created_at > WAIT_MAX_MS:
        return Never(Silence.TOO_OLD)
    ends_at = quiet_until(policy, now_ms, timezone)
    return Send() if ends_at is None else Later(ends_at)


def quiet_until(policy: TenantPolicy, now_ms: int, timezone: str) -> int | None:
    """When the shop's quiet hours end (ms UTC); None when it is not in them, or has none."""
    if not policy.quiet_from or not policy.quiet_to:
        return None
    begins, ends = (time.fromisoformat(text) for text in (policy.quiet_from, policy.quiet_to))
    zone = ZoneInfo(timezone)

    def is_quiet(at_ms: int) -> bool:
        clock = datetime.fromtimestamp(at_ms / 1000, zone).time()
        if begins <= ends:
            return begins <= clock < ends
        return clock >= begins or clock < ends  # over midnight

    if not is_quiet(now_ms):
        return None
    # Minute by minute, for where clocks are changed a time of day comes twice, or never.
    next_minute = now_ms - now_ms % MINUTE_MS + MINUTE_MS
    return next(at_ms for at_ms in itertools.count(next_minute, MINUTE_MS) if not is_quiet(at_ms))
