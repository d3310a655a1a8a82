"""A hub on a real socket, of the protocol's own session, that does what a test tells it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from uuid import UUID

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed as SocketClosed
from websockets.http11 import Request, Response

from protocol import happenings as told
from protocol.codec import LogRow, encode_data, encode_row
from protocol.messages import (
    SUBPROTOCOL,
    AgentStatus,
    Drain,
    Error,
    Event,
    EventData,
    Heartbeat,
    HeartbeatAck,
    HeartbeatTimes,
    Hello,
    Instant,
    Position,
    QuarantinedEvent,
    SendStart,
    Typing,
    Welcome,
)
from protocol.session import Role, Session, Settings, State
from tests.agent.stage import event

WAIT_S = 8.0


class Peer:
    """One connection of the agent."""

    def __init__(self, socket: ServerConnection, session: Session) -> None:
        self.socket = socket
        self.session = session
        self.frames: list[str | bytes] = []


class ScriptedHub:
    """What it holds, what it was told, and the switches for what it does."""

    def __init__(self) -> None:
        self.url = ""
        # What it holds.
        self.up: dict[str, tuple[int, UUID | None]] = {}
        self.down_epoch = "F1"
        self.down: list[LogRow] = []
        self.down_acked = 0
        # What it was told.
        self.peers: list[Peer] = []
        self.requests: list[Request] = []
        self.hellos: list[Hello] = []
        self.received: list[Event] = []
        self.beats: list[AgentStatus] = []
        self.typings: list[Typing] = []
        self.errors: list[Error] = []
        self.pauses = 0
        self.closes: list[int | None] = []
        # What it does.
        self.refusals: list[tuple[int, dict[str, str]]] = []  # used up one by one
        self.window = 32
        self.heartbeat = HeartbeatTimes(interval_s=0.05, timeout_s=5.0)
        self.token_expires_at: Instant | None = None
        self.welcomes = True
        self.acks = True
        self.answers_beats = True
        self._news = asyncio.Condition()

    # --- for the test -----------------------------------------------------------------------

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(WAIT_S), self._news:
            await self._news.wait_for(holds)

    @property
    def peer(self) -> Peer:
        """The newest connection."""
        return self.peers[-1]

    async def order(self, data: EventData, event_id: UUID | None = None) -> Event:
        """Append an event to the down log and send it if the agent is there."""
        one = event(len(self.down) + 1, data, event_id)
        self.down.append(LogRow(one.id, one.seq, one.ts, one.type, encode_data(data)))
        if self.peers and self.peer.session.state is State.LIVE:
            self._push(self.peer)
            await self._flush(self.peer)
        return one

    def frame(self, seq: int) -> str:
        """The frame of an event that was ordered."""
        return encode_row(self.down[seq - 1])

    async def raw(self, frame: str | bytes) -> None:
        """Send anything."""
        await self.peer.socket.send(frame)

    async def drain(self, min_s: float, max_s: float) -> None:
        """Ask the agent to leave."""
        drain = Drain(reconnect_min_s=min_s, reconnect_max_s=max_s, deadline_s=5, reason="test")
        self.peer.session.drain(drain, time.monotonic())
        await self._flush(self.peer)

    async def busy(self, seconds: float) -> None:
        """Ask the agent to pause."""
        self.peer.session.busy("test", seconds)
        await self._flush(self.peer)

    async def say_typing(self, typing: Typing) -> None:
        """Tell the agent that a reply is being composed."""
        self.peer.session.send(typing)
        await self._flush(self.peer)

    async def commit(self) -> None:
        """Acknowledge what was withheld."""
        self.peer.session.committed(max(seq for seq, _ in self.up.values()))
        await self._flush(self.peer)

    async def close(self, code: int) -> None:
        """End the present connection."""
        await self.peer.socket.close(code)

    async def cut(self) -> None:
        """End the present connection without a word."""
        self.peer.socket.transport.abort()

    def freeze(self) -> None:
        """Take nothing more from the present connection, without ending it."""
        self.peer.socket.transport.pause_reading()

    async def report(self, error: Error) -> None:
        """Tell the agent that something was wrong."""
        self.peer.session.send(error)
        await self._flush(self.peer)

    # --- the server -------------------------------------------------------------------------

    async def admit(self, _connection: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        async with self._news:
            self._news.notify_all()
        if not self.refusals:
            return None
        status, headers = self.refusals.pop(0)
        return Response(status, HTTPStatus(status).phrase, Headers(headers), b"")

    async def serve(self, socket: ServerConnection) -> None:
        session = Session(Role.HUB, Settings(), time.monotonic())
        peer = Peer(socket, session)
        self.peers.append(peer)
        try:
            while True:
                frame = await socket.recv()
                peer.frames.append(frame)
                session.receive_data(frame, time.monotonic())
                for happening in session.happenings():
                    self._take(peer, happening)
                with suppress(SocketClosed):  # what it said before it left is still to be read
                    await self._flush(peer)
                async with self._news:
                    self._news.notify_all()
        except SocketClosed:
            session.receive_close(1006)
        self.closes.append(socket.close_code)
        async with self._news:
            self._news.notify_all()

    def _take(self, peer: Peer, happening: told.Happening) -> None:
        match happening:
            case told.HelloReceived():
                self.hellos.append(happening.hello)
                self._welcome(peer, happening.hello)
            case told.EventReceived():
                self._record(peer, happening.event)
            case told.EventsAcknowledged():
                self.down_acked = happening.seq
                self._push(peer)
            case told.HeartbeatReceived():
                self._answer(peer, happening.heartbeat)
            case told.TypingReceived():
                self.typings.append(happening.typing)
            case told.ErrorReceived():
                self.errors.append(happening.error)
            case told.BusyReceived():
                self.pauses += 1
            case _:
                pass

    def _record(self, peer: Peer, one: Event | QuarantinedEvent) -> None:
        assert isinstance(one, Event)
        self.received.append(one)
        self.up[self.hellos[-1].up.epoch] = (one.seq, one.id)
        if self.acks:
            peer.session.committed(one.seq)

    def _answer(self, peer: Peer, beat: Heartbeat) -> None:
        self.beats.append(beat.status)
        if self.answers_beats:
            peer.session.send(HeartbeatAck(n=beat.n, hub_time=Instant(time.time_ns() // 10**6)))

    def _welcome(self, peer: Peer, hello: Hello) -> None:
        if not self.welcomes:
            return
        seq, last_id = self.up.get(hello.up.epoch, (0, None))
        held = hello.down.seq if hello.down.epoch == self.down_epoch else 0
        welcome = Welcome(
            connection_id=f"c{len(self.peers)}",
            hub_time=Instant(time.time_ns() // 10**6),
            caps=[],
            window=self.window,
            max_frame=262_144,
            heartbeat=self.heartbeat,
            up=Position(epoch=hello.up.epoch, seq=seq, last_id=last_id),
            down=SendStart(epoch=self.down_epoch, seq=held),
            token_expires_at=self.token_expires_at,
        )
        peer.session.welcome(welcome, time.monotonic())
        self._push(peer)

    def _push(self, peer: Peer) -> None:
        now, start = time.monotonic(), peer.session.next_seq - 1
        peer.session.send_events(self.down[start : start + peer.session.sendable(now)], now)

    async def _flush(self, peer: Peer) -> None:
        for frame in peer.session.data_to_send():
            await peer.socket.send(frame)
        if closing := peer.session.close_to_send():
            await peer.socket.close(closing.code, closing.reason)


@asynccontextmanager
async def scripted_hub(port: int = 0, hub: ScriptedHub | None = None) -> AsyncIterator[ScriptedHub]:
    """A hub that listens on 127.0.0.1."""
    hub = hub or ScriptedHub()
    server: Server
    async with serve(
        hub.serve,
        "127.0.0.1",
        port,
        process_request=hub.admit,
        subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]
        close_timeout=1,
        ping_interval=None,
    ) as server:
        hub.url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/agent"
        yield hub
