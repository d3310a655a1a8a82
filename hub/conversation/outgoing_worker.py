"""Sends what persons, and shops by themselves, have to say: once a second it looks what is due.

What has to survive is in the store; the worker may die at any point and begins with what is still
open. A message waits until its agent is connected and has told what it knew when it came
(`recall.py`): the customer may have written since. A person's own words do not wait, for nothing
that an agent tells could make them wrong.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, NoReturn

import structlog

from hub.clock import Clock
from hub.commerce.effects import Outdated
from hub.conversation import outgoing, sending
from hub.conversation.intake import Intake
from hub.conversation.outgoing import LIFE_MS, Due, Outcome
from hub.conversation.sending import Ended
from hub.conversation.trace import place
from hub.store.database import Store
from hub.store.errors import StoreError
from hub.store.outbound import Order
from hub.store.policy import DEFAULTS, TenantPolicy

LOOK_S: Final = 1.0
"""How often the store is asked: a person at the desk waits for it."""
PAGE: Final = 100
FIRST: Final = (-1, -1)
FAILURES_MAX: Final = 3
"""So often a message may fail by a defect of ours before it is given up."""

log = structlog.get_logger(__name__)


class OutgoingWorker:
    """`run` it as a task.

    `deliver(order)` says that an agent's log has a new order; `took(intake)` tells the worker of
    turns what became of one; `acted` hears that a reply had effects on the shop.
    `may_send(agent_id)`: whether an agent is connected and has told what was said.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        deliver: Callable[[Order], None],
        took: Callable[[Intake], None],
        *,
        may_send: Callable[[str], bool],
        acted: Callable[[], None],
        defaults: TenantPolicy = DEFAULTS,
        look_s: float = LOOK_S,
    ) -> None:
        self._store = store
        self._clock = clock
        self._deliver = deliver
        self._took = took
        self._may_send = may_send
        self._acted = acted
        self._defaults = defaults
        self._look_s = look_s
        self._bell = asyncio.Event()
        self._failures: Counter[str] = Counter()

    def wake(self) -> None:
        """Look now: another process wrote something."""
        self._bell.set()

    async def run(self) -> NoReturn:
        """Send until cancelled."""
        while True:
            self._bell.clear()
            try:
                await self.work_off()
            except StoreError as error:
                log.error("outgoing_not_stored", error=error.code)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._look_s):
                    await self._bell.wait()

    async def work_off(self) -> None:
        """Try everything that is due once; StoreError when the store fails."""
        now_ms, after = self._clock.now_ms(), FIRST
        more = True
        while more:
            look = partial(outgoing.due, now_ms=now_ms, after=after, limit=PAGE)
            page = await self._store.read(look)
            for due in page:
                await self._attend(due, now_ms)
                after = (due.one.due_at, due.place)
            more = len(page) == PAGE

    async def _attend(self, due: Due, now_ms: int) -> None:
        """Bring a message to its end, if it may be; what is wrong with it holds up no other."""
        if self._must_wait(due, now_ms):
            return
        try:
            ended = await self._end(due)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - one message's failure must not stop the others
            await self._failed(due, error)
            return
        self._tell(due, ended)

    def _must_wait(self, due: Due, now_ms: int) -> bool:
        """Whether the chat's agent may know of something that bears on this, and will still say."""
        if due.one.kind == "operator" or due.agent_id is None or self._may_send(due.agent_id):
            return False
        return now_ms - due.one.created_at < LIFE_MS

    async def _end(self, due: Due) -> Ended:
        try:
            step = partial(sending.end, due=due, defaults=self._defaults)
            return await self._store.write(partial(step, now_ms=self._clock.now_ms()))
        except Outdated as error:
            log.info("suggestion_overtaken", turn_id=due.one.turn_id, why=error.code)
        step = partial(sending.overtake, one=due.one)
        return await self._store.write(partial(step, now_ms=self._clock.now_ms()))

    def _tell(self, due: Due, ended: Ended) -> None:
        """Let everybody know who has to: after the commit."""
        self._failures.pop(due.one.outgoing_id, None)
        if ended.order is not None:
            self._deliver(ended.order)
        if ended.intake is not None:
            self._took(ended.intake)
        if ended.acted:
            self._acted()
        if ended.outcome is not None:
            log.info("outgoing_ended", kind=due.one.kind, outcome=str(ended.outcome))

    async def _failed(self, due: Due, error: Exception) -> None:
        """Try again at the next look; what fails again and again is given up."""
        failures = self._failures[due.one.outgoing_id] = self._failures[due.one.outgoing_id] + 1
        log.error("outgoing_failed", kind=due.one.kind, **place(error))
        if failures < FAILURES_MAX:
            return
        self._failures.pop(due.one.outgoing_id)
        give_up = partial(outgoing.finish, one=due.one, outcome=Outcome.FAILED)
        await self._store.write(partial(give_up, now_ms=self._clock.now_ms()))
