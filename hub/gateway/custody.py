"""What one connection gathers for the disk, and the transactions that take custody of it."""

import asyncio
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
    """Whatever gathered while the disk was busy goes into the next transaction together."""

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

    async def commit(self) -> Outcome | None:
        """Take custody of what gathered; None when nothing did.

        Raises:
            FencedError: another connection has the agent's word.
        """
        link, batch = self.link, self._gather()
        if link is None or batch is None:
            return None
        now, services = self._clock.now_ms(), self._services
        return await self._store.write(
            lambda tx: handlers.record(tx, services.roster, link, batch, now, services.defaults)
        )

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
            now = self._clock.now_ms()
            try:
                due = await self._store.write(
                    lambda tx, now=now: handlers.leave(  # type: ignore[misc] # bound at once
                        tx, self._services.roster, link, code, self.seen_ms, now
                    )
                )
            except StoreClosed:
                return
            except StoreError as error:
                log.warning("leave_not_noted", agent_id=link.agent_id, error=error.code)
                await asyncio.sleep(LEAVE_RETRY_S)
            else:
                self._services.ticker.expect(due)
                return

    def _gather(self) -> Batch | None:
        if not self.events and self.status is None and self.acked is None:
            return None
        batch = Batch(tuple(self.events), self.status, self.acked, self.seen_ms)
        self.events, self.status, self.acked = [], None, None
        return batch


def _orders(tx: Tx, link: Link, seq: int, limit: int) -> list[LogRow]:
    current = tx.one("presence.current", agent_id=link.agent_id, generation=link.generation)
    if current is None:
        raise FencedError
    return outbound.after(tx, link.tenant_id, link.agent_id, seq, limit)
