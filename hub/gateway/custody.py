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


class Custody:
    """Whatever gathers while the disk is busy goes into the next transaction together."""

    def __init__(self, services: Services, who: AgentIdentity) -> None:
        self.link: Link | None = None
        self.connection_id = str(uuid4())
        self.events: list[Event | QuarantinedEvent] = []
        self.status: AgentStatus | None = None
        self.acked: int | None = None
        self.seen_ms = services.clock.now_ms()
        self._services = services
        self._store = services.store
        self._clock = services.clock
        self._who = who

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

    def commit(
        self, done: Callable[[Outcome], None], refused: Callable[[Batch, Exception], None]
    ) -> None:
        """Take custody of what gathered; one of the two is called when that is decided.

        `refused` gets FencedError when another connection has the agent's word.
        """
        if self.link is None:
            raise LookupError("nothing is taken before the hello was accepted")
        batch = Batch(tuple(self.events), self.status, self.acked, self.seen_ms)
        self.events, self.status, self.acked = [], None, None
        services, now = self._services, self._clock.now_ms()
        self._store.submit(
            partial(
                handlers.record,
                roster=services.roster,
                link=self.link,
                batch=batch,
                now=now,
                defaults=services.defaults,
            ),
            done,
            partial(refused, batch),
        )

    def give_back(self, batch: Batch) -> None:
        """Keep what could not be stored for another try, in front of what came since."""
        self.events[:0] = batch.events
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
