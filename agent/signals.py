"""The ways in which a system asks a process to end."""

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_NUMBERS: Final = [signal.SIGINT, signal.SIGTERM]
if sys.platform == "win32":
    _NUMBERS.append(signal.SIGBREAK)  # its window is closed, or Ctrl-Break


@contextmanager
def stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` on the first signal that asks for it; a second one has its usual effect."""
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in _NUMBERS}

    def restore() -> None:
        for number in _NUMBERS:
            signal.signal(number, before[number])

    def on_signal(*_: object) -> None:
        restore()
        loop.call_soon_threadsafe(stop)

    for number in _NUMBERS:
        signal.signal(number, on_signal)
    try:
        yield
    finally:
        restore()
