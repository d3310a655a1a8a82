"""CORE: one connection between an agent and its hub, for either side, without any I/O.

    OPENING ──hello──▶ JUDGING ──welcome()/start()──▶ LIVE ──▶ CLOSED      (any state may close)

A shell owns the socket, the disk and the clock. It feeds frames in (`receive_data`), reads what
came about (`happenings`), puts on the socket what is due (`data_to_send`, then `close_to_send`) and
wakes the session when `get_timer` says so. Time is a monotonic number of seconds, always passed in.

Where a message is acknowledged: `EventReceived` goes out in `_take_event`; the shell commits the
event together with its position and calls `committed`; the ack leaves with the next `data_to_send`.

What a peer does wrong never raises here: it closes the session with the code that SPEC §7 names.
What the shell does wrong raises LocalProtocolError. A connection may end while the shell is still
at work for it: what it then answers is dropped without an error, because there is nobody to hear
it. Section numbers are those of SPEC.md.
"""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

import msgspec

from protocol import codec
from protocol.errors import CloseCode, LocalProtocolError, RemoteProtocolError
from protocol.flow import Incoming, Outgoing
from protocol.happenings import (
    BusyReceived,
    ConnectionClosed,
    DrainReceived,
    ErrorReceived,
    EventReceived,
    EventsAcknowledged,
    FrameDropped,
    Happening,
    HeartbeatDue,
    HeartbeatReceived,
    HelloReceived,
    SendingResumed,
    TypingReceived,
    WelcomeReceived,
)
from protocol.messages import (
    EVENTS,
    FRAME_MAX_BYTES,
    WINDOW_MAX,
    Ack,
    AgentStatus,
    Control,
    Drain,
    Error,
    Event,
    Frame,
    Heartbeat,
    HeartbeatAck,
    HeldPosition,
    Hello,
    QuarantinedEvent,
    Typing,
    UnknownControl,
    Way,
    Welcome,
)

RATE_PERIOD_S = 60.0  # over which `loose_frames_per_min` counts
HELD_SIZE_MAX = 16 * FRAME_MAX_BYTES  # characters of frames that wait for a welcome
BEAT_INTERVAL_MIN_S = 0.02  # a welcome that says 0 must not make an agent spin


class Role(Enum):
    """The side that a session speaks for; the value is the way its own messages go."""

    HUB = "down"
    AGENT = "up"


class State(Enum):
    """Where a connection stands."""

    OPENING = "opening"  # the hub awaits a hello, the agent a welcome
    JUDGING = "judging"  # the shell compares it with its disk; frames that come in are held
    LIVE = "live"
    CLOSED = "closed"


class Settings(msgspec.Struct, frozen=True):
    """Limits of one session; seconds. An agent takes the heartbeat's times from the welcome."""

    window: int = 32
    hello_timeout_s: float = 10.0
    ack_timeout_s: float = 30.0
    heartbeat_interval_s: float = 20.0
    heartbeat_timeout_s: float = 45.0
    loose_frames_per_min: int = 600


class Closing(NamedTuple):
    """The close frame to send, after all data."""

    code: int
    reason: str


class Session:
    """The protocol's state on one connection."""

    def __init__(
        self, role: Role, settings: Settings, now: float, hello: Hello | None = None
    ) -> None:
        """Open a connection at `now`. An agent passes its `hello`, which is queued at once."""
        if (role is Role.AGENT) != (hello is not None):
            raise LocalProtocolError("an agent opens with its hello, a hub without")
        self.role = role
        self.state = State.OPENING
        self._settings = settings
        self._hello = hello
        self._happenings: list[Happening] = []
        self._output: list[str] = []
        self._closing: Closing | None = None
        self._held: list[str | bytes] = []  # frames that came in while judging
        self._held_size = 0
        self._incoming = Incoming(settings.window)
        self._outgoing = Outgoing(settings.ack_timeout_s)
        # Timers (§6).
        self._opening_deadline: float | None = now + settings.hello_timeout_s
        if role is Role.AGENT:  # a hub that says nothing is as dead as one that stops answering
            self._opening_deadline = now + settings.heartbeat_timeout_s
        self._beat_interval = settings.heartbeat_interval_s
        self._beat_timeout = settings.heartbeat_timeout_s
        self._beat_due: float | None = None
        self._beat_n = 0
        self._silence_deadline: float | None = None
        self._draining = False
        self._drain_deadline: float | None = None
        self._loose_since = now
        self._loose_count = 0
        if hello is not None:
            self._output.append(codec.encode(hello))

    # --- what comes in --------------------------------------------------------------------

    def receive_data(self, frame: str | bytes, now: float) -> None:
        """Take one frame; bytes stand for a binary frame, which the protocol does not have."""
        if self.state is State.CLOSED:
            return
        if self.state is State.JUDGING:
            self._hold(frame)
            return
        try:
            if not isinstance(frame, str):
                raise RemoteProtocolError(CloseCode.PROTOCOL_VIOLATION, "binary frame")
            self._take(codec.decode(frame), frame, now)
        except RemoteProtocolError as error:
            self.close(error.code, error.reason)

    def receive_close(self, code: int) -> None:
        """The peer closed with `code`, or with 1006 the network did."""
        if self.state is not State.CLOSED:
            self.state = State.CLOSED
            self._output.clear()
            self._happenings.append(ConnectionClosed(code, "", by_peer=True))

    def happenings(self) -> list[Happening]:
        """What came about since the last call, in order."""
        drained, self._happenings = self._happenings, []
        return drained

    def _hold(self, frame: str | bytes) -> None:
        self._held_size += len(frame)
        if len(self._held) >= WINDOW_MAX or self._held_size > HELD_SIZE_MAX:
            self._held.clear()
            self.close(CloseCode.WINDOW_EXCEEDED, "too much before the welcome")
        else:
            self._held.append(frame)

    def _release(self, now: float) -> None:
        held, self._held = self._held, []
        for frame in held:
            self.receive_data(frame, now)

    def _take(self, frame: Frame, text: str, now: float) -> None:
        if self.state is State.OPENING:
            self._take_opening(frame)
        elif isinstance(frame, Event | QuarantinedEvent):
            self._take_event(frame, text)
        elif isinstance(frame, UnknownControl):
            self._within_rate(frame.type, now)
        else:
            self._take_control(frame, now)

    def _take_opening(self, frame: Frame) -> None:
        match frame:
            case Hello() if self.role is Role.HUB:
                self._require(
                    frame.down.epoch is not None or frame.down.seq == 0,
                    "a position needs its epoch",
                )
                self._hello = frame
                self._judge(HelloReceived(frame))
            case Welcome() if self.role is Role.AGENT:
                self._adopt(frame)
                self._judge(WelcomeReceived(frame))
            case Error() | UnknownControl() if self.role is Role.AGENT:
                pass
            case _:
                first = "hello" if self.role is Role.HUB else "welcome"
                raise RemoteProtocolError(
                    CloseCode.PROTOCOL_VIOLATION, f"the first frame is a {first}"
                )

    def _judge(self, happening: Happening) -> None:
        self.state = State.JUDGING
        self._opening_deadline = None
        self._happenings.append(happening)

    def _adopt(self, welcome: Welcome) -> None:
        """Take the hub's figures and both positions (§5)."""
        assert self._hello is not None  # noqa: S101 - an agent's session begins with its hello
        held: HeldPosition = self._hello.down
        if welcome.down.epoch == held.epoch:
            self._incoming.begin(held.seq)
        else:
            self._require(welcome.down.seq == 0, "a new epoch starts at 0")
            self._incoming.begin(0)
        self._outgoing.begin(welcome.up.seq, welcome.window)
        self._beat_interval = max(welcome.heartbeat.interval_s, BEAT_INTERVAL_MIN_S)
        self._beat_timeout = welcome.heartbeat.timeout_s

    def _take_event(self, event: Event | QuarantinedEvent, text: str) -> None:
        if not self._incoming.take(event.seq):
            return
        known = EVENTS.get(event.type)
        if known is not None and self._is_ours(known.WAY):
            event = _quarantine(event, "unknown_type", "this event goes the other way", text)
        self._happenings.append(EventReceived(event, text))

    def _take_control(self, frame: Control, now: float) -> None:
        self._require(not self._is_ours(frame.WAY), f"{frame.TYPE} goes the other way")
        match frame:
            case Ack():
                if self._outgoing.take_ack(frame.seq):
                    self._happenings.append(EventsAcknowledged(frame.seq))
            case Heartbeat():
                self._silence_deadline = now + self._beat_timeout
                self._happenings.append(HeartbeatReceived(frame))
            case HeartbeatAck():
                self._silence_deadline = now + self._beat_timeout
            case Typing():
                if self._within_rate(frame.TYPE, now):
                    self._happenings.append(TypingReceived(frame))
            case Error():
                if self._within_rate(frame.TYPE, now):
                    self._take_error(frame, now)
            case Drain():
                self._draining = True
                self._happenings.append(DrainReceived(frame))
                self._leave_when_settled()
            case _:
                raise RemoteProtocolError(CloseCode.PROTOCOL_VIOLATION, f"a second {frame.TYPE}")

    def _take_error(self, error: Error, now: float) -> None:
        if error.code != "busy" or error.retry_after_s is None:
            self._happenings.append(ErrorReceived(error))
            return
        self._outgoing.pause(now + error.retry_after_s)
        self._happenings.append(BusyReceived(error.retry_after_s))

    def _within_rate(self, name: str, now: float) -> bool:
        """Count a frame that costs the sender nothing; the first over the limit is answered."""
        if now - self._loose_since >= RATE_PERIOD_S:
            self._loose_since, self._loose_count = now, 0
        self._loose_count += 1
        over = self._loose_count - self._settings.loose_frames_per_min
        if over > 0:
            self._happenings.append(FrameDropped(name))
        if over == 1:
            self.send(
                Error(code="rate_limited", message="too many frames a minute", retryable=True)
            )
        return over <= 0

    @staticmethod
    def _require(holds: bool, reason: str) -> None:
        if not holds:
            raise RemoteProtocolError(CloseCode.PROTOCOL_VIOLATION, reason)

    # --- what goes out --------------------------------------------------------------------

    def welcome(self, welcome: Welcome, now: float) -> None:
        """Accept the hello (hub). Frames that came meanwhile are taken up now."""
        if self.state is State.CLOSED:
            return
        if self.role is not Role.HUB or self.state is not State.JUDGING or self._hello is None:
            raise LocalProtocolError("welcome answers a hello, once")
        self.state = State.LIVE
        self._output.append(codec.encode(welcome))
        self._incoming.begin(welcome.up.seq)
        self._outgoing.begin(welcome.down.seq, self._hello.window)
        self._beat_timeout = welcome.heartbeat.timeout_s
        self._silence_deadline = now + self._beat_timeout
        self._release(now)

    def start(self, first_beat_s: float, now: float) -> None:
        """Go live after the welcome (agent); the first heartbeat follows in `first_beat_s`."""
        if self.state is State.CLOSED:
            return
        if self.role is not Role.AGENT or self.state is not State.JUDGING:
            raise LocalProtocolError("start answers a welcome, once")
        self.state = State.LIVE
        self._beat_due = now + first_beat_s
        self._silence_deadline = now + self._beat_timeout
        self._release(now)

    def committed(self, seq: int) -> None:
        """Everything received up to `seq` is on disk, with its position: acknowledge it."""
        if self.state is not State.CLOSED:
            self._incoming.commit(seq)
            self._leave_when_settled()

    @property
    def next_seq(self) -> int:
        """The seq of the next event to send."""
        return self._outgoing.next_seq

    def sendable(self, now: float) -> int:
        """How many more events the peer can take now."""
        if self.state is not State.LIVE or self._draining:
            return 0
        return self._outgoing.sendable(now)

    def send_events(self, rows: Sequence[codec.LogRow], now: float) -> None:
        """Send the next rows of our log: consecutive from `next_seq`, at most `sendable` many."""
        if len(rows) > self.sendable(now):
            raise LocalProtocolError("more events than the peer can take")
        for row in rows:
            self._outgoing.sent(row.seq, now)
            self._output.append(codec.encode_row(row))

    def send(self, control: Control) -> None:
        """Send a control frame of our side. Acks, handshake and heartbeats have their own calls."""
        if self.state is State.CLOSED:
            return
        if self.state is not State.LIVE:
            raise LocalProtocolError(f"{control.TYPE} cannot be sent while {self.state.value}")
        if control.WAY not in (self.role.value, "both") or isinstance(control, Ack):
            raise LocalProtocolError(f"{control.TYPE} is not ours to send")
        self._output.append(codec.encode(control))

    def heartbeat(self, status: AgentStatus) -> None:
        """Tell the hub how the agent is, upon HeartbeatDue."""
        self._beat_n += 1
        self.send(Heartbeat(n=self._beat_n, status=status))

    def busy(self, message: str, retry_after_s: float) -> None:
        """Ask the peer to send no new event for a while."""
        self.send(Error(code="busy", message=message, retryable=True, retry_after_s=retry_after_s))

    def drain(self, drain: Drain, now: float) -> None:
        """Ask the agent to leave (hub); one that has not by the deadline is closed with 1012."""
        self.send(drain)
        self._draining = True
        self._drain_deadline = now + drain.deadline_s

    def close(self, code: int, reason: str) -> None:
        """End the connection; what is queued still goes out before the close frame. Idempotent."""
        if self.state is State.CLOSED:
            return
        self._queue_ack()
        self.state = State.CLOSED
        self._closing = Closing(code, reason)
        self._happenings.append(ConnectionClosed(code, reason, by_peer=False))

    def data_to_send(self) -> list[str]:
        """The frames to put on the socket now, in order."""
        if self.state is State.LIVE:
            self._queue_ack()
        drained, self._output = self._output, []
        return drained

    def close_to_send(self) -> Closing | None:
        """The close frame, once, when this side ends the connection; after `data_to_send`."""
        closing, self._closing = self._closing, None
        return closing

    def _queue_ack(self) -> None:
        if (ack := self._incoming.ack()) is not None:
            self._output.append(codec.encode(ack))

    def _is_ours(self, way: Way) -> bool:
        return way == self.role.value

    def _leave_when_settled(self) -> None:
        """A drained agent goes as soon as it owes no acknowledgement (§8)."""
        if self.role is Role.AGENT and self._draining and self._incoming.settled:
            self.close(CloseCode.RECONNECTING, "drained")

    # --- time -----------------------------------------------------------------------------

    def get_timer(self) -> float | None:
        """When `handle_timer` is to be called next; None when there is nothing to wait for."""
        if self.state is State.CLOSED:
            return None
        deadlines = (
            self._opening_deadline,
            self._beat_due,
            self._silence_deadline,
            self._outgoing.stall_deadline(),
            self._outgoing.paused_until,
            self._drain_deadline,
        )
        return min((d for d in deadlines if d is not None), default=None)

    def handle_timer(self, now: float) -> None:
        """Do what is due at `now`."""
        if self.state is State.CLOSED:
            return
        if _past(self._opening_deadline, now):
            hub = self.role is Role.HUB
            code = CloseCode.HELLO_TIMEOUT if hub else CloseCode.HEARTBEAT_TIMEOUT
            self.close(code, "no hello" if hub else "no welcome")
        elif _past(self._silence_deadline, now):
            self.close(CloseCode.HEARTBEAT_TIMEOUT, "no sign of life")
        elif _past(self._outgoing.stall_deadline(), now):
            self.close(CloseCode.PEER_STALLED, "events stay unacknowledged")
        elif _past(self._drain_deadline, now):
            self.close(CloseCode.RESTART, "the hub restarts")
        else:
            self._handle_soft_timers(now)

    def _handle_soft_timers(self, now: float) -> None:
        if _past(self._outgoing.paused_until, now):
            self._outgoing.unpause(now)
            self._happenings.append(SendingResumed())
        if self._beat_due is not None and now >= self._beat_due:
            self._beat_due = now + self._beat_interval
            self._happenings.append(HeartbeatDue())


def _quarantine(
    event: Event | QuarantinedEvent, code: str, reason: str, text: str
) -> QuarantinedEvent:
    return QuarantinedEvent(event.type, event.id, event.seq, event.ts, code, reason, text)


def _past(deadline: float | None, now: float) -> bool:
    return deadline is not None and now >= deadline
