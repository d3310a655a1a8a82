"""CORE: whether a model's endpoint is asked at all, or left alone for a while.

A refused key or an exhausted quota opens the breaker at once, since no repetition helps; other
failures open it when there are several within a short time. After its time one call is let
through: its end decides.
"""

from collections import deque
from typing import Final, Literal

Fault = Literal[
    "refused", "quota", "rejected", "limited", "server", "unreachable", "timeout", "nonsense"
]
"""Why a call gave no answer: key refused, money gone, this one request rejected, too many, ..."""

AT_ONCE: Final[frozenset[Fault]] = frozenset(("refused", "quota"))

NO_USE: Final[frozenset[Fault]] = AT_ONCE | {"rejected"}
"""Nobody asks the same again. What one conversation is rejected for is no reason for the others."""

FAILURES_MAX: Final = 3
WINDOW_S: Final = 60.0
OPEN_S: Final = 60.0
REFUSED_S: Final = 600.0
"""A key or a quota is put right by a person: asking every minute would only fill their log."""

TRIAL_S: Final = 30.0
"""After this a trial counts as lost: a turn ends within 25 s."""


class Breaker:
    """Times are seconds of one clock that never steps back."""

    def __init__(
        self,
        failures_max: int = FAILURES_MAX,
        window_s: float = WINDOW_S,
        open_s: float = OPEN_S,
        refused_s: float = REFUSED_S,
    ) -> None:
        self._failures_max = failures_max
        self._window_s = window_s
        self._open_s = open_s
        self._refused_s = refused_s
        self._failed_at: deque[float] = deque()
        self._open_until_s: float | None = None
        self._trying = False
        self.reason: Fault | None = None
        """Why it is open; None when it is closed."""

    @property
    def is_open(self) -> bool:
        """Whether something has to go well before calls are made freely again."""
        return self._open_until_s is not None

    def blocks(self, now_s: float) -> bool:
        """Whether `allows` would say no; asking changes nothing."""
        return self._open_until_s is not None and now_s < self._open_until_s

    def allows(self, now_s: float) -> bool:
        """Whether a call may be made; of an open breaker one trial at a time, when its time came.

        Whoever gets True tells how the call ended, or the place is free again after `TRIAL_S`.
        """
        if self._open_until_s is None:
            return True
        if self.blocks(now_s):
            return False
        self._open_until_s = now_s + TRIAL_S
        self._trying = True
        return True

    def succeeded(self) -> None:
        """A call was answered. One that began before the breaker opened closes nothing."""
        if self._trying:
            self._trying = False
            self._open_until_s = self.reason = None

    def failed(self, fault: Fault, now_s: float) -> bool:
        """A call gave no answer; whether that opened it for a reason that a person puts right.

        While it stays open for that reason the answer is no: it was told.
        """
        if fault in AT_ONCE:
            is_news = fault != self.reason
            self._open(fault, now_s + self._refused_s)
            return is_news
        self._failed_at.append(now_s)
        while self._failed_at[0] <= now_s - self._window_s:
            self._failed_at.popleft()
        if self.is_open or len(self._failed_at) >= self._failures_max:
            self._open(fault, now_s + self._open_s)
        return False

    def _open(self, fault: Fault, until_s: float) -> None:
        if self._open_until_s is None or self.reason not in AT_ONCE or fault in AT_ONCE:
            self.reason = fault
        self._open_until_s = until_s
        self._trying = False
        self._failed_at.clear()
