"""Event loops whose time can be moved forward: a script that waits ten minutes takes no time.

Limits on real sockets are set against a loop's own time. What moves it forward is the one that
keeps everybody waiting; all other work takes as long as it takes.
"""

import asyncio
from concurrent.futures import Future
from typing import Final

HOPS: Final = 50
"""So many rounds of a loop are enough for what a time that has come sets off without waiting."""

HOPS_MAX_S: Final = 1.0
"""For these rounds, however busy the machine is; a loop that is ending makes none."""


class Clockwork:
    """Makes loops that share one time. `skip` is called in one of them."""

    def __init__(self) -> None:
        self.skipped_s = 0.0
        self._loops: list[asyncio.AbstractEventLoop] = []

    def new_loop(self) -> asyncio.AbstractEventLoop:
        """A loop that has this time."""
        loop = _Loop(self)
        self._loops.append(loop)
        return loop

    async def skip(self, seconds: float) -> None:
        """Let so much time pass for all loops at once, until each did what is due by then."""
        self.skipped_s += seconds
        turned = [_turned(loop) for loop in self._loops if loop.is_running()]
        waiting = [asyncio.wrap_future(one) for one in turned]
        await asyncio.wait(waiting, timeout=HOPS_MAX_S)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, clockwork: Clockwork) -> None:
        self._clockwork = clockwork
        super().__init__()

    def time(self) -> float:
        """Seconds that passed, and those that were skipped."""
        return super().time() + self._clockwork.skipped_s


def _turned(loop: asyncio.AbstractEventLoop) -> Future[None]:
    """Done when the loop made its rounds; waking it has it look at its clock."""
    done: Future[None] = Future()

    def hop(left: int) -> None:
        if left:
            loop.call_soon(hop, left - 1)
        elif not done.cancelled():
            done.set_result(None)

    loop.call_soon_threadsafe(hop, HOPS)
    return done
