"""Many lean agents in one process: the protocol's own session, logs in memory, real sockets.

Each obeys the protocol as `agent/link.py` does - the same backoff, the same windows - and writes
down when it knocked and what came of it. What they hold "on disk" outlives their connections; an
order is on disk `disk_s` after it came, and only then acknowledged.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Final
from uuid import UUID, uuid4

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed as SocketClosed
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from agent.backoff import Backoff, Policy, Window, retry_after_s
from protocol import codec, happenings
from protocol.codec import LogRow
from protocol.errors import CloseCode
from protocol.messages import (
    SUBPROTOCOL,
    AgentStatus,
    Event,
    EventData,
    HeldPosition,
    Hello,
    Instant,
    LogHead,
    MessageReceived,
    MessageSend,
    MessageStatus,
    Sender,
    Software,
    Welcome,
)
from protocol.session import Role, Session, Settings, State

ACCOUNT: Final = "+919800000009"
WINDOW: Final = 32
BROKEN: Final = 1006
POLL_S: Final = 0.02
WELCOME: Final = 101  # switching protocols
STUCK: Final = float("inf")  # a disk that takes nothing


def now_ms() -> int:
    """The wall clock, which the hub on the same machine has too."""
    return time.time_ns() // 1_000_000


class Visit(msgspec.Struct):
    """One knock at the hub's door. `answer` is 101, the HTTP status, or 0 when nobody was there."""

    knocked_ms: int
    answer: int = 0
    closed_ms: int = 0
    code: int = 0
    window: Window | None = None


class LeanAgent:
    """What one agent keeps, and its way to the hub."""

    def __init__(self, number: int, agent_id: str, token: str, chance: Random) -> None:
        self.number = number
        self.agent_id = agent_id
        self.url = ""
        self.disk_s = chance.uniform(0.2, 0.6)
        self.log: list[LogRow] = []
        self.customers: list[tuple[str, str]] = []  # (chat, wa_id) of each message
        self.orders: Counter[UUID] = Counter()
        self.held = HeldPosition(seq=0)
        self.visits: list[Visit] = []
        self.line: Line | None = None
        self._token = token
        self._chance = chance
        self._epoch = uuid4().hex
        self._instance_id = uuid4()
        self._conn_no = 0
        self._backoff = Backoff(Policy())
        self._over = asyncio.Event()

    def customer_writes(self) -> None:
        """A new customer's first message is in the log, and on its way if there is one."""
        chat = f"9198{self.number:04}{len(self.customers):04}@c.us"
        wa_id = f"IN{self.number:04}{len(self.customers):04}"
        self.customers.append((chat, wa_id))
        self.write(
            MessageReceived(
                account=ACCOUNT,
                chat=chat,
                wa_id=wa_id,
                sender=Sender(id=chat),
                from_me=False,
                sent_at=Instant(now_ms()),
                live=True,
                kind="text",
                text="hello",
            )
        )

    def write(self, data: EventData) -> None:
        """Append to the `up` log."""
        seq, ts = len(self.log) + 1, Instant(now_ms())
        self.log.append(LogRow(uuid4(), seq, ts, data.TYPE, codec.encode_data(data)))
        if self.line is not None:
            self.line.wake.set()

    def commit(self, order: Event) -> None:
        """Take an order to disk, and do it."""
        self.orders[order.id] += 1
        self.held = msgspec.structs.replace(self.held, seq=order.seq, last_id=order.id)
        if isinstance(order.data, MessageSend):
            self.write(MessageStatus(ref=order.id, state="sent"))

    def answered(self) -> bool:
        """Whether every customer has an answer, and the hub knows all that happened here."""
        settled = self.line is not None and self.line.acked == len(self.log)
        return settled and self.awaits == 0

    def has_answer(self) -> bool:
        """Whether an order came, be it on disk or not."""
        return bool(self.orders) or (self.line is not None and self.line.uncommitted > 0)

    @property
    def awaits(self) -> int:
        """How many customers have no answer on this disk."""
        return len(self.customers) - len(self.orders)

    @property
    def is_owing(self) -> bool:
        """Whether something is under way that the other side has not acknowledged."""
        return self.line is not None and self.line.unacked + self.line.uncommitted > 0

    def leave(self) -> None:
        """Say goodbye for good."""
        self._over.set()
        if self.line is not None:
            self.line.end()

    async def run(self) -> None:
        """Visit the hub again and again until `leave`."""
        while not self._over.is_set():
            pause_s = await self._visit()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._over.wait()

    async def _visit(self) -> float:
        """Knock once, stay as long as it goes; the seconds to wait then."""
        visit = Visit(now_ms())
        self.visits.append(visit)
        try:
            socket = await self._knock()
        except InvalidStatus as refused:
            visit.answer = refused.response.status_code
            after = retry_after_s(refused.response.headers.get("Retry-After"), now_ms())
            return self._backoff.refused(visit.answer, after, self._chance.random()).seconds
        except (OSError, WebSocketException):
            return self._backoff.failed(self._chance.random()).seconds
        if self._over.is_set():
            await socket.close()
            return 0.0
        visit.answer = WELCOME
        self.line = line = Line(self, socket, self._hello())
        began = time.monotonic()
        await line.run()
        self.line = None
        visit.closed_ms, visit.code, visit.window = line.closed_ms, line.code, line.window
        live_s = time.monotonic() - began
        pause = self._backoff.closed(line.code, live_s, self._chance.random(), line.window)
        return pause.seconds - (now_ms() - line.closed_ms) / 1000  # counted from the close

    async def _knock(self) -> ClientConnection:
        return await connect(
            self.url,
            additional_headers={"Authorization": f"Bearer {self._token}"},
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            compression=None,
            proxy=None,
            ping_interval=None,
            open_timeout=30,
            close_timeout=2,
        )

    def _hello(self) -> Hello:
        self._conn_no += 1
        return Hello(
            agent_id=self.agent_id,
            instance_id=self._instance_id,
            conn_no=self._conn_no,
            software=Software(name="lean", version="1"),
            caps=[],
            window=WINDOW,
            up=LogHead(epoch=self._epoch, head=len(self.log)),
            down=self.held,
            status=self.status(),
        )

    def status(self) -> AgentStatus:
        """How the agent is."""
        return AgentStatus(whatsapp="ready", account=ACCOUNT, paused=False, outbox=0, inbox=0)


class Line:
    """One connection of a lean agent."""

    def __init__(self, agent: LeanAgent, socket: ClientConnection, hello: Hello) -> None:
        self.wake = asyncio.Event()
        self.acked = 0
        self.code = 0
        self.closed_ms = 0
        self.window: Window | None = None
        self._agent = agent
        self._socket = socket
        self._writing: deque[tuple[float, Event]] = deque()  # orders that are not on disk yet
        self._session = Session(Role.AGENT, Settings(), time.monotonic(), hello)

    @property
    def is_live(self) -> bool:
        return self._session.state is State.LIVE

    @property
    def sent(self) -> int:
        """The newest event that went to the hub."""
        return self._session.next_seq - 1

    @property
    def unacked(self) -> int:
        """How many events are under way to the hub."""
        return self.sent - self.acked if self.is_live else 0

    @property
    def uncommitted(self) -> int:
        """How many orders came and are not on disk."""
        return len(self._writing)

    def end(self) -> None:
        """Close with 1000."""
        self._session.close(CloseCode.CLEAN_STOP, "")
        self.wake.set()

    async def run(self) -> None:
        """Until either side ends the connection."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._read(), name=f"{self._agent.agent_id} reads")
            while not self.code:
                self.wake.clear()
                await self._turn(time.monotonic())
                if not self.code:
                    await self._rest()
            await self._socket.close()

    async def _read(self) -> None:
        try:
            async for frame in self._socket:
                self._session.receive_data(frame, time.monotonic())
                self.wake.set()
        except SocketClosed:
            pass
        self._session.receive_close(self._socket.close_code or BROKEN)
        self.wake.set()

    async def _turn(self, now: float) -> None:
        session = self._session
        session.handle_timer(now)
        self._note_all(now)
        while self._writing and self._writing[0][0] <= now:
            order = self._writing.popleft()[1]
            self._agent.commit(order)
            session.committed(order.seq)
        if room := session.sendable(now):
            first = session.next_seq
            session.send_events(self._agent.log[first - 1 : first - 1 + room], now)
        self._note_all(now)
        with suppress(SocketClosed):
            for frame in session.data_to_send():
                await self._socket.send(frame)
            if closing := session.close_to_send():
                await self._socket.close(*closing)

    async def _rest(self) -> None:
        due = [at for at in (self._session.get_timer(),) if at is not None]
        due += [at for at, _ in list(self._writing)[:1]]
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, min(due) - time.monotonic()) if due else None):
                await self.wake.wait()

    def _note_all(self, now: float) -> None:
        while happened := self._session.happenings():
            for happening in happened:
                self._note(happening, now)

    def _note(self, happening: happenings.Happening, now: float) -> None:
        match happening:
            case happenings.WelcomeReceived(welcome):
                self._begin(welcome, now)
            case happenings.EventReceived(Event() as order):
                self._writing.append((now + self._agent.disk_s, order))
            case happenings.EventsAcknowledged(seq):
                self.acked = seq
            case happenings.HeartbeatDue():
                self._session.heartbeat(self._agent.status())
            case happenings.DrainReceived(drain):
                self.window = Window(drain.reconnect_min_s, drain.reconnect_max_s)
            case happenings.ConnectionClosed(code):
                self.code, self.closed_ms = code, now_ms()
            case _:
                pass

    def _begin(self, welcome: Welcome, now: float) -> None:
        self.acked = welcome.up.seq
        if welcome.down.epoch != self._agent.held.epoch:
            self._agent.held = HeldPosition(epoch=welcome.down.epoch, seq=0)
        self._session.start(welcome.heartbeat.interval_s, now)


class Fleet:
    """All agents, each in a task of its own while the fleet runs."""

    def __init__(self, agents: list[LeanAgent]) -> None:
        self.agents = agents

    @asynccontextmanager
    async def running(self, url: str) -> AsyncIterator["Fleet"]:
        """Let all of them go to the hub at `url`; at the end they say goodbye."""
        async with asyncio.TaskGroup() as group:
            for agent in self.agents:
                agent.url = url
                group.create_task(agent.run(), name=agent.agent_id)
            try:
                yield self
            finally:
                for agent in self.agents:
                    agent.leave()

    async def until(
        self, holds: Callable[[LeanAgent], bool], timeout_s: float, share: float = 1.0
    ) -> None:
        """Wait until something holds of every agent, or of a share of them."""
        waiting: list[LeanAgent] = []
        enough = (1 - share) * len(self.agents)
        try:
            async with asyncio.timeout(timeout_s):
                while len(waiting := [it for it in self.agents if not holds(it)]) > enough:  # noqa: ASYNC110 - 500 Events for one condition
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            states = Counter((len(it.visits), it.visits[-1].answer) for it in waiting)
            raise AssertionError(f"{len(waiting)} wait after {timeout_s} s: {states}") from None

    async def all_live(self, timeout_s: float) -> None:
        """Wait until every agent has its welcome."""
        await self.until(lambda agent: agent.line is not None and agent.line.is_live, timeout_s)
