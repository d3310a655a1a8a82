"""Answers turns when they are due: chats in parallel, each chat in order.

What has to survive is in the store; the worker's memory is only about when to look. It may die at
any point and begins where the store stands.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final, NoReturn, TypeVar

import structlog

from hub.assistant.engine import Answer, Engine
from hub.clock import Clock
from hub.commerce.effects import Outdated
from hub.conversation import commit, trace
from hub.conversation.agenda import Agenda, Due
from hub.conversation.asking import Asker, ShowTyping
from hub.conversation.commit import Again, Begun
from hub.conversation.intake import Intake
from hub.conversation.trace import Unanswered, place
from hub.conversation.turns import ChatKey
from hub.store.database import Store
from hub.store.errors import StoreError
from hub.store.outbound import Order
from hub.store.policy import DEFAULTS, SECONDS_MAX, TenantPolicy
from hub.store.tx import Row

RELOAD_S: Final = 5.0
"""How often the store is asked for open turns that nobody announced: the socket's task may have
died between the commit and the word to the worker."""
RETRY_S: Final = 30.0
"""How long a turn rests when it failed by a defect of ours."""
STORE_RETRY_S: Final = 2.0
"""How long it rests when the store failed under it: a full disk, a lock."""
PLANNED_MAX: Final = 10_000
"""So many turns are kept in mind, 500 bytes each; as many as agents may send before they pause."""
RELOADED_MAX: Final = 2_000
"""So many are read back at a time: some 10 ms of the loop."""
RELOAD_MIN_S: Final = 0.25
"""Between one page and the next, while few turns are planned."""
FIRST: Final[Mapping[str, Any]] = {"due_at": -1, "turn_id": ""}
FAILURES_MAX: Final = 3
"""So often a turn may fail by a defect of ours before a person has to look at it."""

Deliver = Callable[[Order], None]
MayAnswer = Callable[[str], bool]

T = TypeVar("T")

log = structlog.get_logger()


def _always(_agent_id: str) -> bool:
    return True


def _nothing() -> None:
    pass


class _Lane:
    """A turn under way: in the store before and after, in between with the engine."""

    __slots__ = ("begun", "due", "stopped", "task")

    def __init__(self, due: Due) -> None:
        self.due = due
        self.stopped = False
        self.begun: Begun | None = None
        self.task: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """What it works on does not fit any more."""
        self.stopped = True
        if self.task is not None:
            self.task.cancel()


class Worker:
    """`run` it as a task; the gateway reports each intake with `took` after its commit.

    `deliver(order)` says that an agent's log has a new order; `show_typing(agent_id,
    account, chat, composing)` that an answer to this chat is in the making. Both return at once.
    `acted` hears that an answer had effects on the shop.
    `may_answer(agent_id)` says whether the turns of an agent can be judged; `reload` that more can.
    """

    def __init__(
        self,
        store: Store,
        engine: Engine,
        clock: Clock,
        deliver: Deliver,
        show_typing: ShowTyping,
        *,
        may_answer: MayAnswer = _always,
        acted: Callable[[], None] = _nothing,
        defaults: TenantPolicy = DEFAULTS,
        lanes_max: int = 512,
        engine_timeout_s: float = 25.0,
        typing_after_s: float = 0.2,
    ) -> None:
        self._store = store
        self._clock = clock
        self._deliver = deliver
        self._asker = Asker(engine, show_typing, engine_timeout_s, typing_after_s)
        self._may_answer = may_answer
        self._acted = acted
        self._defaults = defaults
        self._lanes_max = lanes_max
        self._agenda = Agenda()
        self._failures: Counter[str] = Counter()
        self._running: dict[ChatKey, _Lane] = {}
        self._group: asyncio.TaskGroup | None = None
        self._bell = asyncio.Event()
        self._resting = False
        self._rest_until = float("-inf")
        self._more_pending = False  # than are planned
        self._read_to: dict[str, Any] = dict(FIRST)  # as far as the store was read back
        self._reload_at = float("-inf")

    def took(self, intake: Intake) -> None:
        """A message was committed: plan its turn anew, and stop an answer that no longer fits."""
        lane = self._running.get(intake.chat)
        if intake.cancel_running and lane is not None and lane.due.turn_id == intake.turn_id:
            lane.stop()
        if intake.order is not None:
            self._deliver(intake.order)
        if intake.turn_id is not None and intake.due_at is None:
            self._agenda.remove(intake.chat)
        elif intake.turn_id is not None and intake.due_at is not None:
            at = self._monotonic(intake.due_at, intake.quiet_s)
            latest = self._monotonic(intake.due_latest)
            due = Due(intake.chat, intake.turn_id, at, latest, intake.quiet_s)
            if intake.begun is not None and self.has_room and self._agenda.begin(due.key):
                lane = self._running[due.key] = _Lane(due)
                self._begun(lane, intake.begun)
                return
            self._plan(due)
        self.wake()

    @property
    def has_room(self) -> bool:
        """Whether a turn that is due may be begun at once."""
        free = self._group is not None and len(self._running) < self._lanes_max
        return free and self._clock.monotonic() >= self._rest_until

    def _plan(self, due: Due) -> None:
        """Keep a turn in mind; beyond a bound the store alone does, and `_reload` finds it."""
        if len(self._agenda) < PLANNED_MAX:
            self._agenda.put(due)
        else:
            self._agenda.remove(due.key)
            self._more_pending = True

    def composing(self, tenant_id: str, account: str, chat: str, active: bool) -> None:
        """A customer began or stopped typing."""
        key = ChatKey(tenant_id, account, chat)
        self._agenda.composing(key, active, self._clock.monotonic())
        self.wake()

    def wake(self) -> None:
        """Look at the clock and the plan again."""
        self._bell.set()

    def reload(self) -> None:
        """Look for turns that can be answered now: an agent is back."""
        self._reload_at, self._read_to = float("-inf"), dict(FIRST)
        self.wake()

    @property
    def idle(self) -> bool:
        """Whether nothing is under way and nothing that is due has been overlooked."""
        return self._resting and not self._bell.is_set() and not self._running

    async def run(self) -> NoReturn:
        """Answer turns until cancelled; what is under way is then left pending in the store."""
        async with asyncio.TaskGroup() as self._group:
            try:
                while True:
                    self._bell.clear()
                    await self._reload()
                    self._start_due()
                    await self._rest()
            finally:
                self._group = None  # it ends: no turn may begin in it

    def _monotonic(self, at_ms: int, most_s: float = SECONDS_MAX["debounce_max_s"]) -> float:
        """A wall time as monotonic seconds, at most `most_s` ahead: wall clocks get corrected."""
        ahead = min((at_ms - self._clock.now_ms()) / 1000, most_s)
        return self._clock.monotonic() + max(0.0, ahead)

    def _planned(self, row: Row) -> float:
        """When a turn of the store is due: it never waits longer than it was to wait in all."""
        return self._monotonic(row["due_at"], (row["due_at"] - row["first_at"]) / 1000)

    async def _reload(self) -> None:
        """Plan the open turns that nobody announced."""
        if self._clock.monotonic() < self._reload_at:
            return
        self._reload_at = self._clock.monotonic() + RELOAD_S
        try:
            rows = await self._store.all("turns.pending", **self._read_to, limit=RELOADED_MAX)
        except StoreError as error:
            log.error("turns_not_read", error=type(error).__name__)
            return
        # Page by page: turns that may not be answered yet must not hide those behind them.
        self._more_pending = len(rows) == RELOADED_MAX
        last = rows[-1] if self._more_pending else FIRST
        self._read_to = {"due_at": last["due_at"], "turn_id": last["turn_id"]}
        for row in rows:
            if not self._may_answer(row["agent_id"]):
                continue
            key = ChatKey(row["tenant_id"], row["account"], row["chat"])
            at = self._planned(row)
            self._agenda.put_if_new(Due(key, row["turn_id"], at, at))

    def _start_due(self) -> None:
        if self._clock.monotonic() < self._rest_until:
            return
        room = self._lanes_max - len(self._running)
        for due in self._agenda.take(self._clock.monotonic(), room):
            lane = self._running[due.key] = _Lane(due)
            begin = partial(commit.begin, key=due.key, turn_id=due.turn_id, defaults=self._defaults)
            self._do(lane, begin, self._begun)

    def _do(
        self, lane: "_Lane", step: Callable[..., T], done: Callable[["_Lane", T], None]
    ) -> None:
        """Take one step of a lane in the store, at the time of its transaction."""
        clock = self._clock
        self._store.submit(
            lambda: partial(step, now_ms=clock.now_ms()),
            partial(done, lane),
            partial(self._failed, lane),
        )

    def _end(self, lane: "_Lane") -> None:
        del self._running[lane.due.key]
        self._agenda.free(lane.due.key)
        self.wake()

    async def _rest(self) -> None:
        """Wait for the next turn or the next look at the store, unless the bell rings first."""
        next_at = self._agenda.next_at() if len(self._running) < self._lanes_max else None
        until = self._reload_at
        if self._more_pending and len(self._agenda) < RELOADED_MAX:
            until = self._reload_at = min(until, self._clock.monotonic() + RELOAD_MIN_S)
        if next_at is not None:
            until = min(until, max(next_at, self._rest_until))
        self._resting = True
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, until - self._clock.monotonic())):
                await self._bell.wait()
        self._resting = False

    # --- a turn from its judgement to its end ----------------------------------------------

    def _begun(self, lane: "_Lane", begun: Begun | Order | None) -> None:
        """The turn was judged: have it answered, unless it is over or something newer came.

        One that may not be answered yet stays pending; `reload` plans it again.
        """
        if isinstance(begun, Order):
            self._deliver(begun)
            self._end(lane)
            return
        if begun is None or lane.stopped or self._group is None:
            self._end(lane)
            return
        if not self._may_answer(begun.agent_id):
            self._end(lane)
            return
        lane.begun = begun
        work = self._answer(lane, begun)
        lane.task = self._group.create_task(work, name=f"turn {lane.due.turn_id}")
        lane.task.add_done_callback(partial(self._stopped, lane))

    def _stopped(self, lane: "_Lane", task: asyncio.Task[None]) -> None:
        """A task that is cancelled before its first step never gets to say so itself."""
        if task.cancelled():
            self._end(lane)

    async def _answer(self, lane: "_Lane", begun: Begun) -> None:
        started = self._clock.monotonic()
        try:
            answer = await self._asker.ask(begun)
            latency_ms = round((self._clock.monotonic() - started) * 1000)
            acts = isinstance(answer, Answer) and bool(answer.effects)
            done = self._finished_acting if acts else self._finished
            self._do(lane, self._finish(begun, answer, latency_ms), done)
        except Exception as error:  # noqa: BLE001 - one turn's failure must not stop the others
            self._failed(lane, error)

    def _finish(
        self, begun: Begun, answer: Answer | Unanswered, latency_ms: int
    ) -> Callable[..., Order | Again | None]:
        """The transaction that ends the turn."""
        record = trace.record_of(begun, answer, latency_ms)
        if isinstance(answer, Unanswered):
            step = partial(commit.give_up, begun=begun, reason=answer.reason, trace=record)
        else:
            step = partial(commit.commit, begun=begun, answer=answer, trace=record)
        return partial(step, defaults=self._defaults)

    def _finished(self, lane: "_Lane", outcome: Order | Again | None) -> None:
        """The turn ended, or has to be begun anew."""
        self._failures.pop(lane.due.turn_id, None)
        if isinstance(outcome, Order):
            self._deliver(outcome)
        elif outcome is not None:
            self._plan_again(lane.due, self._monotonic(outcome.due_at))
        self._end(lane)

    def _finished_acting(self, lane: "_Lane", outcome: Order | Again | None) -> None:
        self._acted()
        self._finished(lane, outcome)

    def _failed(self, lane: "_Lane", error: Exception) -> None:
        """A step failed: try the turn again later; what fails again and again is a person's.

        An answer that the shop overtook is tried again at once.
        """
        due, now = lane.due, self._clock.monotonic()
        if isinstance(error, Outdated):
            log.info("turn_overtaken", turn_id=due.turn_id, why=error.code)
        else:
            log.error("turn_failed", turn_id=due.turn_id, **place(error))
        if isinstance(error, StoreError):  # the disk's fault, not the turn's: all of them rest
            self._rest_until = now + STORE_RETRY_S
            self._plan_again(due, self._rest_until)
            self._end(lane)
            return
        self._failures[due.turn_id] += 1
        again = self._failures[due.turn_id] < FAILURES_MAX
        if again and isinstance(error, Outdated) and lane.begun is not None:
            acquaint = partial(commit.acquaint, begun=lane.begun)
            self._do(lane, acquaint, self._acquainted)
        elif again:
            self._plan_again(due, now + RETRY_S)
            self._end(lane)
        else:
            record = trace.record_of_failure(error)
            park = partial(commit.park, key=due.key, turn_id=due.turn_id, trace=record)
            self._do(lane, park, self._finished)

    def _acquainted(self, lane: "_Lane", _: None) -> None:
        self._plan_again(lane.due, self._clock.monotonic())
        self._end(lane)

    def _plan_again(self, due: Due, at: float) -> None:
        self._agenda.put_again(Due(due.key, due.turn_id, at, at))
