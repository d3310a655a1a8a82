"""One connection to the hub: a thin shell that keeps a Session between socket and journal.

A reader feeds frames into the session, a worker takes what came about to the journal and keeps the
session's time, a writer puts on the socket what is due. The reader never waits for the worker: what
may be on its way to us is bounded by the window. Heartbeats come from the worker, so that a stuck
disk shows at the hub as silence.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
import structlog
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed as SocketClosed

from agent.backoff import Window
from agent.clock import Clock
from agent.database import JournalFullError
from agent.journal import Journal, LogsChangedError
from protocol.errors import CloseCode
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
    SendingResumed,
    TypingReceived,
    WelcomeReceived,
)
from protocol.messages import AgentStatus, Error, QuarantinedEvent, Typing, Welcome
from protocol.session import Session, State

log = structlog.get_logger(__name__)

ABNORMAL: Final = 1006  # the connection ended without a close frame
BATCH_MAX = 64  # events that are read from the journal at once
BUSY_S = 30.0  # the pause that a full inbox asks for; asked again with every heartbeat
FULL_DISK_S = 5.0  # between two tries to keep what has no room
FULL_PAUSE_S = 10.0  # the pause that a full disk asks for; asked again with every failed try
_TO_KEEP: Final = (EventReceived, EventsAcknowledged)  # what has to be on disk, in this order


class Context(msgspec.Struct, frozen=True):
    """What a connection works with, the same for all connections of a process."""

    journal: Journal
    clock: Clock
    status: Callable[[], Awaitable[AgentStatus]]
    typing: Callable[[Typing], None]  # the hub says that a reply is being composed
    welcomed: Callable[[Welcome], Awaitable[None]]
    roll: Callable[[], float]
    send_timeout_s: float
    inbox_max: int


class Ended(msgspec.Struct, frozen=True):
    """How a connection ended. `window`: when a drain asked us to come back."""

    code: int
    reason: str
    by_peer: bool
    live_s: float
    window: Window | None


class Connection:
    """A socket that stands, until it is closed."""

    def __init__(self, socket: ClientConnection, session: Session, context: Context) -> None:
        self._socket = socket
        self._session = session
        self._to = context
        self._wake = asyncio.Event()  # for the worker
        self._flush = asyncio.Event()  # for the writer
        self._due: deque[Happening] = deque()  # what the worker has not taken up yet
        self._roomless: deque[Happening] = (
            deque()
        )  # what the disk had no room for, and what follows
        self._retry_at = 0.0  # monotonic, when to try those again
        self._more = True  # the outbox may hold events that were not sent on this connection
        self._stopping = False
        self._live_since: float | None = None
        self._window: Window | None = None
        self._closed: ConnectionClosed | None = None

    async def run(self) -> Ended:
        """Hold the connection until either side ends it."""
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(self._watch_outbox(), name="link outbox")
            group.create_task(self._read(), name="link reader")
            group.create_task(self._write(), name="link writer")
            closed = await self._work()
            closed_at = self._to.clock.monotonic()  # the goodbyes may take seconds more
            watch.cancel()
        now = self._to.clock.monotonic()
        live_s = 0.0 if self._live_since is None else now - self._live_since
        window = None if self._window is None else self._window.after(now - closed_at)
        return Ended(closed.code, closed.reason, closed.by_peer, live_s, window)

    def stop(self) -> None:
        """End the connection cleanly: acknowledge what is committed, then close 1000."""
        self._stopping = True
        self._wake.set()

    def tell_typing(self, typing: Typing) -> None:
        """Tell the hub that a customer composes, if it can be told now."""
        if self._session.state is State.LIVE:
            self._session.send(typing)
            self._flush.set()

    # --- the socket -------------------------------------------------------------------------

    async def _read(self) -> None:
        try:
            while True:
                frame = await self._socket.recv()
                self._session.receive_data(frame, self._to.clock.monotonic())
                self._wake.set()
        except SocketClosed as closed:
            self._session.receive_close(_code(closed))
            self._wake.set()

    async def _write(self) -> None:
        try:
            while True:
                await self._flush.wait()
                self._flush.clear()
                async with asyncio.timeout(self._to.send_timeout_s):
                    for frame in self._session.data_to_send():
                        await self._socket.send(frame)
                if closing := self._session.close_to_send():
                    await self._socket.close(closing.code, closing.reason)
                if self._session.state is State.CLOSED:
                    return
        except TimeoutError:
            log.warning("the network takes no more frames")
            self._socket.transport.abort()
        except SocketClosed:
            return  # the reader has seen it too

    async def _watch_outbox(self) -> None:
        while True:
            await self._to.journal.outbox_grew.wait()
            self._to.journal.outbox_grew.clear()
            self._more = True
            self._wake.set()

    # --- the work ---------------------------------------------------------------------------

    async def _work(self) -> ConnectionClosed:
        """Take up what came about until the connection is over."""
        session, clock = self._session, self._to.clock
        self._flush.set()  # the hello
        while self._closed is None:
            self._wake.clear()
            session.handle_timer(clock.monotonic())
            try:
                await self._take_all()
                await self._fill()
            except LogsChangedError:
                self._give_up(CloseCode.RECONNECTING, "the logs began anew")
            except JournalFullError as error:
                self._wait_for_room(error)
            if self._stopping:
                session.close(CloseCode.CLEAN_STOP, "stopped")
            self._flush.set()
            if session.state is not State.CLOSED:
                await self._rest()
        return self._closed

    async def _rest(self) -> None:
        """Sleep until something comes about or the session's timer is due."""
        now, timer = self._to.clock.monotonic(), self._session.get_timer()
        if self._retry_at > now:
            timer = self._retry_at if timer is None else min(timer, self._retry_at)
        delay = None if timer is None else max(0.0, timer - now)
        try:
            async with asyncio.timeout(delay):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _take_all(self) -> None:
        await self._take_roomless()
        self._due.extend(self._session.happenings())
        while self._due:
            happening = self._due.popleft()
            if isinstance(happening, _TO_KEEP):
                self._roomless.append(happening)
                if len(self._roomless) == 1:
                    await self._take_roomless()
            else:
                await self._take(happening)
            self._due.extend(self._session.happenings())

    async def _take_roomless(self) -> None:
        """Keep what has to be kept, the oldest first, unless the disk has just been full."""
        while self._roomless and self._to.clock.monotonic() >= self._retry_at:
            try:
                await self._take(self._roomless[0])
            except JournalFullError as error:
                self._wait_for_room(error)
            else:
                self._roomless.popleft()

    def _wait_for_room(self, error: JournalFullError) -> None:
        """Ask the hub for a pause, and try again; before the welcome nobody can be asked."""
        log.error("the journal is full", reason=str(error))
        if self._session.state is not State.LIVE:
            self._give_up(CloseCode.INTERNAL_ERROR, "the disk is full")
            return
        self._retry_at = self._to.clock.monotonic() + FULL_DISK_S
        self._more = True
        self._session.busy("the disk is full", FULL_PAUSE_S)
        self._flush.set()

    def _give_up(self, code: int, reason: str) -> None:
        """End a connection that the journal cannot follow; what is due stays unacknowledged."""
        self._session.close(code, reason)
        self._due.extend(self._session.happenings())
        ends = (one for one in self._due if isinstance(one, ConnectionClosed))
        self._closed = next(ends, self._closed)
        self._due.clear()
        self._roomless.clear()

    async def _take(self, happening: Happening) -> None:
        match happening:
            case WelcomeReceived():
                await self._reconcile(happening.welcome)
            case EventReceived():
                await self._accept(happening)
            case EventsAcknowledged():
                await self._to.journal.acknowledge_up(happening.seq)
            case HeartbeatDue():
                await self._beat()
            case TypingReceived():
                self._to.typing(happening.typing)
            case SendingResumed():
                self._more = True
            case DrainReceived():
                drain = happening.drain
                self._window = Window(drain.reconnect_min_s, drain.reconnect_max_s)
                log.info("the hub drains", reason=drain.reason)
            case ConnectionClosed():
                self._closed = happening
            case _:
                _note(happening)

    async def _reconcile(self, welcome: Welcome) -> None:
        agreed = await self._to.journal.reconcile(welcome)
        if not agreed:
            log.warning("the hub's position contradicts the journal: new epoch")
            self._session.close(CloseCode.POSITION_MISMATCH, "position unknown")
            await self._to.journal.new_up_epoch()
        elif self._session.state is State.JUDGING:
            self._live_since = self._to.clock.monotonic()
            first_beat_s = self._to.roll() * welcome.heartbeat.interval_s
            self._session.start(first_beat_s, self._live_since)
            await self._to.welcomed(welcome)

    async def _accept(self, happening: EventReceived) -> None:
        event = happening.event
        accepted = await self._to.journal.accept(event)
        if isinstance(event, QuarantinedEvent) and accepted.first:
            log.warning("an order cannot be used", order=str(event.id), code=event.code)
            if self._session.state is State.LIVE:
                self._session.send(
                    Error(code=event.code, message=event.reason, retryable=False, ref=event.id)
                )
        self._session.committed(event.seq)  # last: a drained session ends with it
        self._flush.set()  # one commit, one ack: the hub's window moves while we work

    async def _beat(self) -> None:
        status = await self._to.status()
        if self._session.state is not State.LIVE:
            return
        self._session.heartbeat(status)
        if status.inbox >= self._to.inbox_max:
            self._session.busy("too many orders wait", BUSY_S)

    async def _fill(self) -> None:
        """Send what the hub can take of the events that it does not have."""
        session, clock = self._session, self._to.clock
        while self._more and (room := min(session.sendable(clock.monotonic()), BATCH_MAX)) > 0:
            self._more = False
            rows = await self._to.journal.unsent(session.next_seq - 1, room)
            now = clock.monotonic()
            sent = rows[: session.sendable(now)]  # the room may have changed meanwhile
            session.send_events(sent, now)
            self._more |= len(rows) == room or len(sent) < len(rows)
            self._flush.set()


def _note(happening: Happening) -> None:
    match happening:
        case BusyReceived():
            log.info("the hub asks for a pause", seconds=happening.retry_after_s)
        case ErrorReceived():
            error = happening.error
            log.warning("the hub reports an error", code=error.code, ref=str(error.ref))
        case FrameDropped():
            log.warning("too many frames of one kind", kind=happening.type)
        case _:
            raise AssertionError(happening)  # an agent's session has no other


def _code(closed: SocketClosed) -> int:
    """The code with which a socket ended: the peer's, or our library's when it broke the rules."""
    if closed.rcvd is not None and (closed.rcvd_then_sent or closed.sent is None):
        return closed.rcvd.code
    return closed.sent.code if closed.sent is not None else ABNORMAL
