"""Lets time act on the status table: a task that sleeps until the next agent's deadline."""

import asyncio
import heapq
from contextlib import suppress
from functools import partial
from typing import Final, NoReturn

import structlog

from hub.clock import Clock
from hub.gateway.roster import Due, Roster
from hub.store.database import Store
from hub.store.errors import StoreError
from hub.store.tx import Tx

NAP_MAX_S: Final = 60.0  # a wall clock that was set shows within a minute
RETRY_MS: Final = 1_000  # a lock or a full disk: no reason to end a hub whose sockets are well

log = structlog.get_logger(__name__)


class Ticker:
    """Keeps the deadlines of all agents. A deadline that is no longer true does no harm."""

    def __init__(self, store: Store, clock: Clock, roster: Roster) -> None:
        self._store = store
        self._clock = clock
        self._roster = roster
        self._heap: list[tuple[int, str]] = []
        self._sooner = asyncio.Event()

    def expect(self, *dues: Due | None) -> None:
        """Look at these agents when their time has come."""
        for due in dues:
            if due is not None:
                heapq.heappush(self._heap, (due.at, due.agent_id))
        self._sooner.set()

    async def run(self) -> NoReturn:
        """A task of the running hub."""
        while True:
            ripe = self._ripe()
            if ripe:
                await self._act(ripe)
                continue
            self._sooner.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._nap_s()):
                    await self._sooner.wait()

    async def _act(self, agents: list[str]) -> None:
        """Let time act on these agents; later, when the store takes nothing now."""
        try:
            self.expect(*await self._store.write(partial(self._tick, agents)))
        except StoreError as error:
            log.warning("status_not_moved", agents=len(agents), error=error.code)
            later = self._clock.now_ms() + RETRY_MS
            self.expect(*(Due(later, agent_id) for agent_id in agents))

    def _ripe(self) -> list[str]:
        now = self._clock.now_ms()
        ripe = []
        while self._heap and self._heap[0][0] <= now:
            ripe.append(heapq.heappop(self._heap)[1])
        return ripe

    def _nap_s(self) -> float:
        if not self._heap:
            return NAP_MAX_S
        return min((self._heap[0][0] - self._clock.now_ms()) / 1000, NAP_MAX_S)

    def _tick(self, agents: list[str], tx: Tx) -> list[Due | None]:
        now = self._clock.now_ms()
        return [self._roster.tick(tx, agent_id, now) for agent_id in agents]
