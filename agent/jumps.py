"""CORE: did the computer sleep, or was its clock set? And when to search again after that.

Two clocks are read at every tick. While a computer sleeps its wall clock goes on; its monotonic
clock stands still on Linux and macOS and goes on under Windows, where only the late tick tells.
"""

from typing import Final

import msgspec

JUMP_S: Final = 30.0  # more than a busy computer is late, less than a nap
TICK_S: Final = 5.0
SETTLE_S: Final = 60.0  # after waking up a page needs a while to fetch what it missed
RETRIES_S: Final = (10.0, 30.0, 60.0, 300.0)  # after searches that failed in a row


class Reading(msgspec.Struct, frozen=True):
    """Both clocks at one moment: wall (ms UTC) and monotonic (seconds)."""

    now_ms: int
    monotonic: float


def jump_s(before: Reading, after: Reading) -> float:
    """By how many seconds a tick shows that time was not lived through; 0 when it was.

    Below zero: the wall clock was set back.
    """
    lived_s = after.monotonic - before.monotonic
    apart_s = (after.now_ms - before.now_ms) / 1000 - lived_s
    if abs(apart_s) > JUMP_S:
        return apart_s
    late_s = lived_s - TICK_S
    return late_s if late_s > JUMP_S else 0.0


class Searching(msgspec.Struct, frozen=True):
    """What is known of the last searches. `settles`: one more is due after this one."""

    failures: int = 0
    settles: bool = False


def pause_s(searching: Searching, every_s: float) -> float | None:
    """How long to wait for something to happen before all chats are searched again; None: ever.

    `every_s` is the usual pause, 0 for none.
    """
    pauses = [every_s] if every_s > 0 else []
    if searching.settles:
        pauses.append(SETTLE_S)
    if searching.failures:
        pauses.append(RETRIES_S[min(searching.failures, len(RETRIES_S)) - 1])
    return min(pauses, default=None)
