"""CORE: when to try the hub again after a connection ended or none came about.

    ended with 4500-4999, or HTTP 400, 401, 403   the hub does not want us: a long pause
    HTTP 429, 503                                 what Retry-After says
    a drain announced before                      a moment of its window, counted from the close
    ended with 4009                               another connection took over: let it live
    all else                                      random(0, min(max, 2^n)), n the tries since one
                                                  connection lived long enough

The random value comes in as `roll`, at least 0 and below 1 (SPEC §7, §8).
"""

from email.utils import parsedate_to_datetime

import msgspec

from protocol.errors import CloseCode, may_reconnect

_DOUBLINGS_MAX = 32  # keeps 2^n a sane number; any cap is reached long before
_REFUSED = frozenset({400, 401, 403})
_LATER = frozenset({429, 503})
_LATER_MAX_S = 3600.0  # nobody means a longer pause


class Policy(msgspec.Struct, frozen=True):
    """The pauses, in seconds."""

    max_s: float = 60.0
    reset_s: float = 60.0
    replaced_wait_s: float = 60.0
    stopped_retry_s: float = 900.0


class Pause(msgspec.Struct, frozen=True):
    """How long to wait. `stopped`: the hub refused this agent, and somebody may have to act."""

    seconds: float
    stopped: bool = False


class Window(msgspec.Struct, frozen=True):
    """A drain's window for coming back; seconds from the close."""

    min_s: float
    max_s: float

    def after(self, elapsed_s: float) -> "Window":
        """What is left of it so long after the close."""
        return Window(max(0.0, self.min_s - elapsed_s), max(0.0, self.max_s - elapsed_s))


class Backoff:
    """Counts the tries since the last connection that lived long enough."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._tries = 0

    def closed(self, code: int, live_s: float, roll: float, window: Window | None = None) -> Pause:
        """The pause after a connection that was live for `live_s` (0: never) ended with `code`.

        `window` is that of a drain which the hub announced on it.
        """
        if live_s > 0 and live_s >= self._policy.reset_s:
            self._tries = 0
        if not may_reconnect(code):
            return self._stopped()
        if window is not None:
            return Pause(window.min_s + roll * (window.max_s - window.min_s))
        if code == CloseCode.REPLACED:
            return Pause(self._policy.replaced_wait_s)
        return self._jittered(roll)

    def refused(self, status: int, retry_after_s: float | None, roll: float) -> Pause:
        """The pause after an HTTP answer with `status` instead of a connection."""
        if status in _REFUSED:
            return self._stopped()
        if status in _LATER and retry_after_s:  # 0 names no pause: it must not make us spin
            return Pause(min(retry_after_s, _LATER_MAX_S))
        return self._jittered(roll)

    def failed(self, roll: float) -> Pause:
        """The pause after the hub could not be reached."""
        return self._jittered(roll)

    def _stopped(self) -> Pause:
        return Pause(self._policy.stopped_retry_s, stopped=True)

    def _jittered(self, roll: float) -> Pause:
        """Full jitter: agents that were cut off together do not come back together."""
        cap = min(self._policy.max_s, 2.0**self._tries)
        self._tries = min(self._tries + 1, _DOUBLINGS_MAX)
        return Pause(roll * cap)


def retry_after_s(header: str | None, now_ms: int) -> float | None:
    """The seconds that a Retry-After header asks for (RFC 9110 §10.2.3), None for none."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, moment.timestamp() - now_ms / 1000)
