"""One agent's socket: a shell over the protocol's session.

Nothing here waits on the way of a message. Frames that came in together go into the session
(`received`), what it reports gathers for the disk (`Custody`), and when the writer has committed it
(`_recorded`) the acknowledgements go out together: no task, no queue and no write per frame. The
one task of a connection (`run`) does what is rare: the hello, reading orders back from the disk,
and the end. One alarm wakes the session when it asks to be woken.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from hub.gateway.admission import REFUSALS, Entry
from hub.gateway.custody import Custody
from hub.gateway.handlers import FencedError, Outcome
from hub.gateway.limits import Allowance
from hub.gateway.outlet import Outlet, Wire
from hub.gateway.recall import Recall
from hub.gateway.services import Services
from hub.gateway.takeover import Verdict
from hub.gateway.tokens import AgentIdentity
from hub.store.errors import StoreClosed, StoreError
from hub.store.outbound import Order
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
from protocol.session import Role, Session, State

log = structlog.get_logger(__name__)

STORE_RETRY_S: Final = 1.0  # between tries to store what the disk did not take
IDLE_FRAMES_PER_S: Final = 1000  # that bring nothing new: beats, typing, repetitions
RENEWAL_S: Final = 1.5  # before its end a pause is asked anew, or every window would fill between
BUSY_S: Final = 5.0  # how long an agent is asked to wait meanwhile; it is asked again
CODE_SHOWN: Final = 40  # characters of what a peer calls a code; it may be any text
PUSH_ROWS: Final = 32  # orders read at a time; so many frames waiting hold the next ones back


class Connection:
    """From the accepted upgrade to the end of the socket."""

    def __init__(self, services: Services, who: AgentIdentity, wire: Wire) -> None:
        clock = services.clock
        self.who = who
        self._services = services
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._outlet = Outlet(wire, services.send_timeout_s, self._give_up)
        self._session = Session(Role.HUB, services.session, clock.monotonic())
        self._custody = Custody(services, who)
        self._idle = Allowance(IDLE_FRAMES_PER_S)
        self._moved = 0  # frames of a read that brought something new
        self._recall = Recall()
        self._hello: Hello | None = None
        self._to_do = asyncio.Event()
        self._log_goes_on = False  # there are orders on the disk that were not sent
        self._reading_log = False
        self._storing = False  # a batch is on its way to the disk, or rests before another try
        self._settling: asyncio.Handle | None = None
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
            self._settle()
            while not self._is_over():
                await self._to_do.wait()
                self._to_do.clear()
                await self._guarded(self._admit)
                await self._guarded(self._push)
            await self._custody.leave(self._end_code)
        finally:
            self._outlet.end()
            for handle in (self._alarm, self._settling):
                if handle is not None:
                    handle.cancel()
            self._services.registry.remove(self)

    def _is_over(self) -> bool:
        """Whether everything is said and everything that came in is stored, or cannot be."""
        closed = self._session.state is State.CLOSED
        return closed and self._outlet.is_silent and not self._storing

    # --- orders from outside ----------------------------------------------------------------

    def wake(self) -> None:
        """There may be more in the `down` log."""
        self._log_goes_on = True
        self._to_do.set()

    def deliver(self, order: Order) -> None:
        """Send an order that was just put into the log, unless others have to go before it."""
        link, row = self._custody.link, order.row
        if (
            row is None
            or link is None
            or link.down_epoch != order.epoch
            or self._log_goes_on
            or self._reading_log
            or row.seq != self._session.next_seq
            or self._room() <= 0
        ):
            self.wake()
            return
        self._session.send_events([row], self._clock.monotonic())
        self._settle_soon()

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
        """Ask the agent to send no new events for a while; again just before that while is over."""
        now = self._clock.monotonic()
        if self._session.state is State.LIVE and now >= self._pause_asked_until - RENEWAL_S:
            self._pause_asked_until = now + retry_after_s
            self._session.busy(message, retry_after_s)
            self._settle()

    def show_typing(self, account: str, chat: str, composing: bool) -> None:
        """Tell the agent that an answer is being composed, or no longer."""
        self._say(Typing(account=account, chat=chat, composing=composing))
        self._settle()

    # --- the socket -------------------------------------------------------------------------

    def received(self, frames: Sequence[str | bytes]) -> None:
        """Take frames that came in together."""
        now = self._clock.monotonic()
        self._custody.seen_ms = self._clock.now_ms()
        self._moved = 0
        try:
            for frame in frames:
                self._session.receive_data(frame, now)
            self._settle()
            if wait_s := self._idle.use(len(frames) - self._moved, now):
                self._outlet.wire.rest(wait_s)
        except Exception:  # a defect of ours: it must not take the socket's farewell with it
            log.exception("frame_failed", agent_id=self.who.agent_id)
            self.close(CloseCode.INTERNAL_ERROR, "the hub made a mistake")

    def lost(self, code: int) -> None:
        """The socket is closed."""
        self._session.receive_close(code)
        self._outlet.clear()
        self._settle()

    def writable(self, now: bool) -> None:
        """The socket takes more, or for the time being it does not."""
        self._outlet.writable(now)
        if now:
            self._to_do.set()  # there is room for more of the log

    def _give_up(self) -> None:
        """Nothing gets through: do not wait for what may never come in either."""
        log.warning("agent_takes_nothing", agent_id=self.who.agent_id)
        self._session.close(CloseCode.PEER_STALLED, "nothing can be sent")
        self._settle()
        self._outlet.cut()
        self._to_do.set()

    # --- the session ------------------------------------------------------------------------

    def _settle_soon(self) -> None:
        """Settle once for all that happens in this round of the loop."""
        if self._settling is None:
            self._settling = self._loop.call_soon(self._settle)

    def _settle(self) -> None:
        """Carry out what the session wants after something happened to it."""
        self._settling = None
        while happenings := self._session.happenings():
            for happening in happenings:
                self._note(happening)
        if not self._outlet.put(self._session.data_to_send()):
            self._session.close(CloseCode.PEER_STALLED, "too much waits to be sent")
            self._session.happenings()
        self._outlet.flush(self._session.close_to_send())
        if self._session.state is State.CLOSED:
            self._to_do.set()
        self._store()
        self._set_alarm()

    def _note(self, happening: Happening) -> None:
        match happening:
            case EventReceived(event, text):
                self._moved += 1
                self._custody.take(event, len(text))
            case EventsAcknowledged(seq):
                self._moved += 1
                self._custody.acked = seq
                if self._log_goes_on:
                    self._to_do.set()
            case HelloReceived(hello) if hello.agent_id != self.who.agent_id:
                self._session.close(CloseCode.PROTOCOL_VIOLATION, "this token is another agent's")
            case HelloReceived(hello):
                self._hello = hello
                self._to_do.set()
            case HeartbeatReceived(heartbeat):
                self._custody.status = heartbeat.status
                self._recall.beat(heartbeat.status)
                self._note_recall()
                self._say(HeartbeatAck(n=heartbeat.n, hub_time=Instant(self._clock.now_ms())))
            case TypingReceived(it):
                self._services.composing(self.who.tenant_id, it.account, it.chat, it.composing)
            case ErrorReceived(error):
                log.info("agent_reports", agent_id=self.who.agent_id, code=error.code[:CODE_SHOWN])
            case ConnectionClosed(code, reason):
                self._end_code = code
                self._services.registry.part(self)
                self._to_do.set()
                log.info("agent_gone", agent_id=self.who.agent_id, code=code, reason=reason)
            case _:
                self._to_do.set()  # a pause ended: the log may go on

    def _say(self, control: Control) -> None:
        if self._session.state is State.LIVE:
            self._session.send(control)

    def _set_alarm(self) -> None:
        """Wake up when session or token runs out; an alarm that comes too early is harmless."""
        due = self._session.get_timer()
        if due is None:
            return
        if self._token_ends is not None:
            due = min(due, self._token_ends)
        at = self._loop.time() + max(0.0, due - self._clock.monotonic())
        if self._alarm is not None:
            if self._alarm_at <= at:
                return
            self._alarm.cancel()
        # uvloop's handle does not tell when it rings if that is within the same millisecond.
        self._alarm, self._alarm_at = self._loop.call_at(at, self._ring), at

    def _ring(self) -> None:
        self._alarm = None
        now = self._clock.monotonic()
        if self._token_ends is not None and now >= self._token_ends:
            self._session.close(CloseCode.TOKEN_EXPIRED, "the token has expired")
        self._session.handle_timer(now)
        self._settle()

    # --- the disk ---------------------------------------------------------------------------

    def _store(self) -> None:
        """Hand what gathered to the writer, unless it is still at work on what came before."""
        if not self._storing and self._custody.is_due:
            self._storing = True
            self._custody.commit(self._recorded, self._refused)

    def _recorded(self, outcome: Outcome) -> None:
        """A batch is on disk: acknowledge it, and hand over what followed from it."""
        self._storing = False
        if outcome.newest is not None:
            self._session.committed(outcome.newest)
            self._recall.told(outcome.newest)
            self._note_recall()
        for fault in outcome.faults:
            self._say(fault)
        for taken in outcome.intakes:
            self._services.take_up(taken)
        self._after_storing()

    def _note_recall(self) -> None:
        if self._recall.is_complete:
            lives = self._session.state is not State.CLOSED
            self._services.know(self, lives and self._recall.is_current)

    def _refused(self, error: Exception) -> None:
        """A batch is not on disk: it waits here, unacknowledged, while the disk cannot take it."""
        if isinstance(error, StoreError) and not isinstance(error, StoreClosed):
            log.warning("not_stored", agent_id=self.who.agent_id, error=error.code)
            self._custody.give_back()
            self.ask_pause(str(error), BUSY_S)
            self._loop.call_later(STORE_RETRY_S, self._after_storing)
            return
        self._storing = False
        if not isinstance(error, FencedError):  # who has the agent's word now closes this socket
            log.error("custody_failed", agent_id=self.who.agent_id, exc_info=error)
            self.close(CloseCode.INTERNAL_ERROR, "the hub could not store what you sent")
        self._to_do.set()

    def _after_storing(self) -> None:
        """Go on; acks and orders that the same transaction brought about leave in one write."""
        self._storing = False
        self._settle_soon()
        self._to_do.set()

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except FencedError:
            pass  # who has the agent's word now also closes this socket
        except StoreError as error:
            log.warning("not_served", agent_id=self.who.agent_id, error=error.code)
            self.close(CloseCode.BUSY, "the hub's database takes nothing now")
        except Exception:
            log.exception("custody_failed", agent_id=self.who.agent_id)
            self.close(CloseCode.INTERNAL_ERROR, "the hub could not serve you")

    async def _admit(self) -> None:
        if self._hello is None:
            return
        hello, self._hello = self._hello, None
        ruled = await self._custody.admit(hello)
        if ruled.entry is None:
            self._turn_away(ruled.verdict)
            return
        self._services.registry.seat(self)
        self._recall.begin(hello, ruled.entry.up)
        self._note_recall()
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
            hub_time=Instant(self._clock.now_ms()),
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

    async def _push(self) -> None:
        """Send what stands in the log, as much as agent and socket take."""
        while self._log_goes_on and (room := self._room()) > 0:
            self._log_goes_on, self._reading_log = False, True
            try:
                rows = await self._custody.orders_after(self._session.next_seq - 1, room)
            finally:
                self._reading_log = False
            fitting = rows[: self._session.sendable(self._clock.monotonic())]
            self._log_goes_on |= len(rows) == room or len(fitting) < len(rows)
            self._session.send_events(fitting, self._clock.monotonic())
            self._settle()

    def _room(self) -> int:
        """How many orders may go out now: as many as agent and outbox take."""
        sendable = self._session.sendable(self._clock.monotonic())
        return min(sendable, PUSH_ROWS - self._outlet.waiting)
