"""One chat with the hub in virtual time: messages in by the intake, replies out by the commit.

It does for a single chat what the worker does for all: waits for quiet, asks the engine, ends the
turn in one transaction, and begins anew what was overtaken.
"""

import asyncio
from functools import partial
from itertools import count
from typing import Final

import msgspec

from hub.assistant import turn_trace
from hub.assistant.engine import Answer, Engine, Turn
from hub.assistant.turn_trace import TurnTrace
from hub.commerce.effects import Outdated
from hub.conversation import commit, trace
from hub.conversation.asking import Asker
from hub.conversation.commit import Again, Begun
from hub.conversation.intake import AgentRef, take_message
from hub.conversation.trace import Unanswered, described
from hub.conversation.turns import ChatKey
from hub.conversation.worker import FAILURES_MAX
from hub.evaluation.furnishing import agent_of
from hub.evaluation.world import ACCOUNT, World
from hub.store.outbound import Order
from hub.store.policy import DEFAULTS
from protocol.messages import Instant, MessageReceived, ReceivedMedia, Sender

ENGINE_TIMEOUT_S: Final = 35.0
"""As a hub has it: the model's time, and some for the answer that stands ready."""

EVENTS_MAX: Final = 1_000
"""Between two messages: more would be a loop of ours."""


End = partial[Order | Again | None]
"""The transaction that ends a turn, apart from its time."""


class Came(msgspec.Struct, frozen=True):
    """What the hub did since the last look.

    `misplaced` counts replies in a chat that nobody wrote in, `errors` say where the engine broke.
    `traces` are of the turns that ended.
    """

    replies: tuple[str, ...]
    traces: tuple[TurnTrace, ...]
    misplaced: int
    errors: tuple[str, ...]


class _Due(msgspec.Struct, frozen=True):
    turn_id: str
    at_ms: int


class _Made(msgspec.Struct, frozen=True):
    """An answer that is ready at a moment, unless a newer message comes before."""

    begun: Begun
    end: End
    at_ms: int


class _Watched:
    """An engine whose failures are kept, for the customer is never told of them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.errors: list[str] = []

    async def answer(self, turn: Turn) -> Answer:
        """The engine's answer."""
        try:
            return await self._engine.answer(turn)
        except Exception as error:
            self.errors.append(described(error))
            raise


class Chat:
    """A customer's chat.

    `delay_s`: how long an answer takes to be made, at least; where the engine is `timed`, as long
    as it took.
    """

    def __init__(self, world: World, engine: Engine, *, timed: bool = False) -> None:
        self.key = ChatKey(world.tenant_id, ACCOUNT, world.chat)
        self.delay_s = 0.0
        self._timed = timed
        self._asking: asyncio.Task[Answer | Unanswered] | None = None
        self._world = world
        self._engine = _Watched(engine)
        self._asker = Asker(self._engine, _show_nothing, ENGINE_TIMEOUT_S, ENGINE_TIMEOUT_S)
        self._agent = AgentRef(world.tenant_id, agent_of(world.tenant_id))
        self._ids = count(1)
        self._due: _Due | None = None
        self._made: _Made | None = None
        self._overtaken = 0
        self._last_reply = 0
        self._ended: set[tuple[str, int]] = set()

    async def hear(
        self,
        text: str | None,
        *,
        wa_id: str | None = None,
        age_s: float = 0,
        media: ReceivedMedia | None = None,
        from_me: bool = False,
    ) -> None:
        """A message arrives now; it was written `age_s` ago.

        It may arrive while an answer is being made, which is given up then.
        """
        world = self._world
        now_ms = world.clock.now_ms()
        sender = Sender(id=world.chat, phone=world.phone, name=world.name)
        if from_me:
            sender = Sender(id=ACCOUNT, phone=ACCOUNT)
        message = MessageReceived(
            account=ACCOUNT,
            chat=world.chat,
            wa_id=wa_id or f"EVALUATION{next(self._ids)}",
            sender=sender,
            from_me=from_me,
            sent_at=Instant(now_ms - round(age_s * 1000)),
            live=age_s == 0,
            kind="text" if media is None else "media",
            text=text,
            media=media,
        )
        take = partial(take_message, agent=self._agent, message=message, now_ms=now_ms)
        intake = await world.store.write(take)
        if intake.cancel_running:
            self._made = None
            if self._asking is not None:
                self._asking.cancel()
        if intake.turn_id is not None and intake.due_at is None:
            self._due = None
        elif intake.turn_id is not None and intake.due_at is not None:
            self._due = _Due(intake.turn_id, intake.due_at)

    async def until(self, at_ms: int | None) -> None:
        """Let time pass up to `at_ms`, or (None) until nothing is left to answer."""
        for _ in range(EVENTS_MAX):
            next_ms = self._next_ms()
            if next_ms is None or (at_ms is not None and next_ms > at_ms):
                break
            self._world.clock.reach(next_ms)
            await (self._begin() if self._made is None else self._end(self._made))
        else:
            raise RuntimeError("a chat never comes to rest")
        if at_ms is not None:
            self._world.clock.reach(at_ms)

    async def came(self) -> Came:
        """The replies and the tools' uses since this was asked last."""
        store, key = self._world.store, self.key
        replies = await store.all("evaluation.replies", after=self._last_reply)
        self._last_reply = max((row["id"] for row in replies), default=self._last_reply)
        here_in = (key.tenant_id, key.chat)
        here = [r["text"] for r in replies if (r["tenant_id"], r["chat"]) == here_in]
        traces: list[TurnTrace] = []
        at = {"tenant_id": key.tenant_id, "account": key.account, "chat": key.chat}
        for row in await store.all("evaluation.turns", **at):
            ended = (row["turn_id"], row["finished_at"])
            told = turn_trace.decode(row["trace"])
            if ended not in self._ended and told is not None:
                traces.append(told)
            self._ended.add(ended)
        errors, self._engine.errors = tuple(self._engine.errors), []
        return Came(tuple(here), tuple(traces), len(replies) - len(here), errors)

    def _next_ms(self) -> int | None:
        if self._made is not None:
            return self._made.at_ms
        return None if self._due is None else self._due.at_ms

    async def _begin(self) -> None:
        """Judge the turn that is due and have it answered."""
        due, self._due = self._due, None
        if due is None:
            return
        clock = self._world.clock
        begin = partial(
            commit.begin,
            key=self.key,
            turn_id=due.turn_id,
            now_ms=clock.now_ms(),
            defaults=DEFAULTS,
        )
        begun = await self._world.store.write(begin)
        if not isinstance(begun, Begun):
            return
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        answer = await self._ask(begun)
        if answer is None:
            return
        took_s = max(self.delay_s, loop.time() - begun_s if self._timed else 0.0)
        latency_ms = round(took_s * 1000)
        record = trace.record_of(begun, answer, latency_ms)
        if isinstance(answer, Unanswered):
            end: End = partial(commit.give_up, begun=begun, reason=answer.reason, trace=record)
        else:
            end = partial(commit.commit, begun=begun, answer=answer, trace=record)
        self._made = _Made(begun, end, clock.now_ms() + latency_ms)

    async def _ask(self, begun: Begun) -> Answer | Unanswered | None:
        """What the engine says; None when it was overtaken by what the customer said meanwhile."""
        async with asyncio.TaskGroup() as tasks:
            self._asking = asking = tasks.create_task(self._asker.ask(begun), name="asking")
        self._asking = None
        return None if asking.cancelled() else asking.result()

    async def _end(self, made: _Made) -> None:
        """End the turn with its answer, or begin it anew: it changed, or the shop did."""
        self._made = None
        store, now_ms = self._world.store, self._world.clock.now_ms()
        turn_id = made.begun.turn.turn_id
        try:
            outcome = await store.write(partial(made.end, now_ms=now_ms, defaults=DEFAULTS))
        except Outdated as overtaken:
            self._overtaken += 1
            if self._overtaken < FAILURES_MAX:
                await store.write(partial(commit.acquaint, begun=made.begun, now_ms=now_ms))
                self._due = _Due(turn_id, now_ms)
            else:
                record = trace.record_of_failure(overtaken)
                park = partial(commit.park, key=self.key, turn_id=turn_id, trace=record)
                await store.write(partial(park, now_ms=now_ms))
            return
        self._overtaken = 0
        if isinstance(outcome, Again):
            self._due = _Due(turn_id, outcome.due_at)


def _show_nothing(_agent_id: str, _account: str, _chat: str, _composing: bool) -> None:
    """Nobody watches."""
