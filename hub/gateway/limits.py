"""CORE: how often one address or agent may do a thing. `now` is monotonic seconds.

A limit counts the marks of the last `window_s` exactly (a log of moments, not a bucket), because
the protocol promises figures: the sixth wrong pairing code within a minute is refused, and the
`Retry-After` that goes with it is the moment when a try counts again.
"""

import math
from collections import OrderedDict, deque
from typing import Final

WINDOW_S: Final = 60.0  # every figure of SPEC §2 is per minute
KEYS_MAX: Final = 10_000  # about 5 MB at worst; beyond it the longest unseen key is forgotten


class RateLimit:
    """At most `per_window` marks of a key within `window_s`; a fraction counts as a whole."""

    def __init__(
        self, per_window: float, window_s: float = WINDOW_S, keys_max: int = KEYS_MAX
    ) -> None:
        self._most = max(1, math.ceil(per_window))
        self._window_s = window_s
        self._keys_max = keys_max
        self._marks: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, key: str, now: float) -> float:
        """Seconds until `key` may go on; 0.0 when it may at once."""
        marks = self._marks.get(key)
        if marks is None:
            return 0.0
        self._forget(key, marks, now)
        if len(marks) < self._most:
            return 0.0
        return marks[-self._most] + self._window_s - now

    def mark(self, key: str, now: float) -> None:
        """Count one use by `key`."""
        marks = self._marks.setdefault(key, deque(maxlen=self._most))
        marks.append(now)
        self._marks.move_to_end(key)
        if len(self._marks) > self._keys_max:
            self._marks.popitem(last=False)

    def take(self, key: str, now: float) -> float:
        """Count one use by `key` if it may go on (0.0), else say how many seconds it waits."""
        wait_s = self.wait_s(key, now)
        if wait_s == 0.0:
            self.mark(key, now)
        return wait_s

    def _forget(self, key: str, marks: deque[float], now: float) -> None:
        while marks and marks[0] <= now - self._window_s:
            marks.popleft()
        if not marks:
            del self._marks[key]


class Allowance:
    """So much a second, and as much at once; what is beyond is paid with waiting."""

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._used = 0.0
        self._at = 0.0

    def use(self, count: int, now: float) -> float:
        """Use so many, whether or not they are there; how long to wait before the next."""
        self._used = max(0.0, self._used - (now - self._at) * self._per_s) + count
        self._at = now
        return max(0.0, self._used / self._per_s - 1.0)
