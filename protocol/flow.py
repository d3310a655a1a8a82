"""CORE: the bookkeeping of the two logs on one connection, one class for each direction.

Every number here is of this connection only; what outlives it is on the shells' disks.
"""

from collections import deque

from protocol.errors import CloseCode, LocalProtocolError, RemoteProtocolError
from protocol.messages import Ack


class Incoming:
    """The peer's log as we receive it: received ≥ committed ≥ acknowledged."""

    def __init__(self, window: int) -> None:
        """`window` is how many unacknowledged events we announced to take."""
        self._window = window
        self._received = 0  # newest seq passed to the shell
        self._committed = 0  # newest seq on the shell's disk
        self._acked = 0  # newest seq that an ack frame carried
        self._ack_due = False

    def begin(self, seq: int) -> None:
        """Start from the position that both sides agreed on."""
        self._received = self._committed = self._acked = seq

    @property
    def settled(self) -> bool:
        """Whether everything received is committed."""
        return self._committed == self._received

    def take(self, seq: int) -> bool:
        """Judge an arriving seq: True for the next event, False for one that is here already.

        Raises:
            RemoteProtocolError: 4004 for a gap, 4006 when the peer overruns our window.
        """
        if seq <= self._received:
            self._ack_due |= seq <= self._committed  # else the commit will acknowledge it
            return False
        if seq != self._received + 1:
            raise RemoteProtocolError(
                CloseCode.SEQUENCE_GAP, f"expected {self._received + 1}, got {seq}"
            )
        if seq - self._acked > self._window:
            raise RemoteProtocolError(CloseCode.WINDOW_EXCEEDED, "more events than the window")
        self._received = seq
        return True

    def commit(self, seq: int) -> None:
        """Everything up to `seq` is on disk."""
        if seq > self._received:
            raise LocalProtocolError(f"{seq} was committed but never received")
        if seq > self._committed:
            self._committed = seq
            self._ack_due = True

    def ack(self) -> Ack | None:
        """The acknowledgement that is owed, once; it covers everything committed."""
        if not self._ack_due:
            return None
        self._ack_due = False
        self._acked = self._committed
        return Ack(seq=self._committed)


class Outgoing:
    """Our own log as we send it: sent − acknowledged ≤ the peer's window."""

    def __init__(self, ack_timeout_s: float) -> None:
        """`ack_timeout_s` is how long the oldest unacknowledged event may wait."""
        self._ack_timeout_s = ack_timeout_s
        self._window = 0
        self._sent = 0
        self._acked = 0
        self._in_flight: deque[tuple[int, float]] = deque()  # (seq, when its waiting time began)
        self.paused_until: float | None = None

    def begin(self, seq: int, window: int) -> None:
        """Start from the position that both sides agreed on, with the peer's window."""
        self._sent = self._acked = seq
        self._window = window

    @property
    def next_seq(self) -> int:
        """The seq of the next event to send."""
        return self._sent + 1

    def sendable(self, now: float) -> int:
        """How many more events the peer can take now."""
        if self.paused_until is not None and now < self.paused_until:
            return 0
        return self._window - (self._sent - self._acked)

    def sent(self, seq: int, now: float) -> None:
        """An event went out."""
        if seq != self.next_seq:
            raise LocalProtocolError(f"event {seq} sent where {self.next_seq} is due")
        self._sent = seq
        self._in_flight.append((seq, now))

    def take_ack(self, seq: int) -> bool:
        """Note the peer's acknowledgement; False when it says nothing new.

        Raises:
            RemoteProtocolError: 4003 for a seq that was never sent.
        """
        if seq > self._sent:
            raise RemoteProtocolError(
                CloseCode.PROTOCOL_VIOLATION, "an ack for what was never sent"
            )
        if seq <= self._acked:
            return False
        self._acked = seq
        while self._in_flight and self._in_flight[0][0] <= seq:
            self._in_flight.popleft()
        return True

    def pause(self, until: float) -> None:
        """The peer is busy: nothing new goes out, and nobody counts the seconds."""
        self.paused_until = max(self.paused_until or until, until)

    def unpause(self, now: float) -> None:
        """The pause is over; what is unacknowledged has its full time from here."""
        self.paused_until = None
        self._in_flight = deque((seq, now) for seq, _ in self._in_flight)

    def stall_deadline(self) -> float | None:
        """When the peer counts as stalled, None while nothing is owed or it is busy."""
        if not self._in_flight or self.paused_until is not None:
            return None
        return self._in_flight[0][1] + self._ack_timeout_s
