"""What a session tells its shell, in the order in which it came about."""

import msgspec

from protocol.messages import (
    Drain,
    Error,
    Event,
    Heartbeat,
    Hello,
    QuarantinedEvent,
    Typing,
    Welcome,
)


class Happening(msgspec.Struct, frozen=True):
    """Base of everything that a session reports."""


class HelloReceived(Happening, frozen=True):
    """An agent said hello: judge it, then call `Session.welcome` or `Session.close`."""

    hello: Hello


class WelcomeReceived(Happening, frozen=True):
    """The hub accepted us: reconcile the journal, then call `Session.start` or `Session.close`."""

    welcome: Welcome


class EventReceived(Happening, frozen=True):
    """The next event of the peer's log: commit it with its position, then `Session.committed`.

    `frame` is the text as it came.
    """

    event: Event | QuarantinedEvent
    frame: str


class EventsAcknowledged(Happening, frozen=True):
    """The peer has every event up to `seq` on disk."""

    seq: int


class HeartbeatReceived(Happening, frozen=True):
    """The agent lives: answer with `Session.send(HeartbeatAck(...))`."""

    heartbeat: Heartbeat


class HeartbeatDue(Happening, frozen=True):
    """It is time to call `Session.heartbeat`."""


class TypingReceived(Happening, frozen=True):
    """Somebody composes at the other end."""

    typing: Typing


class DrainReceived(Happening, frozen=True):
    """The hub is about to stop; the session closes 4000 by itself when all is acknowledged."""

    drain: Drain


class BusyReceived(Happening, frozen=True):
    """The peer asked for a pause of so many seconds; `SendingResumed` follows."""

    retry_after_s: float


class SendingResumed(Happening, frozen=True):
    """The pause is over: `Session.sendable` may be above 0 again."""


class ErrorReceived(Happening, frozen=True):
    """The peer reported something that needs no answer."""

    error: Error


class FrameDropped(Happening, frozen=True):
    """A frame of this type was over the rate limit and had no effect."""

    type: str


class ConnectionClosed(Happening, frozen=True):
    """The connection is over; nothing follows. `code` 1006 means that it broke without a word."""

    code: int
    reason: str
    by_peer: bool
