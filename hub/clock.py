"""The one room where time is read; everybody else is handed a clock or a moment."""

import time
from typing import Protocol


class Clock(Protocol):
    def now_ms(self) -> int:
        """Wall time, integer milliseconds UTC: what is stored and shown."""

    def monotonic(self) -> float:
        """Seconds that never step back, from an arbitrary start: what intervals are measured in."""


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """Wall time, integer milliseconds UTC."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds that never step back."""
        return time.monotonic()
