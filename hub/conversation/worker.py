"""Answers turns when they are due: chats in parallel, each chat in order.

What has to survive is in the store; the worker's memory is only about when to look. It may die at
any point and begins where the store stands.
"""

import asyncio
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Final, NoReturn

import structlog

from hub.assistant.engine import Answer, Engine
from hub.clock import Clock
from hub.conversation import commit, wording
from hub.conversation.agenda import Agenda, Due
from hub.conversation.commit import Begun
from hub.conversation.intake import Intake
from hub.conversation.turns import ChatKey, Reason
from hub.store.database import Store
from hub.store.errors import StoreError
from hub.store.outbound import Order
from hub.store.policy import DEFAULTS, SECONDS_MAX, TenantPolicy

RELOAD_S: Final = 5.0
"""How often the store is asked for open turns that nobody announced: the socket's task may have
died between the commit and the word to the worker."""
RETRY_S: Final = 30.0
"""How long a turn rests when the store itself failed under it: a full disk, a lock."""
FAILURES_MAX: Final = 3
"""So often a turn may fail by a defect of ours before a person has to look at it."""

Deliver = Callable[[Order], None]
ShowTyping = Callable[[str, str, str, bool], None]

log = structlog.get_logger()


class EmptyAnswer(Exception):  # noqa: N818 - it names what came back
    """An engine returned no words."""


class Worker:
    """`run` it as a task; the gateway reports each intake with `took` after its commit.

    `deliver(order)` says that an agent's log has a new order; `show_typing(agent_id,
    account, chat, composing)` that an answer to this chat is in the making. Both return at once.
    """

    def __init__(
        self,
        store: Store,
        engine: Engine,
        clock: Clock,
        deliver: Deliver,
        show_typing: ShowTyping,
        *,
        defaults: TenantPolicy = DEFAULTS,
        lanes_max: int = 512,
        engine_timeout_s: float = 25.0,
        typing_after_s: float = 0.2,
    ) -> None:
        self._store = store
        self._engine = engine
        self._clock = clock
        self._deliver = deliver
        self._show_typing = show_typing
        self._defaults = defaults
        self._lanes_max = lanes_max
        self._engine_timeout_s = engine_timeout_s
        self._typing_after_s = typing_after_s
        self._agenda = Agenda()
        self._failures: Counter[str] = Counter()
        self._running: dict[ChatKey, tuple[str, asyncio.Task[None]]] = {}
        self._bell = asyncio.Event()
        self._resting = False
        self._reload_at = float("-inf")

    def took(self, intake: Intake) -> None:
        """A message was committed: plan its turn anew, and stop an answer that no longer fits."""
        if intake.cancel_running:
            running = self._running.get(intake.chat)
            if running is not None and running[0] == intake.turn_id:
                running[1].cancel()
        if intake.turn_id is not None and intake.due_at is None:
            self._agenda.remove(intake.chat)
        elif intake.turn_id is not None and intake.due_at is not None:
            at, latest = self._monotonic(intake.due_at), self._monotonic(intake.due_latest)
            self._agenda.put(Due(intake.chat, intake.turn_id, at, latest, intake.quiet_s))
        self.wake()

    def composing(self, tenant_id: str, account: str, chat: str, active: bool) -> None:
        """A customer began or stopped typing."""
        key = ChatKey(tenant_id, account, chat)
        self._agenda.composing(key, active, self._clock.monotonic())
        self.wake()

    def wake(self) -> None:
        """Look at the clock and the plan again."""
        self._bell.set()

    @property
    def idle(self) -> bool:
        """Whether nothing is under way and nothing that is due has been overlooked."""
        return self._resting and not self._bell.is_set() and not self._running

    async def run(self) -> NoReturn:
        """Answer turns until cancelled; what is under way is then left pending in the store."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._bell.clear()
                await self._reload()
                self._start_due(group)
                await self._rest()

    def _monotonic(self, at_ms: int) -> float:
        """A wall time as monotonic seconds, never far ahead: wall clocks get corrected."""
        ahead = min((at_ms - self._clock.now_ms()) / 1000, SECONDS_MAX["debounce_max_s"])
        return self._clock.monotonic() + max(0.0, ahead)

    async def _reload(self) -> None:
        """Plan the open turns that nobody announced."""
        if self._clock.monotonic() < self._reload_at:
            return
        self._reload_at = self._clock.monotonic() + RELOAD_S
        try:
            rows = await self._store.all("turns.pending")
        except StoreError as error:
            log.error("turns_not_read", error=type(error).__name__)
            return
        for row in rows:
            key = ChatKey(row["tenant_id"], row["account"], row["chat"])
            at = self._monotonic(row["due_at"])
            self._agenda.put_if_new(Due(key, row["turn_id"], at, at))

    def _start_due(self, group: asyncio.TaskGroup) -> None:
        room = self._lanes_max - len(self._running)
        for due in self._agenda.take(self._clock.monotonic(), room):
            task = group.create_task(self._lane(due), name=f"turn {due.turn_id}")
            self._running[due.key] = (due.turn_id, task)
            task.add_done_callback(partial(self._ended, due.key))

    def _ended(self, key: ChatKey, _task: asyncio.Task[None]) -> None:
        del self._running[key]
        self._agenda.free(key)
        self.wake()

    async def _rest(self) -> None:
        """Wait for the next turn or the next look at the store, unless the bell rings first."""
        next_at = self._agenda.next_at() if len(self._running) < self._lanes_max else None
        until = self._reload_at if next_at is None else min(next_at, self._reload_at)
        self._resting = True
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, until - self._clock.monotonic())):
                await self._bell.wait()
        self._resting = False

    async def _lane(self, due: Due) -> None:
        try:
            await self._serve(due)
        except Exception as error:  # noqa: BLE001 - one turn's failure must not stop the others
            log.error("turn_failed", turn_id=due.turn_id, **_place(error))
            if await self._is_parked(due, error):
                return
            at = self._clock.monotonic() + RETRY_S
            self._agenda.put_again(Due(due.key, due.turn_id, at, at))
        else:
            self._failures.pop(due.turn_id, None)

    async def _is_parked(self, due: Due, error: Exception) -> bool:
        """Give a turn up that fails again and again; what the disk did is not its fault."""
        if isinstance(error, StoreError):
            return False
        self._failures[due.turn_id] += 1
        if self._failures[due.turn_id] < FAILURES_MAX:
            return False
        now_ms = self._clock.now_ms()
        try:
            await self._store.write(lambda tx: commit.park(tx, due.key, due.turn_id, now_ms))
        except StoreError:
            return False
        del self._failures[due.turn_id]
        return True

    async def _serve(self, due: Due) -> None:
        """One turn from judgement to its end."""
        defaults, clock = self._defaults, self._clock
        begun = await self._store.write(
            lambda tx: commit.begin(tx, due.key, due.turn_id, clock.now_ms(), defaults)
        )
        if begun is None:
            return
        started = clock.monotonic()
        answer = await self._ask(begun)
        latency_ms = round((clock.monotonic() - started) * 1000)
        if isinstance(answer, Reason):
            trace = commit.record_of(begun, None, latency_ms)
            finish = partial(commit.give_up, begun=begun, reason=answer, trace=trace)
        else:
            trace = commit.record_of(begun, answer, latency_ms)
            finish = partial(commit.commit, begun=begun, answer=answer, trace=trace)
        order = await self._store.write(
            lambda tx: finish(tx, now_ms=clock.now_ms(), defaults=defaults)
        )
        if order is not None:
            self._deliver(order)
        else:
            await self._look_again(due)

    async def _look_again(self, due: Due) -> None:
        """Plan the turn anew if it is not over: it changed while it was answered."""
        row = await self._store.one("turns.one", tenant_id=due.key.tenant_id, turn_id=due.turn_id)
        if row is not None and row["state"] == "pending":
            at = self._monotonic(row["due_at"])
            self._agenda.put_again(Due(due.key, due.turn_id, at, at))

    async def _ask(self, begun: Begun) -> Answer | Reason:
        """The engine's answer, or why there is none."""
        try:
            with self._typing(begun):
                async with asyncio.timeout(self._engine_timeout_s):
                    answer = await self._engine.answer(begun.turn)
            if not wording.clean(answer.text):
                raise EmptyAnswer
            commit.record_of(begun, answer, 0)  # what cannot be recorded must not be sent either
        except TimeoutError:
            log.error("engine_timeout", turn_id=begun.turn.turn_id)
            return Reason.ENGINE_TIMEOUT
        except Exception as error:  # an engine may fail in any way; a person is asked
            if _is_cancelled():
                raise asyncio.CancelledError from error
            log.error("engine_failed", turn_id=begun.turn.turn_id, **_place(error))
            return Reason.ENGINE_FAILED
        return answer

    @contextmanager
    def _typing(self, begun: Begun) -> Iterator[None]:
        """Show the customer that an answer is being made, when it takes long enough to be seen."""
        if begun.mode != "auto":
            yield
            return
        shown = False

        def show(composing: bool) -> None:
            nonlocal shown
            shown = True
            self._show_typing(begun.agent_id, begun.key.account, begun.key.chat, composing)

        sign = asyncio.get_running_loop().call_later(self._typing_after_s, show, True)
        try:
            yield
        finally:
            sign.cancel()
            if shown:
                show(composing=False)


def _is_cancelled() -> bool:
    """Whether this task has to end; up to Python 3.12 a TaskGroup that fails does not say so."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _place(error: Exception) -> dict[str, str]:
    """Where an error arose. Its words stay out of the log: they may quote a customer."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].name}:{frames[-1].lineno}" if frames else "unknown"
    return {"error": type(error).__name__, "where": where}
