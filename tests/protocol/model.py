"""A whole small world in memory: customers, an agent, a hub and the link between them.

The disks and shells here are the shortest ones that obey the protocol; what is tested is the
session core and the resume rule between them. Every step of a shell is a method of its own, so that
a test can crash either side between any two of them.
"""

import copy
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from uuid import UUID

from protocol.codec import LogRow, decode, encode_data
from protocol.errors import CloseCode
from protocol.happenings import (
    ConnectionClosed,
    EventReceived,
    EventsAcknowledged,
    HeartbeatDue,
    HeartbeatReceived,
    HelloReceived,
    WelcomeReceived,
)
from protocol.ids import reply_id, whatsapp_key
from protocol.log import OwnLog, resume
from protocol.messages import (
    Ack,
    Drain,
    Event,
    EventData,
    HeartbeatAck,
    HeartbeatTimes,
    HeldPosition,
    Hello,
    Instant,
    LogHead,
    MessageReceived,
    MessageSend,
    MessageStatus,
    Position,
    QuarantinedEvent,
    Sender,
    SendStart,
    Software,
    Welcome,
)
from protocol.session import Role, Session, Settings, State
from tests.protocol.pair import ACCOUNT, CHAT, STATUS

WINDOW = 3
SETTINGS = Settings(window=WINDOW)


class Names:
    """Ids that never repeat in one world, the same in every run."""

    def __init__(self) -> None:
        self._ids = count(1)
        self._epochs = count(1)

    def uuid(self) -> UUID:
        return UUID(int=next(self._ids))

    def epoch(self) -> str:
        return f"E{next(self._epochs)}"


class Log:
    """The owner's half of a durable log; every row is kept."""

    def __init__(self, epoch: str) -> None:
        self.epoch = epoch
        self.rows: list[LogRow] = []
        self.acked = 0

    def append(self, event_id: UUID, data: EventData) -> None:
        row = LogRow(event_id, len(self.rows) + 1, Instant(0), data.TYPE, encode_data(data))
        self.rows.append(row)

    def own(self) -> OwnLog:
        return OwnLog(self.epoch, len(self.rows), self.acked, 1)

    def id_at(self, seq: int) -> UUID | None:
        return self.rows[seq - 1].id if 0 < seq <= len(self.rows) else None

    def renumber(self, epoch: str, keep: set[UUID] | None = None) -> None:
        """Start a new epoch with the rows in `keep`, or with all."""
        kept = [row for row in self.rows if keep is None or row.id in keep]
        self.epoch, self.acked = epoch, 0
        self.rows = [LogRow(r.id, n, r.ts, r.type, r.data) for n, r in enumerate(kept, 1)]


class Phone:
    """WhatsApp itself, which nobody can crash: what customers wrote and what they see."""

    def __init__(self) -> None:
        self.written: list[str] = []  # wa_ids
        self.shown: dict[str, str] = {}  # key -> text; a repeated key is dropped

    def write(self) -> None:
        self.written.append(f"W{len(self.written) + 1}")


@dataclass
class HubDisk:
    """What a backup of the hub holds."""

    down: Log
    positions: dict[str, tuple[int, UUID]] = field(default_factory=dict)
    ids: set[UUID] = field(default_factory=set)
    messages: list[str] = field(default_factory=list)  # wa_ids in the order of their effect
    answered: set[str] = field(default_factory=set)
    results: set[UUID] = field(default_factory=set)
    quarantined: int = 0
    generation: int = 0

    def take(self, epoch: str, event: Event | QuarantinedEvent) -> None:
        """Commit one event together with its position."""
        at = self.positions.get(epoch, (0, None))[0]
        assert event.seq == at + 1, "a session handed out an event that is not the next one"
        self.positions[epoch] = (event.seq, event.id)
        if event.id in self.ids:
            return
        self.ids.add(event.id)
        if isinstance(event, QuarantinedEvent):
            self.quarantined += 1
        elif isinstance(event.data, MessageReceived):
            if event.data.wa_id not in self.messages:
                self.messages.append(event.data.wa_id)
        elif isinstance(event.data, MessageStatus):
            self.results.add(event.data.ref)

    def answer_next(self) -> None:
        """The worker: one transaction that answers the oldest open message."""
        for wa_id in self.messages:
            if wa_id not in self.answered:
                self.answered.add(wa_id)
                event_id = reply_id(ACCOUNT, CHAT, "", wa_id, 0)
                if self.down_knows(event_id):
                    return
                send = MessageSend(account=ACCOUNT, chat=CHAT, text=f"re {wa_id}")
                self.down.append(event_id, send)
                return

    def down_knows(self, event_id: UUID) -> bool:
        return any(row.id == event_id for row in self.down.rows)


@dataclass
class AgentDisk:
    """What a backup of the agent holds."""

    up: Log
    conn_no: int = 0
    known: set[str] = field(default_factory=set)
    down_epoch: str | None = None
    down_seq: int = 0
    down_last: UUID | None = None
    sends: dict[UUID, str] = field(default_factory=dict)  # id -> accepted, sending, done
    texts: dict[UUID, str] = field(default_factory=dict)

    def see(self, wa_id: str, event_id: UUID) -> None:
        """A message of the phone and the event that tells of it, in one transaction."""
        if wa_id in self.known:
            return
        self.known.add(wa_id)
        self.up.append(
            event_id,
            MessageReceived(
                account=ACCOUNT,
                chat=CHAT,
                wa_id=wa_id,
                sender=Sender(id=CHAT),
                from_me=False,
                sent_at=Instant(0),
                live=True,
                kind="text",
                text=wa_id,
            ),
        )

    def accept(self, event: Event | QuarantinedEvent, restated: UUID) -> None:
        """Commit one order together with the position."""
        assert event.seq == self.down_seq + 1, "a session handed out an event that is not next"
        self.down_seq, self.down_last = event.seq, event.id
        if isinstance(event, Event) and isinstance(event.data, MessageSend):
            if self.sends.get(event.id) == "done":
                self.up.append(restated, MessageStatus(ref=event.id, state="sent"))
            elif event.id not in self.sends:
                self.sends[event.id] = "accepted"
                self.texts[event.id] = event.data.text or ""

    def held(self) -> HeldPosition:
        return HeldPosition(epoch=self.down_epoch, seq=self.down_seq, last_id=self.down_last)


class Pipe:
    """One direction of a connection: frames and at last a close code, in order."""

    def __init__(self) -> None:
        self.items: deque[str | int] = deque()
        self.closed = False

    def put(self, item: str | int) -> None:
        assert not self.closed, "something was sent after close"
        self.items.append(item)
        self.closed = isinstance(item, int)


class Connection:
    """A socket as both sides see it. Half of it may be cut without the other side's knowing."""

    def __init__(self, agent: Session, epoch: str, now: float) -> None:
        self.agent: Session | None = agent
        self.hub: Session | None = Session(Role.HUB, SETTINGS, now)
        self.epoch = epoch
        self.up, self.down = Pipe(), Pipe()
        self.generation = -1
        self.conn_no = -1
        self.at_hub: deque[Event | QuarantinedEvent] = deque()  # received, not committed
        self.at_agent: deque[Event | QuarantinedEvent] = deque()

    def flush(self, agent_holds: int, hub_holds: int) -> None:
        """Move what both sessions want to send into the pipes; nobody may acknowledge too much."""
        sides = ((self.agent, self.up, agent_holds), (self.hub, self.down, hub_holds))
        for session, pipe, holds in sides:
            if session is None:
                continue
            for frame in session.data_to_send():
                message = decode(frame)
                assert not isinstance(message, Ack) or message.seq <= holds, "lost when it crashes"
                pipe.put(frame)
            if (closing := session.close_to_send()) is not None:
                pipe.put(closing.code)

    def deliver(self, pipe: Pipe, receiver: Session | None, now: float) -> None:
        item = pipe.items.popleft()
        if receiver is None:
            return
        if isinstance(item, int):
            receiver.receive_close(item)
        else:
            receiver.receive_data(item, now)


class World:
    """Everything, and every step that can happen in it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.names = Names()
        self.phone = Phone()
        self.hub = HubDisk(Log(self.names.epoch()))
        self.agent = AgentDisk(Log(self.names.epoch()))
        self.connections: list[Connection] = []
        self.may_dial_at = 0.0
        self.hub_backup = copy.deepcopy(self.hub)
        self.agent_backup = copy.deepcopy(self.agent)

    # --- the agent's steps

    def own_connection(self) -> Connection | None:
        """The connection that the agent believes to have."""
        for connection in self.connections:
            if connection.agent is not None and connection.agent.state is not State.CLOSED:
                return connection
        return None

    def dial(self) -> None:
        if self.own_connection() is not None or self.now < self.may_dial_at:
            return
        self.agent.conn_no += 1
        hello = Hello(
            agent_id="a1",
            instance_id=UUID(int=1),
            conn_no=self.agent.conn_no,
            software=Software(name="model", version="1"),
            caps=[],
            window=WINDOW,
            up=LogHead(epoch=self.agent.up.epoch, head=len(self.agent.up.rows)),
            down=self.agent.held(),
            status=STATUS,
        )
        session = Session(Role.AGENT, SETTINGS, self.now, hello)
        self.connections.append(Connection(session, self.agent.up.epoch, self.now))
        self.settle_sessions()

    def look_at_phone(self) -> None:
        for wa_id in self.phone.written:
            self.agent.see(wa_id, self.names.uuid())

    def agent_commit(self) -> None:
        connection = self.own_connection()
        if connection is not None and connection.at_agent and connection.agent is not None:
            event = connection.at_agent.popleft()
            self.agent.accept(event, self.names.uuid())
            connection.agent.committed(event.seq)
            self.settle_sessions()

    def agent_push(self) -> None:
        connection = self.own_connection()
        if connection is not None and connection.agent is not None:
            self._push(connection.agent, self.agent.up)
            self.settle_sessions()

    def agent_work(self) -> None:
        """One step of the oldest unfinished send: never a blind repetition, always a look-up."""
        for event_id, state in self.agent.sends.items():
            if state == "accepted":
                self.agent.sends[event_id] = "sending"
                return
            if state == "sending":
                key = whatsapp_key(event_id)
                if key not in self.phone.shown:
                    self.phone.shown[key] = self.agent.texts[event_id]
                    return  # shown, but a crash may come before we note it
                self.agent.sends[event_id] = "done"
                status = MessageStatus(ref=event_id, state="sent")
                self.agent.up.append(self.names.uuid(), status)
                return

    # --- the hub's steps

    def hub_commit(self) -> None:
        for connection in self.connections:
            if not connection.at_hub:
                continue
            if connection.generation != self.hub.generation:
                connection.at_hub.clear()  # fenced: a newer connection owns the log
                continue
            event = connection.at_hub.popleft()
            self.hub.take(connection.epoch, event)
            if connection.hub is not None:
                connection.hub.committed(event.seq)
        self.settle_sessions()

    def hub_push(self) -> None:
        for connection in self.connections:
            if connection.hub is not None and connection.generation == self.hub.generation:
                self._push(connection.hub, self.hub.down)
        self.settle_sessions()

    def _push(self, session: Session, log: Log) -> None:
        first = session.next_seq - 1
        session.send_events(log.rows[first : first + session.sendable(self.now)], self.now)

    def hub_busy(self, seconds: float) -> None:
        for connection in self.live_at_hub():
            assert connection.hub is not None
            connection.hub.busy("disk", seconds)
        self.settle_sessions()

    def hub_drain(self) -> None:
        drain = Drain(reconnect_min_s=0, reconnect_max_s=5, deadline_s=9, reason="deploy")
        for connection in self.live_at_hub():
            assert connection.hub is not None
            connection.hub.drain(drain, self.now)
        self.settle_sessions()

    def live_at_hub(self) -> list[Connection]:
        return [
            c
            for c in self.connections
            if c.hub is not None
            and c.hub.state is State.LIVE
            and c.generation == self.hub.generation
        ]

    def _judge(self, newcomer: Connection, hello: Hello) -> None:
        assert newcomer.hub is not None
        newcomer.conn_no = hello.conn_no
        for rival in self.live_at_hub():
            assert rival.hub is not None
            known_epoch = hello.up.epoch in self.hub.positions
            if hello.conn_no <= rival.conn_no and known_epoch:
                newcomer.hub.close(CloseCode.REPLACED, "another connection is newer")
                return
            rival.hub.close(CloseCode.REPLACED, "a newer connection")
        self.hub.generation += 1
        newcomer.generation = self.hub.generation
        down = self.hub.down
        start = resume(down.own(), hello.down, down.id_at(hello.down.seq))
        if start is None:
            unfinished = {r.id for r in down.rows if r.id not in self.hub.results}
            down.renumber(self.names.epoch(), unfinished)
            start = 0
        seq, last_id = self.hub.positions.get(hello.up.epoch, (0, None))
        newcomer.hub.welcome(
            Welcome(
                connection_id="c",
                hub_time=Instant(0),
                caps=[],
                window=WINDOW,
                max_frame=262_144,
                heartbeat=HeartbeatTimes(interval_s=20, timeout_s=45),
                up=Position(epoch=hello.up.epoch, seq=seq, last_id=last_id),
                down=SendStart(epoch=down.epoch, seq=start),
            ),
            self.now,
        )

    def _reconcile(self, connection: Connection, welcome: Welcome) -> None:
        assert connection.agent is not None
        if welcome.down.epoch != self.agent.down_epoch:
            self.agent.down_epoch = welcome.down.epoch
            self.agent.down_seq, self.agent.down_last = 0, None
        up = self.agent.up
        if resume(up.own(), welcome.up, up.id_at(welcome.up.seq)) is None:
            connection.agent.close(CloseCode.POSITION_MISMATCH, "restored or wiped")
            up.renumber(self.names.epoch())
        else:
            connection.agent.start(1.0, self.now)

    # --- what both shells do at once with everything that a session reports

    def settle_sessions(self) -> None:
        """Hand out happenings and move output until no session has any left."""
        busy = True
        while busy:
            busy = False
            for connection in list(self.connections):
                busy |= self._hear_agent(connection) | self._hear_hub(connection)
                position = self.hub.positions.get(connection.epoch, (0, None))[0]
                connection.flush(self.agent.down_seq, position)
        self.connections = [c for c in self.connections if not self._over(c)]

    def _hear_agent(self, connection: Connection) -> bool:
        session = connection.agent
        happenings = session.happenings() if session is not None else []
        for happening in happenings:
            assert session is not None
            match happening:
                case WelcomeReceived():
                    self._reconcile(connection, happening.welcome)
                case EventReceived():
                    connection.at_agent.append(happening.event)
                case EventsAcknowledged():
                    self.agent.up.acked = max(self.agent.up.acked, happening.seq)
                case HeartbeatDue():
                    session.heartbeat(STATUS)
                case ConnectionClosed():
                    connection.at_agent.clear()
                    wait = 60.0 if happening.code == CloseCode.REPLACED else 0.0
                    self.may_dial_at = self.now + wait
                case _:
                    pass
        return bool(happenings)

    def _hear_hub(self, connection: Connection) -> bool:
        session = connection.hub
        happenings = session.happenings() if session is not None else []
        for happening in happenings:
            assert session is not None
            match happening:
                case HelloReceived():
                    self._judge(connection, happening.hello)
                case EventReceived():
                    connection.at_hub.append(happening.event)
                case EventsAcknowledged() if connection.generation == self.hub.generation:
                    self.hub.down.acked = max(self.hub.down.acked, happening.seq)
                case HeartbeatReceived():
                    n = happening.heartbeat.n
                    session.send(HeartbeatAck(n=n, hub_time=Instant(0)))
                case _:
                    pass
        return bool(happenings)

    def _over(self, connection: Connection) -> bool:
        sides = (connection.agent, connection.hub)
        return all(side is None or side.state is State.CLOSED for side in sides)

    # --- time, faults

    def pass_time(self, seconds: float) -> None:
        """Let time go by, waking every session at each of its timers."""
        end = self.now + seconds
        while (due := min(self._timers(), default=end)) < end:
            self.now = max(self.now, due)
            for session in self._sessions():
                session.handle_timer(self.now)
            self.settle_sessions()
        self.now = end

    def _sessions(self) -> Iterator[Session]:
        for connection in self.connections:
            for session in (connection.agent, connection.hub):
                if session is not None:
                    yield session

    def _timers(self) -> list[float]:
        return [t for s in self._sessions() if (t := s.get_timer()) is not None]

    def cut(self, connection: Connection, agent: bool, hub: bool) -> None:
        """The network breaks; either side may fail to notice (half-open)."""
        connection.up.items.clear()
        connection.down.items.clear()
        if agent and connection.agent is not None:
            connection.agent.receive_close(1006)
        if hub and connection.hub is not None:
            connection.hub.receive_close(1006)
        self.settle_sessions()
        # What a side that noticed nothing still sends goes nowhere.
        connection.agent = None if agent else connection.agent
        connection.hub = None if hub else connection.hub

    def crash_agent(self) -> None:
        """The process dies: its sessions and whatever was not on disk are gone."""
        for connection in self.connections:
            connection.agent = None
            connection.at_agent.clear()
            connection.up.items.clear()
        self.may_dial_at = self.now

    def crash_hub(self) -> None:
        for connection in list(self.connections):
            connection.hub = None
            connection.at_hub.clear()
            self.cut(connection, agent=True, hub=False)

    def step_cleanly(self) -> None:
        """One round in which nothing goes wrong."""
        self.look_at_phone()
        self.dial()
        for connection in list(self.connections):
            while connection.up.items:
                connection.deliver(connection.up, connection.hub, self.now)
            while connection.down.items:
                connection.deliver(connection.down, connection.agent, self.now)
        self.settle_sessions()
        self.hub_commit()
        self.hub.answer_next()
        self.hub_push()
        self.agent_commit()
        self.agent_work()
        self.agent_push()
        self.pass_time(0.5)

    @property
    def quiet(self) -> bool:
        """Whether every message was answered, every answer shown, and the hub knows it."""
        replies = {reply_id(ACCOUNT, CHAT, "", wa_id, 0) for wa_id in self.phone.written}
        return (
            set(self.phone.written) == set(self.hub.messages)
            and replies == self.hub.results
            and len(self.phone.shown) == len(replies)
        )
