"""The way out of a connection: frames wait here, within bounds, while the socket takes nothing."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from protocol.session import Closing

FRAMES_MAX: Final = 512  # an agent that takes nothing of so much is not there any more
READ_AHEAD_MAX: Final = 256  # so many answers waiting hold back what is read next


class Wire(Protocol):
    """A socket that was accepted. None of the calls waits, and none fails when it is gone."""

    def write(self, frames: Sequence[str]) -> None: ...

    def hang_up(self, code: int, reason: str) -> None: ...

    def abort(self) -> None: ...

    def hold(self, on: bool) -> None: ...

    def rest(self, seconds: float) -> None: ...


class Outlet:
    """Writes to a wire as long as it takes more; calls `gave_up` when it takes nothing for long."""

    def __init__(self, wire: Wire, timeout_s: float, gave_up: Callable[[], None]) -> None:
        self.wire = wire
        self._timeout_s = timeout_s
        self._gave_up = gave_up
        self._frames: list[str] = []
        self._closing: Closing | None = None
        self._takes_more = True
        self._holds = False  # reading, because too many answers wait
        self._stall: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """How many frames the socket has not taken yet."""
        return len(self._frames)

    @property
    def is_silent(self) -> bool:
        """Whether everything was said, the close frame included."""
        return not self._frames and self._closing is None

    def put(self, frames: Sequence[str]) -> bool:
        """Add frames for the next `flush`; False, and nothing is left, when too many wait."""
        self._frames.extend(frames)
        if self._takes_more or len(self._frames) <= FRAMES_MAX:
            return True
        self._frames.clear()  # nobody reads it, and the logs say the rest next time
        return False

    def flush(self, closing: Closing | None = None) -> None:
        """Put on the socket what waits, as far as it takes it; `closing` follows as the last."""
        self._closing = closing or self._closing
        if not self._takes_more:
            self._hold(on=len(self._frames) > READ_AHEAD_MAX)
            return
        if self._frames:
            frames, self._frames = self._frames, []
            self.wire.write(frames)
        if self._closing is not None:
            farewell, self._closing = self._closing, None
            self.wire.hang_up(*farewell)
        self._hold(on=False)

    def writable(self, now: bool) -> None:
        """The socket takes more, or for the time being it does not."""
        self._takes_more = now
        if now:
            self.end()
            self.flush()
        elif self._stall is None:
            loop = asyncio.get_running_loop()
            self._stall = loop.call_later(self._timeout_s, self._gave_up)

    def clear(self) -> None:
        """Forget what waits: there is nobody to hear it."""
        self._frames, self._closing = [], None

    def cut(self) -> None:
        """End the connection at once."""
        self.clear()
        self.wire.abort()

    def end(self) -> None:
        """Stop waiting for the socket."""
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _hold(self, *, on: bool) -> None:
        """Read on only while the answers get away: a flood slows nobody but its sender."""
        if on is not self._holds:
            self._holds = on
            self.wire.hold(on)
