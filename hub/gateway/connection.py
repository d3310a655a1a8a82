"""One agent's socket: a shell over the protocol's session.

Three things go on at once. Frames come in and are put into the session (`_read`, which waits for
nothing else); what the session wants to say goes out (`_write`, bounded and with a time limit);
and what has to reach the disk does so in the order of its arrival (`_work`, by way of `Custody`).
One alarm wakes the session when it asks to be woken.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import structlog

from hub.gateway.admission import Entry
from hub.gateway.custody import Custody
from hub.gateway.handlers import FencedError
from hub.gateway.services import Services
from hub.gateway.takeover import Verdict
from hub.gateway.tokens import AgentIdentity
from protocol.errors import CloseCode
from protocol.happenings import (
    ConnectionClosed,
    ErrorReceived,
    EventReceived,
    EventsAcknowledged,
    Happening,
    HeartbeatReceived,
    HelloReceived,
    TypingReceived,
)
from protocol.messages import (
    FRAME_MAX_BYTES,
    Control,
    Drain,
    HeartbeatAck,
    HeartbeatTimes,
    Hello,
    Instant,
    Typing,
    Welcome,
)
from protocol.session import Closing, Role, Session, State

log = structlog.get_logger(__name__)

OUTBOX_FRAMES_MAX: Final = 512  # an agent that takes nothing of so much is not there any more
READ_AHEAD_MAX: Final = 256  # so many answers waiting hold back what is read next
CODE_SHOWN: Final = 40  # characters of what a peer calls a code; it may be any text
PUSH_ROWS: Final = 32  # orders read at a time; so many frames waiting hold the next ones back

REFUSALS: Final = {
    Verdict.REFUSE: Closing(CloseCode.REPLACED, "another connection of this agent is in use"),
    Verdict.BLOCK: Closing(CloseCode.DUPLICATE_AGENT, "two instances of this agent are running"),
    Verdict.BLOCKED: Closing(CloseCode.DUPLICATE_AGENT, "two instances of this agent were running"),
    Verdict.REVOKED: Closing(CloseCode.REVOKED, "this agent was revoked"),
}


class Wire(Protocol):
    """A socket that was accepted. Sending raises OSError when it is gone."""

    async def receive(self) -> str | bytes | int:
        """The next frame, or the code with which the socket closed."""

    async def send(self, frame: str) -> None: ...

    async def close(self, code: int, reason: str) -> None: ...


class Connection:
    """From the accepted upgrade to the end of the socket."""

    def __init__(self, services: Services, who: AgentIdentity, wire: Wire) -> None:
        clock = services.clock
        self.who = who
        self._services = services
        self._clock = clock
        self._wire = wire
        self._session = Session(Role.HUB, services.session, clock.monotonic())
        self._custody = Custody(services, who)
        self._hello: Hello | None = None
        self._to_do = asyncio.Event()
        self._log_goes_on = False
        self._outbox: deque[str] = deque()
        self._closing: Closing | None = None
        self._to_write = asyncio.Event()
        self._has_room = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = 0.0
        self._token_ends: float | None = None
        if who.expires_at is not None:
            self._token_ends = clock.monotonic() + (who.expires_at - clock.now_ms()) / 1000
        self._end_code = int(CloseCode.INTERNAL_ERROR)
        self._pause_asked_until = 0.0

    @property
    def generation(self) -> int:
        """Among the agent's connections; 0 until the hello is accepted."""
        return 0 if self._custody.link is None else self._custody.link.generation

    async def run(self) -> None:
        """Serve the socket until it is gone and what it brought is on disk."""
        self._services.registry.add(self)
        try:
            async with asyncio.TaskGroup() as tasks:
                name = f"agent {self.who.agent_id}"
                self._reader = tasks.create_task(self._read(), name=f"{name} reads")
                tasks.create_task(self._write(), name=f"{name} writes")
                self._settle()
                await self._work()
        finally:
            if self._alarm is not None:
                self._alarm.cancel()
            self._services.registry.remove(self)

    # --- orders from outside ----------------------------------------------------------------

    def wake(self) -> None:
        """There may be more in the `down` log."""
        self._log_goes_on = True
        self._to_do.set()

    def close(self, code: int, reason: str) -> None:
        """End the connection."""
        self._session.close(code, reason)
        self._settle()

    def drain(self, farewell: Drain) -> None:
        """Ask the agent to leave; one that was not welcomed yet is sent away."""
        if self._session.state is State.LIVE:
            self._session.drain(farewell, self._clock.monotonic())
        else:
            self._session.close(CloseCode.RESTART, "the hub restarts")
        self._settle()

    def ask_pause(self, message: str, retry_after_s: float) -> None:
        """Ask the agent to send no new events for a while, unless it was asked already."""
        now = self._clock.monotonic()
        if self._session.state is State.LIVE and now >= self._pause_asked_until:
            self._pause_asked_until = now + retry_after_s
            self._session.busy(message, retry_after_s)
            self._settle()

    def show_typing(self, account: str, chat: str, composing: bool) -> None:
        """Tell the agent that an answer is being composed, or no longer."""
        self._say(Typing(account=account, chat=chat, composing=composing))
        self._settle()

    # --- the socket -------------------------------------------------------------------------

    async def _read(self) -> None:
        while not isinstance(frame := await self._wire.receive(), int):
            self._custody.seen_ms = self._clock.now_ms()
            try:
                self._session.receive_data(frame, self._clock.monotonic())
                self._settle()
            except Exception:  # a defect of ours: it must not take the socket's farewell with it
                log.exception("frame_failed", agent_id=self.who.agent_id)
                self.close(CloseCode.INTERNAL_ERROR, "the hub made a mistake")
            await self._answers_written()
        self._session.receive_close(frame)
        self._settle()

    async def _answers_written(self) -> None:
        """Read on only while the answers get away: a flood slows nobody but its sender."""
        while len(self._outbox) > READ_AHEAD_MAX and self._session.state is not State.CLOSED:
            self._has_room.clear()
            await self._has_room.wait()

    async def _write(self) -> None:
        try:
            while not self._is_said():
                await self._to_write.wait()
                self._to_write.clear()
                await self._send_all()
                self._has_room.set()
                self._to_do.set()  # there is room for more of the log
        except TimeoutError:
            log.warning("agent_takes_nothing", agent_id=self.who.agent_id)
            self._session.close(CloseCode.PEER_STALLED, "nothing can be sent")
            self._hang_up()
        except OSError:
            self._hang_up()

    async def _send_all(self) -> None:
        while self._outbox:
            async with asyncio.timeout(self._services.send_timeout_s):
                await self._wire.send(self._outbox.popleft())
        if self._closing is not None:
            closing, self._closing = self._closing, None
            async with asyncio.timeout(self._services.send_timeout_s):
                await self._wire.close(*closing)

    def _is_said(self) -> bool:
        closed = self._session.state is State.CLOSED
        return closed and not self._outbox and self._closing is None

    def _hang_up(self) -> None:
        """Nothing gets through: do not wait for what may never come in either."""
        self._session.receive_close(1006)
        self._has_room.set()
        self._settle()
        if self._reader is not None:
            self._reader.cancel()

    # --- the session ------------------------------------------------------------------------

    def _settle(self) -> None:
        """Carry out what the session wants after something happened to it."""
        while happenings := self._session.happenings():
            for happening in happenings:
                self._note(happening)
        self._outbox.extend(self._session.data_to_send())
        if len(self._outbox) > OUTBOX_FRAMES_MAX and self._session.state is not State.CLOSED:
            self._outbox.clear()  # nobody reads it, and the logs say the rest next time
            self.close(CloseCode.PEER_STALLED, "too much waits to be sent")
            return
        self._closing = self._session.close_to_send() or self._closing
        if self._outbox or self._session.state is State.CLOSED:
            self._to_write.set()
        self._set_alarm()

    def _note(self, happening: Happening) -> None:
        self._to_do.set()
        match happening:
            case HelloReceived(hello) if hello.agent_id != self.who.agent_id:
                self._session.close(CloseCode.PROTOCOL_VIOLATION, "this token is another agent's")
            case HelloReceived(hello):
                self._hello = hello
            case EventReceived(event):
                self._custody.events.append(event)
            case EventsAcknowledged(seq):
                self._custody.acked = seq
            case HeartbeatReceived(heartbeat):
                self._custody.status = heartbeat.status
                self._say(HeartbeatAck(n=heartbeat.n, hub_time=self._now()))
            case TypingReceived(it):
                self._services.composing(self.who.tenant_id, it.account, it.chat, it.composing)
            case ErrorReceived(error):
                log.info("agent_reports", agent_id=self.who.agent_id, code=error.code[:CODE_SHOWN])
            case ConnectionClosed(code, reason):
                self._end_code = code
                log.info("agent_gone", agent_id=self.who.agent_id, code=code, reason=reason)
            case _:
                pass  # a pause begins or ends, a frame was over the rate: the session saw to it

    def _say(self, control: Control) -> None:
        if self._session.state is State.LIVE:
            self._session.send(control)

    def _now(self) -> Instant:
        return Instant(self._clock.now_ms())

    def _set_alarm(self) -> None:
        """Wake up when session or token runs out; an alarm that comes too early is harmless."""
        due = self._session.get_timer()
        if due is None:
            return
        if self._token_ends is not None:
            due = min(due, self._token_ends)
        loop = asyncio.get_running_loop()
        at = loop.time() + max(0.0, due - self._clock.monotonic())
        if self._alarm is not None:
            if self._alarm_at <= at:
                return
            self._alarm.cancel()
        # uvloop's handle does not tell when it rings if that is within the same millisecond.
        self._alarm, self._alarm_at = loop.call_at(at, self._ring), at

    def _ring(self) -> None:
        self._alarm = None
        now = self._clock.monotonic()
        if self._token_ends is not None and now >= self._token_ends:
            self._session.close(CloseCode.TOKEN_EXPIRED, "the token has expired")
        self._session.handle_timer(now)
        self._settle()

    # --- the disk ---------------------------------------------------------------------------

    async def _work(self) -> None:
        while self._session.state is not State.CLOSED:
            await self._to_do.wait()
            self._to_do.clear()
            await self._guarded(self._admit)
            await self._guarded(self._commit)
            await self._guarded(self._push)
        await self._guarded(self._commit)
        await self._custody.leave(self._end_code)

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except FencedError:
            pass  # who has the agent's word now also closes this socket
        except Exception:
            log.exception("custody_failed", agent_id=self.who.agent_id)
            self.close(CloseCode.INTERNAL_ERROR, "the hub could not store what you sent")

    async def _admit(self) -> None:
        if self._hello is None:
            return
        hello, self._hello = self._hello, None
        ruled = await self._custody.admit(hello)
        if ruled.entry is None:
            self._turn_away(ruled.verdict)
            return
        self._services.registry.seat(self)
        self._log_goes_on = True
        if self._session.state is State.JUDGING:
            self._session.welcome(self._welcome(ruled.entry), self._clock.monotonic())
            log.info("agent_welcomed", agent_id=self.who.agent_id, generation=self.generation)
            self._settle()

    def _turn_away(self, verdict: Verdict) -> None:
        log.warning("agent_refused", agent_id=self.who.agent_id, verdict=verdict.value)
        if verdict is Verdict.BLOCK:
            self._services.registry.expel(self.who.agent_id, *REFUSALS[verdict])
        self.close(*REFUSALS[verdict])

    def _welcome(self, entry: Entry) -> Welcome:
        settings, expires_at = self._services.session, self.who.expires_at
        return Welcome(
            connection_id=self._custody.connection_id,
            hub_time=self._now(),
            caps=[],
            window=settings.window,
            max_frame=FRAME_MAX_BYTES,
            heartbeat=HeartbeatTimes(
                interval_s=settings.heartbeat_interval_s, timeout_s=settings.heartbeat_timeout_s
            ),
            up=entry.up,
            down=entry.down,
            token_expires_at=None if expires_at is None else Instant(expires_at),
        )

    async def _commit(self) -> None:
        newest = self._custody.events[-1].seq if self._custody.events else None
        outcome = await self._custody.commit()
        if outcome is None:
            return
        if newest is not None:
            self._session.committed(newest)
        for fault in outcome.faults:
            self._say(fault)
        for taken in outcome.intakes:
            self._services.take_up(taken)
        self._settle()

    async def _push(self) -> None:
        while self._log_goes_on and (room := self._room()) > 0:
            self._log_goes_on = False
            rows = await self._custody.orders_after(self._session.next_seq - 1, room)
            fitting = rows[: self._session.sendable(self._clock.monotonic())]
            self._log_goes_on |= len(rows) == room or len(fitting) < len(rows)
            self._session.send_events(fitting, self._clock.monotonic())
            self._settle()

    def _room(self) -> int:
        """How many orders may be read now: as many as agent and outbox take."""
        sendable = self._session.sendable(self._clock.monotonic())
        return min(sendable, PUSH_ROWS - len(self._outbox))
