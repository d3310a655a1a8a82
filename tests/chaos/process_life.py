"""What the main programs of hub and agent share in a chaos run: a wrong clock, and a common end."""

import ctypes
import signal
import sys
import time
from pathlib import Path
from typing import Final

ENV_CLOCK: Final = "CHAOS_CLOCK"
ENV_SESSION: Final = "CHAOS_SESSION"
_LOOK_EVERY_S: Final = 0.05
_PR_SET_PDEATHSIG: Final = 1


class JumpingClock:
    """The machine's clock plus as many seconds as stand in a file, which may change at any time."""

    def __init__(self, offset: Path) -> None:
        self._offset = offset
        self._offset_ms = 0
        self._look_at = 0.0

    def now_ms(self) -> int:
        """Wall time, milliseconds UTC."""
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + _LOOK_EVERY_S
            text = self._offset.read_text() if self._offset.exists() else ""
            self._offset_ms = round(float(text or 0) * 1000)
        return time.time_ns() // 1_000_000 + self._offset_ms

    def monotonic(self) -> float:
        """Seconds that never step back."""
        return time.monotonic()


def end_with_parent() -> None:
    """Let no process outlive the run that started it, however that ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
