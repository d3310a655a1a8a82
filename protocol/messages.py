"""Every message of the wire, one frozen struct each.

A *control frame* is `{"type", "data"}`; it belongs to one connection and is never stored. An
*event* is `{"type", "id", "seq", "ts", "data"}`; it stands in a durable log and is acknowledged.
The structs here are the `data` of both; `CONTROLS` and `EVENTS` map the wire's names to them.

Fields follow the tolerant reading of SPEC §3: unknown fields are ignored, `null` counts as absence
for an optional field, open enumerations are plain strings. Absent fields are never emitted.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal, Self
from uuid import UUID

import msgspec
from msgspec import Meta

INT_MAX = 2**53 - 1  # the largest integer that every JSON reader keeps exact (RFC 7493 §2.2)
FRAME_MAX_BYTES = 262_144  # of payload, after reassembly; exactly this many is allowed
TEXT_MAX_CHARS = 65_536  # an owner cuts or refuses longer text when it enqueues
WINDOW_MAX = 1024
SUBPROTOCOL = "sak.agent.v1"

Up = Literal["up"]
Down = Literal["down"]
Both = Literal["both"]
Way = Up | Down | Both
"""`up` is agent to hub, `down` is hub to agent."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@lru_cache(maxsize=1024)
def _second(seconds: int) -> str:
    """RFC 3339 without fraction and zone; cached, because what happens now happens at one time."""
    return (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat()


class Instant:
    """A moment as integer milliseconds since 1970 UTC; on the wire an RFC 3339 string."""

    __slots__ = ("ms",)

    def __init__(self, ms: int) -> None:
        self.ms = ms

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read RFC 3339 with any offset and precision; ValueError when it is none."""
        moment = msgspec.convert(text, datetime)
        if moment.tzinfo is None:
            raise ValueError("a time needs an offset")
        return cls((moment - _EPOCH) // _MILLISECOND)

    def __str__(self) -> str:
        seconds, ms = divmod(self.ms, 1000)
        return f"{_second(seconds)}.{ms:03}Z"

    def __repr__(self) -> str:
        return f"Instant({self.ms})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Instant) and other.ms == self.ms

    def __hash__(self) -> int:
        return hash(self.ms)


Epoch = Annotated[str, Meta(min_length=1, max_length=64)]
Seq = Annotated[int, Meta(ge=1, le=INT_MAX)]
Count = Annotated[int, Meta(ge=0, le=INT_MAX)]
Seconds = Annotated[float, Meta(ge=0, le=INT_MAX)]  # the bound also keeps infinity out
Account = Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{1,14}$(?!\n)")]
WhatsAppId = Annotated[str, Meta(min_length=1, max_length=512)]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]


class Data(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of everything that travels inside `data`."""


class Control(Data, frozen=True, kw_only=True, omit_defaults=True):
    """Base of the control frames."""

    TYPE: ClassVar[str]
    WAY: ClassVar[Way]


class EventData(Data, frozen=True, kw_only=True, omit_defaults=True):
    """Base of the events' data."""

    TYPE: ClassVar[str]
    WAY: ClassVar[Way]


# --- control frames ---------------------------------------------------------------------------


class Software(Data, frozen=True, kw_only=True):
    """Name and version of a program; for people, never compared."""

    name: str
    version: str


class LogHead(Data, frozen=True, kw_only=True):
    """The owner's view of its log: its epoch and the newest `seq` ever given in it, 0 if none."""

    epoch: Epoch
    head: Count


class HeldPosition(Data, frozen=True, kw_only=True, omit_defaults=True):
    """What the agent holds of the hub's log; without epoch it holds nothing."""

    epoch: Epoch | None = None
    seq: Count
    last_id: UUID | None = None


class Position(Data, frozen=True, kw_only=True, omit_defaults=True):
    """The last event held of a log. `last_id` is required when `seq` is 1 or more."""

    epoch: Epoch
    seq: Count
    last_id: UUID | None = None


class SendStart(Data, frozen=True, kw_only=True):
    """Where sending starts: the first event sent is `seq + 1`."""

    epoch: Epoch
    seq: Count


class Sweep(Data, frozen=True, kw_only=True):
    """The last search for messages that arrived while nobody listened."""

    at: Instant
    chats: Count
    found: Count


class AgentStatus(Data, frozen=True, kw_only=True, omit_defaults=True):
    """How the agent is: its WhatsApp, and what it still has queued (`outbox`, `inbox`: events)."""

    whatsapp: str
    account: Account | None = None
    paused: bool
    outbox: Count
    inbox: Count
    last_inbound_at: Instant | None = None
    rss_mib: Count | None = None
    last_sweep: Sweep | None = None


WHATSAPP_STATES = (
    "starting",
    "qr",
    "syncing",
    "ready",
    "conflict",
    "offline",
    "logged_out",
    "restricted",
    "page_changed",
    "stopped",
)
"""Open: a receiver counts an unknown one as not ready."""


class Hello(Control, frozen=True, kw_only=True):
    """Sent by the agent as the first frame of every connection."""

    TYPE: ClassVar[str] = "hello"
    WAY: ClassVar[Way] = "up"
    agent_id: str
    instance_id: UUID
    conn_no: Count
    software: Software
    caps: list[str]
    window: Annotated[int, Meta(ge=1, le=WINDOW_MAX)]
    up: LogHead
    down: HeldPosition
    status: AgentStatus


class HeartbeatTimes(Data, frozen=True, kw_only=True):
    """The hub's figures, which rule on both sides; seconds."""

    interval_s: Seconds
    timeout_s: Seconds


class Welcome(Control, frozen=True, kw_only=True, omit_defaults=True):
    """Sent by the hub when it has accepted a hello; from here on both sides are live."""

    TYPE: ClassVar[str] = "welcome"
    WAY: ClassVar[Way] = "down"
    connection_id: str
    hub_time: Instant
    caps: list[str]
    window: Annotated[int, Meta(ge=1, le=WINDOW_MAX)]
    max_frame: Count
    heartbeat: HeartbeatTimes
    up: Position
    down: SendStart
    token_expires_at: Instant | None = None


class Ack(Control, frozen=True, kw_only=True):
    """Sent when every event up to `seq` is committed to disk: custody, not completion."""

    TYPE: ClassVar[str] = "ack"
    WAY: ClassVar[Way] = "both"
    seq: Count


class Heartbeat(Control, frozen=True, kw_only=True):
    """Sent by the agent's working loop every `interval_s`."""

    TYPE: ClassVar[str] = "heartbeat"
    WAY: ClassVar[Way] = "up"
    n: Count
    status: AgentStatus


class HeartbeatAck(Control, frozen=True, kw_only=True):
    """Sent by the hub for each heartbeat."""

    TYPE: ClassVar[str] = "heartbeat.ack"
    WAY: ClassVar[Way] = "down"
    n: Count
    hub_time: Instant


class Typing(Control, frozen=True, kw_only=True):
    """Sent when somebody starts or stops composing; never stored, never replayed."""

    TYPE: ClassVar[str] = "typing"
    WAY: ClassVar[Way] = "both"
    account: Account
    chat: WhatsAppId
    composing: bool


class Drain(Control, frozen=True, kw_only=True):
    """Sent by a hub about to stop: close with 4000, come back inside the window (seconds)."""

    TYPE: ClassVar[str] = "drain"
    WAY: ClassVar[Way] = "down"
    reconnect_min_s: Seconds
    reconnect_max_s: Seconds
    deadline_s: Seconds
    reason: str

    def __post_init__(self) -> None:
        if self.reconnect_min_s >= self.reconnect_max_s:
            raise ValueError("reconnect_min_s must be below reconnect_max_s")


class Error(Control, frozen=True, kw_only=True, omit_defaults=True):
    """Sent to report a quarantined event (`ref`), or that the sender of events must pause."""

    TYPE: ClassVar[str] = "error"
    WAY: ClassVar[Way] = "both"
    code: str
    message: str
    retryable: bool
    ref: UUID | None = None
    retry_after_s: Seconds | None = None

    def __post_init__(self) -> None:
        if self.code == "busy" and self.retry_after_s is None:
            raise ValueError("busy needs retry_after_s")


ERROR_CODES = ("invalid_data", "unknown_type", "busy", "rate_limited", "expired", "internal")
"""Open; `expired` is reserved."""


# --- events -----------------------------------------------------------------------------------


class Sender(Data, frozen=True, kw_only=True, omit_defaults=True):
    """Who wrote. `id` is WhatsApp's name for them; the phone may be unknown, never guessed."""

    id: WhatsAppId
    phone: str | None = None
    lid: str | None = None
    name: str | None = None


class ReceivedMedia(Data, frozen=True, kw_only=True, omit_defaults=True):
    """A file that came with a message; HTTPS carries its bytes under `sha256`. Size in bytes."""

    sha256: Sha256 | None = None
    mime: str
    size: Count
    name: str | None = None
    seconds: Seconds | None = None
    unavailable: bool | None = None


class SentMedia(Data, frozen=True, kw_only=True, omit_defaults=True):
    """A file to send, fetched over HTTPS under `sha256`."""

    sha256: Sha256
    mime: str
    name: str | None = None


class Fault(Data, frozen=True, kw_only=True):
    """Why something failed."""

    code: str
    message: str


class MessageReceived(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """A message stands in a chat: a customer's, or with `from_me` one that this account wrote.

    `wa_id` names this occurrence; `reply_to` the target of a quote, edit, revoke or reaction.
    `live` is false when a sweep found it. `kind` is open: an unknown one counts as `other`.
    """

    TYPE: ClassVar[str] = "message.received"
    WAY: ClassVar[Way] = "up"
    account: Account
    chat: WhatsAppId
    wa_id: WhatsAppId
    sender: Sender
    from_me: bool
    sent_at: Instant
    live: bool
    kind: str
    text: str | None = None
    media: ReceivedMedia | None = None
    reply_to: str | None = None


MESSAGE_KINDS = ("text", "media", "location", "contact", "reaction", "edit", "revoke", "other")

SendState = Literal["sent", "delivered", "read", "failed", "unknown", "expired"]
CommandState = Literal["done", "failed", "unknown", "expired"]


class MessageStatus(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """What became of the `message.send` with the id `ref`."""

    TYPE: ClassVar[str] = "message.status"
    WAY: ClassVar[Way] = "up"
    ref: UUID
    wa_id: WhatsAppId | None = None
    state: SendState
    error: Fault | None = None


class CommandResult(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """What became of the `command` with the id `ref`."""

    TYPE: ClassVar[str] = "command.result"
    WAY: ClassVar[Way] = "up"
    ref: UUID
    state: CommandState
    data: Any = None
    error: Fault | None = None


class MessageSend(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """Order to send a message; text with media is its caption."""

    TYPE: ClassVar[str] = "message.send"
    WAY: ClassVar[Way] = "down"
    account: Account
    chat: WhatsAppId
    text: str | None = None
    media: SentMedia | None = None
    reply_to: str | None = None
    expires_at: Instant | None = None

    def __post_init__(self) -> None:
        if self.text is None and self.media is None:
            raise ValueError("text or media is needed")


class Command(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """Order to do something on the PC. `name` is open; an unknown one fails as unknown_command."""

    TYPE: ClassVar[str] = "command"
    WAY: ClassVar[Way] = "down"
    name: str
    args: dict[str, Any]
    expires_at: Instant | None = None


COMMANDS = ("audit", "sweep", "pause", "resume", "reload", "screenshot_state")


class Event(msgspec.Struct, frozen=True):
    """One row of a durable log. `seq` is its place in the present epoch; the rest never changes."""

    id: UUID
    seq: int
    ts: Instant
    data: EventData

    @property
    def type(self) -> str:
        """The wire's name of this kind of event."""
        return self.data.TYPE


class QuarantinedEvent(msgspec.Struct, frozen=True):
    """A valid envelope whose content cannot be used: stored, acknowledged, reported, not applied.

    `code` is `invalid_data` or `unknown_type`; `raw` is the whole frame as it came.
    """

    type: str
    id: UUID
    seq: int
    ts: Instant
    code: str
    reason: str
    raw: str


class UnknownControl(msgspec.Struct, frozen=True):
    """A control frame of a later minor version: ignored, but counted against the rate limit."""

    type: str


Frame = Control | Event | QuarantinedEvent | UnknownControl

CONTROLS: dict[str, type[Control]] = {
    cls.TYPE: cls for cls in (Hello, Welcome, Ack, Heartbeat, HeartbeatAck, Typing, Drain, Error)
}
EVENTS: dict[str, type[EventData]] = {
    cls.TYPE: cls for cls in (MessageReceived, MessageStatus, CommandResult, MessageSend, Command)
}
