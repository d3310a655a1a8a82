"""A scripted agent: the protocol's own session over a real socket, with its logs in memory.

Nothing runs by itself. `until` moves frames in both directions until something holds, so that a
test says what it waits for and never how long.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self
from uuid import UUID, uuid4

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed as SocketClosed

from protocol import codec, happenings
from protocol.codec import LogRow
from protocol.messages import (
    SUBPROTOCOL,
    AgentStatus,
    Error,
    Event,
    EventData,
    HeldPosition,
    Hello,
    Instant,
    LogHead,
    MessageReceived,
    QuarantinedEvent,
    Sender,
    Software,
    Typing,
    Welcome,
)
from protocol.session import Role, Session, Settings, State

READY = AgentStatus(whatsapp="ready", account="+919800000009", paused=False, outbox=0, inbox=0)
WAIT_S = 10.0  # a test that waits so long has failed


class Agent:
    """What an agent keeps between connections."""

    def __init__(self, url: str, token: str, agent_id: str) -> None:
        self.url = url
        self.token = token
        self.agent_id = agent_id
        self.instance_id = uuid4()
        self.conn_no = 0
        self.epoch = uuid4().hex
        self.log: list[LogRow] = []
        self.held = HeldPosition(seq=0)
        self.orders: list[Event | QuarantinedEvent] = []
        self.status = READY

    def clone(self) -> "Agent":
        """The same agent from a copied disk, as another process."""
        other = Agent(self.url, self.token, self.agent_id)
        other.epoch, other.log, other.conn_no = self.epoch, list(self.log), self.conn_no
        return other

    def write(self, data: EventData, event_id: UUID | None = None) -> LogRow:
        """Append an event to the `up` log."""
        row = LogRow(
            event_id or uuid4(), len(self.log) + 1, Instant(0), data.TYPE, codec.encode_data(data)
        )
        self.log.append(row)
        return row

    def hello(self, **changes: Any) -> Hello:
        """The first frame of the next connection."""
        self.conn_no += 1
        hello = Hello(
            agent_id=self.agent_id,
            instance_id=self.instance_id,
            conn_no=self.conn_no,
            software=Software(name="scripted", version="1"),
            caps=[],
            window=32,
            up=LogHead(epoch=self.epoch, head=len(self.log)),
            down=self.held,
            status=self.status,
        )
        return msgspec.structs.replace(hello, **changes)

    def dial(self, **changes: Any) -> "Dialled":
        """A connection, to be opened with `async with`."""
        return Dialled(self, self.hello(**changes))

    def socket(self, **options: Any) -> connect:
        """A socket without any session."""
        headers = {"Authorization": f"Bearer {self.token}"}
        settings: dict[str, Any] = {
            "additional_headers": headers,
            "subprotocols": [SUBPROTOCOL],
            "compression": None,
            "proxy": None,
            "ping_interval": None,
        }
        return connect(self.url, **(settings | options))


class Dialled:
    """One connection of an agent."""

    def __init__(self, agent: Agent, hello: Hello) -> None:
        self.agent = agent
        self.welcome: Welcome | None = None
        self.acked = 0
        self.beats_answered = 0
        self.errors: list[Error] = []
        self.typing: list[Typing] = []
        self.drains: list[happenings.DrainReceived] = []
        self.pauses: list[float] = []
        self.closed: tuple[int, str] | None = None
        self.holds_acks = False
        """Whether received orders stay unacknowledged."""
        self._hello = hello
        self._socket: ClientConnection | None = None
        self._loop = asyncio.get_running_loop()
        settings = Settings(
            hello_timeout_s=WAIT_S, ack_timeout_s=WAIT_S, heartbeat_timeout_s=WAIT_S
        )
        self.session = Session(Role.AGENT, settings, self._loop.time(), hello)

    async def __aenter__(self) -> Self:
        self._socket = await self.agent.socket()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._socket is not None:
            await self._socket.close()

    async def live(self) -> Self:
        """Wait for the welcome."""
        return await self.until(lambda: self.session.state is State.LIVE)

    async def over(self) -> int:
        """The code with which the connection ends."""
        await self.until(lambda: self.closed is not None)
        assert self.closed is not None
        return self.closed[0]

    async def say(self, text: str, **changes: Any) -> LogRow:
        """Write a customer's message to the log and wait until the hub has it."""
        row = self.agent.write(message(text, **changes))
        await self.until(lambda: self.acked >= row.seq)
        return row

    async def send_text(self, frame: str) -> None:
        """Put a frame on the socket that the session knows nothing of."""
        assert self._socket is not None
        await self._socket.send(frame)

    async def beat(self, **changes: Any) -> None:
        """Send a heartbeat at once and wait for the answer."""
        self.agent.status = msgspec.structs.replace(self.agent.status, **changes)
        answered = self.beats_answered
        self.session.heartbeat(self.agent.status)
        await self.until(lambda: self.beats_answered > answered)

    async def stop(self, code: int = 1000) -> None:
        """End the connection from this side."""
        self.session.close(code, "")
        await self.until(lambda: self.closed is not None)

    async def cut(self) -> None:
        """Lose the network: no close frame."""
        assert self._socket is not None
        self._socket.transport.abort()
        await self._socket.wait_closed()

    async def ended(self) -> int:
        """The code with which the hub closes, without another word of this side's."""
        assert self._socket is not None
        await self._socket.wait_closed()
        return self._socket.close_code or 1006

    async def until(self, holds: Callable[[], bool]) -> Self:
        """Move frames until `holds`."""
        async with asyncio.timeout(WAIT_S):
            while True:
                await self._flush()
                if holds():
                    return self
                if self.closed is not None:
                    raise AssertionError(f"the connection ended with {self.closed}")
                await self._receive()

    async def _flush(self) -> None:
        assert self._socket is not None
        now = self._loop.time()
        for happening in self.session.happenings():
            self._note(happening, now)
        if room := self.session.sendable(now):
            first = self.session.next_seq
            self.session.send_events(self.agent.log[first - 1 : first - 1 + room], now)
        with suppress(SocketClosed):
            for frame in self.session.data_to_send():
                await self._socket.send(frame)
            if closing := self.session.close_to_send():
                await self._socket.close(*closing)

    async def _receive(self) -> None:
        assert self._socket is not None
        timer = self.session.get_timer()
        wait_s = WAIT_S if timer is None else max(0.0, timer - self._loop.time())
        try:
            async with asyncio.timeout(wait_s):
                frame = await self._socket.recv()
        except TimeoutError:
            self.session.handle_timer(self._loop.time())
        except SocketClosed:
            self._end()
        else:
            self.beats_answered += '"heartbeat.ack"' in str(frame)
            self.session.receive_data(frame, self._loop.time())

    def _end(self) -> None:
        assert self._socket is not None
        code = self._socket.close_code or 1006
        self.closed = (code, self._socket.close_reason or "")
        self.session.receive_close(code)

    def _note(self, happening: happenings.Happening, now: float) -> None:
        match happening:
            case happenings.WelcomeReceived(welcome):
                self._begin(welcome, now)
            case happenings.EventReceived(event):
                self.agent.orders.append(event)
                self.agent.held = msgspec.structs.replace(
                    self.agent.held, seq=event.seq, last_id=event.id
                )
                if not self.holds_acks:
                    self.session.committed(event.seq)
            case happenings.EventsAcknowledged(seq):
                self.acked = seq
            case happenings.HeartbeatDue():
                self.session.heartbeat(self.agent.status)
            case happenings.ErrorReceived(error):
                self.errors.append(error)
            case happenings.BusyReceived(retry_after_s):
                self.pauses.append(retry_after_s)
            case happenings.TypingReceived(typing):
                self.typing.append(typing)
            case happenings.DrainReceived():
                self.drains.append(happening)
            case _:
                pass

    def _begin(self, welcome: Welcome, now: float) -> None:
        self.welcome = welcome
        self.acked = welcome.up.seq
        if welcome.down.epoch != self.agent.held.epoch:
            self.agent.held = HeldPosition(epoch=welcome.down.epoch, seq=0)
        self.session.start(welcome.heartbeat.interval_s, now)


def message(text: str, chat: str = "919800000001@c.us", **changes: Any) -> MessageReceived:
    """What a customer wrote."""
    fields: dict[str, Any] = {
        "account": "+919800000009",
        "chat": chat,
        "wa_id": uuid4().hex,
        "sender": Sender(id=chat, phone="+" + chat.partition("@")[0]),
        "from_me": False,
        "sent_at": Instant(0),
        "live": True,
        "kind": "text",
        "text": text,
    }
    return MessageReceived(**(fields | changes))
