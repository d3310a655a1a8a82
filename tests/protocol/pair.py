"""Two sessions joined in memory by a faultless link, and the frames that they exchange."""

from typing import Any
from uuid import UUID

from protocol import codec
from protocol.codec import LogRow
from protocol.happenings import Happening
from protocol.messages import (
    AgentStatus,
    Control,
    Event,
    EventData,
    HeartbeatTimes,
    HeldPosition,
    Hello,
    Instant,
    LogHead,
    MessageReceived,
    MessageSend,
    Position,
    Sender,
    SendStart,
    Software,
    Welcome,
)
from protocol.session import Closing, Role, Session, Settings

ACCOUNT = "+919800000009"
CHAT = "919800000001@c.us"
STATUS = AgentStatus(whatsapp="ready", account=ACCOUNT, paused=False, outbox=0, inbox=0)
SETTINGS = Settings(window=2)
INTERVAL_S, TIMEOUT_S = 20.0, 45.0


def hello(**changes: Any) -> Hello:
    """A hello of a new agent; its window is 2."""
    fields: dict[str, Any] = {
        "agent_id": "a1",
        "instance_id": UUID(int=7),
        "conn_no": 1,
        "software": Software(name="test", version="1"),
        "caps": [],
        "window": 2,
        "up": LogHead(epoch="E1", head=0),
        "down": HeldPosition(seq=0),
        "status": STATUS,
    }
    return Hello(**(fields | changes))


def welcome(**changes: Any) -> Welcome:
    """A welcome that starts both logs at 0; the hub's window is 2."""
    fields: dict[str, Any] = {
        "connection_id": "C1",
        "hub_time": Instant(0),
        "caps": [],
        "window": 2,
        "max_frame": 262_144,
        "heartbeat": HeartbeatTimes(interval_s=INTERVAL_S, timeout_s=TIMEOUT_S),
        "up": Position(epoch="E1", seq=0),
        "down": SendStart(epoch="F1", seq=0),
    }
    return Welcome(**(fields | changes))


def received(text: str = "hi") -> MessageReceived:
    """What an agent tells of a customer's message."""
    return MessageReceived(
        account=ACCOUNT,
        chat=CHAT,
        wa_id=f"W-{text}",
        sender=Sender(id=CHAT),
        from_me=False,
        sent_at=Instant(0),
        live=True,
        kind="text",
        text=text,
    )


def order(text: str = "hello") -> MessageSend:
    """What a hub tells an agent to send."""
    return MessageSend(account=ACCOUNT, chat=CHAT, text=text)


def row(seq: int, data: EventData) -> LogRow:
    """A stored event whose id is its seq."""
    return LogRow(UUID(int=seq), seq, Instant(0), data.TYPE, codec.encode_data(data))


def frame(seq: int, data: EventData) -> str:
    """The frame of `row(seq, data)`."""
    return codec.encode(Event(UUID(int=seq), seq, Instant(0), data))


def sent(session: Session) -> list[Control | Event]:
    """What a session puts on the socket now, decoded."""
    frames = [codec.decode(text) for text in session.data_to_send()]
    return [f for f in frames if isinstance(f, Control | Event)]


def closed_with(session: Session) -> int:
    """The code with which a session closes now."""
    closing = session.close_to_send()
    assert isinstance(closing, Closing), "the session did not close"
    return int(closing.code)


class Pair:
    """A live agent and a live hub."""

    def __init__(self) -> None:
        self.agent = Session(Role.AGENT, SETTINGS, 0.0, hello())
        self.hub = Session(Role.HUB, SETTINGS, 0.0)
        self.to_hub()
        self.hub.welcome(welcome(), 0.0)
        self.to_agent()
        self.agent.start(5.0, 0.0)

    def to_hub(self, now: float = 0.0) -> list[Happening]:
        """Carry what the agent sends, and its close; what the hub reports."""
        return _carry(self.agent, self.hub, now)

    def to_agent(self, now: float = 0.0) -> list[Happening]:
        """Carry what the hub sends, and its close; what the agent reports."""
        return _carry(self.hub, self.agent, now)


def _carry(source: Session, target: Session, now: float) -> list[Happening]:
    for text in source.data_to_send():
        target.receive_data(text, now)
    if (closing := source.close_to_send()) is not None:
        target.receive_close(closing.code)
    return target.happenings()
