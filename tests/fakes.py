"""Working stand-ins for what the house is handed from outside: no mocks, each keeps a contract."""


class FakeClock:
    """A clock that moves only when told to (hub.clock.Clock, agent clocks of the same shape)."""

    def __init__(self, now_ms: int = 1_800_000_000_000, monotonic: float = 1000.0) -> None:
        self._now_ms = now_ms
        self._monotonic = monotonic

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass, on both scales."""
        self._now_ms += round(seconds * 1000)
        self._monotonic += seconds

    def set_wall(self, now_ms: int) -> None:
        """Correct the wall clock, forwards or backwards, as a time server would."""
        self._now_ms = now_ms
