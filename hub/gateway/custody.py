"""What one connection gathers for the disk, and the transactions that take custody of it."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final
from uuid import uuid4

import structlog

from hub.gateway import admission, handlers
from hub.gateway.admission import Admission, Arrival, Link
from hub.gateway.handlers import Batch, FencedError, Outcome
from hub.gateway.services import Services
from hub.gateway.tokens import AgentIdentity
from hub.store import outbound
from hub.store.errors import StoreClosed, StoreError
from hub.store.tx import Tx
from protocol.codec import LogRow
from protocol.messages import AgentStatus, Event, Hello, QuarantinedEvent

log = structlog.get_logger(__name__)

LEAVE_RETRY_S: Final = 1.0
AT_ONCE_MAX: Final = 4  # of a flood no turn begins with its message: others would wait for it
PARCEL_SIZE_MAX: Final = 131_072  # characters of events after which a transaction takes no more


class Custody:
    """Whatever gathers while the disk is busy goes into the next transaction together."""

    def __init__(self, services: Services, who: AgentIdentity) -> None:
        self.link: Link | None = None
        self.connection_id = str(uuid4())
        self.events: list[tuple[Event | QuarantinedEvent, int]] = []
        self.status: AgentStatus | None = None
        self.acked: int | None = None
        self.seen_ms = services.clock.now_ms()
        self._services = services
        self._store = services.store
        self._clock = services.clock
        self._who = who
        self._parcel: Batch | None = None  # what is on its way to the disk
        self._sizes: list[int] = []

    async def admit(self, hello: Hello) -> Admission:
        """Rule on the hello; from here on this connection may have the agent's word."""
        arrival = Arrival(
            self._who,
            hello,
            self.connection_id,
            uuid4().hex,
            self._clock.now_ms(),
            self._services.duplicate_window_ms,
        )
        ruled = await self._store.write(
            lambda tx: admission.admit(tx, self._services.roster, arrival)
        )
        self.link = None if ruled.entry is None else ruled.entry.link
        self._services.ticker.expect(ruled.due)
        return ruled

    @property
    def is_due(self) -> bool:
        """Whether something gathered that must reach the disk; an ack of our log alone can wait."""
        return self.link is not None and bool(self.events or self.status is not None)

    def take(self, event: Event | QuarantinedEvent, size: int) -> None:
        """An event of so many characters came in."""
        self.events.append((event, size))

    def commit(self, done: Callable[[Outcome], None], refused: Callable[[Exception], None]) -> None:
        """Take custody of what gathers until the writer begins; one of the two is called then.

        `refused` gets FencedError when another connection has the agent's word.
        """
        self._parcel = None
        self._store.submit(self._record, done, refused)

    def _record(self) -> Callable[[Tx], Outcome]:
        if self.link is None:
            raise LookupError("nothing is taken before the hello was accepted")
        self._parcel = batch = self._pack()
        return partial(
            handlers.record,
            roster=self._services.roster,
            link=self.link,
            batch=batch,
            now=self._clock.now_ms(),
            defaults=self._services.defaults,
            begins=len(batch.events) <= AT_ONCE_MAX and self._services.has_room(),
        )

    def _pack(self) -> Batch:
        """What goes into one transaction: not so much that others would have to wait for it."""
        count = size = 0
        while count < len(self.events) and size < PARCEL_SIZE_MAX:
            size += self.events[count][1]
            count += 1
        events = tuple(event for event, _ in self.events[:count])
        self._sizes = [size for _, size in self.events[:count]]
        del self.events[:count]
        status, self.status = self.status, None
        acked, self.acked = self.acked, None
        return Batch(events, status, acked, self.seen_ms)

    def give_back(self) -> None:
        """Keep what could not be stored for another try, in front of what came since."""
        batch = self._parcel
        if batch is None:
            return
        self._parcel = None
        self.events[:0] = zip(batch.events, self._sizes, strict=True)
        self.status = self.status or batch.status
        self.acked = self.acked if batch.acked is None else max(batch.acked, self.acked or 0)

    async def orders_after(self, seq: int, limit: int) -> list[LogRow]:
        """The next rows of the agent's `down` log, while this connection has its word."""
        link = self.link
        return (
            [] if link is None else await self._store.read(lambda tx: _orders(tx, link, seq, limit))
        )

    async def leave(self, code: int) -> None:
        """Note the end of the connection, however long the disk takes to let us."""
        link = self.link
        if link is None:
            return
        while True:
            step = partial(
                handlers.leave,
                roster=self._services.roster,
                link=link,
                code=code,
                acked=self.acked,
                seen_ms=self.seen_ms,
                now=self._clock.now_ms(),
            )
            try:
                due = await self._store.write(step)
            except StoreClosed:
                return
            except StoreError as error:
                log.warning("leave_not_noted", agent_id=link.agent_id, error=error.code)
                await asyncio.sleep(LEAVE_RETRY_S)
            else:
                self._services.ticker.expect(due)
                return


def _orders(tx: Tx, link: Link, seq: int, limit: int) -> list[LogRow]:
    current = tx.one("presence.current", agent_id=link.agent_id, generation=link.generation)
    if current is None:
        raise FencedError
    return outbound.after(tx, link.tenant_id, link.agent_id, seq, limit)
