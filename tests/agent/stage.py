"""What the agent's tests share: the messages of an invented shop."""

from uuid import UUID, uuid4

from protocol.messages import (
    Event,
    EventData,
    HeartbeatTimes,
    Instant,
    MessageReceived,
    MessageSend,
    Position,
    Sender,
    SendStart,
    Welcome,
)

ACCOUNT = "+919800000009"
CHAT = "919800000001@c.us"
NOW_MS = 1_750_000_000_000


def received(
    wa_id: str, sent_ms: int = NOW_MS, *, from_me: bool = False, **more: object
) -> MessageReceived:
    """A text message of the one customer, or with `from_me` one that the owner wrote to them."""
    fields: dict[str, object] = {
        "account": ACCOUNT,
        "chat": CHAT,
        "wa_id": wa_id,
        "sender": Sender(id=CHAT),
        "from_me": from_me,
        "sent_at": Instant(sent_ms),
        "live": True,
        "kind": "text",
        "text": "hello",
    }
    return MessageReceived(**(fields | more))  # type: ignore[arg-type]


def order(text: str = "hi there", expires_ms: int | None = None) -> MessageSend:
    """An order of the hub to send a text to the one customer."""
    expires_at = None if expires_ms is None else Instant(expires_ms)
    return MessageSend(account=ACCOUNT, chat=CHAT, text=text, expires_at=expires_at)


def event(seq: int, data: EventData, event_id: UUID | None = None, ts_ms: int = NOW_MS) -> Event:
    """A row of a log."""
    return Event(event_id or uuid4(), seq, Instant(ts_ms), data)


def welcome(
    up: Position, down_epoch: str = "F1", down_seq: int = 0, hub_ms: int = NOW_MS
) -> Welcome:
    """A welcome that names these positions."""
    return Welcome(
        connection_id="c1",
        hub_time=Instant(hub_ms),
        caps=[],
        window=32,
        max_frame=262_144,
        heartbeat=HeartbeatTimes(interval_s=20, timeout_s=45),
        up=up,
        down=SendStart(epoch=down_epoch, seq=down_seq),
    )
