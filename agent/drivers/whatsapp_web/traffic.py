"""What goes through the page: sendings under way, and when something came or went last."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


class Traffic:
    """Times are monotonic seconds."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._sendings = 0
        self._send_began: float | None = None
        self._noted: float | None = None
        self._idle = asyncio.Event()
        self._idle.set()

    def note(self) -> None:
        """A message or a tick came."""
        self._noted = self._monotonic()

    @contextmanager
    def sending(self) -> Iterator[None]:
        """A message is given to the page while the block runs."""
        self._send_began = self._monotonic()
        self._sendings += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._sendings -= 1
            self.note()
            if self._sendings == 0:
                self._idle.set()

    @property
    def quiet_s(self) -> float | None:
        """Since a message came or went; None: none did."""
        if self._sendings:
            return 0.0
        return None if self._noted is None else self._monotonic() - self._noted

    @property
    def send_s(self) -> float | None:
        """Since the newest sending began; None: there was none."""
        return None if self._send_began is None else self._monotonic() - self._send_began

    async def sent(self, grace_s: float) -> None:
        """Wait until nothing is under way, or the newest sending is older than that."""
        left_s = grace_s - (self.send_s or 0.0)
        if left_s > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._idle.wait()
