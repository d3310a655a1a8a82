"""A shop, its customers and an engine with a script, over a real store and a virtual clock."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

from hub.assistant.engine import Answer, Turn
from hub.conversation.intake import AgentRef, Intake, take_message, take_status
from hub.conversation.turns import ChatKey
from hub.conversation.worker import Worker
from hub.store.database import Store
from hub.store.policy import DEFAULTS, TenantPolicy
from protocol.codec import decode_data
from protocol.messages import (
    Fault,
    Instant,
    MessageReceived,
    MessageSend,
    MessageStatus,
    Sender,
    SendState,
)
from tests.fakes import FakeClock
from tests.hub.shops import add_agent, add_shop, lay_tables

ACCOUNT = "+919800000009"
CHAT = "919800000001@c.us"
KEY = ChatKey("ten_a", ACCOUNT, CHAT)
AGENT = AgentRef("ten_a", "agt_a")
MINUTE = 60.0
HOUR = 3600.0


def incoming(
    clock: FakeClock,
    wa_id: str,
    text: str | None = "hi",
    *,
    chat: str = CHAT,
    kind: str = "text",
    age_s: float = 0,
    from_me: bool = False,
    reply_to: str | None = None,
    phone: str | None = "+919800000001",
    sender: str | None = None,
) -> MessageReceived:
    """What an agent reports of a message that is `age_s` old."""
    return MessageReceived(
        account=ACCOUNT,
        chat=chat,
        wa_id=wa_id,
        sender=Sender(id=sender or chat, phone=phone, name="Asha"),
        from_me=from_me,
        sent_at=Instant(clock.now_ms() - round(age_s * 1000)),
        live=age_s == 0,
        kind=kind,
        text=text,
        reply_to=reply_to,
    )


class Scene:
    """One shop with one agent; what it is told is committed when a call returns."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store = store
        self.clock = clock

    async def says(
        self,
        wa_id: str,
        text: str | None = "hi",
        *,
        agent: AgentRef = AGENT,
        policy: TenantPolicy = DEFAULTS,
        begins: bool = False,
        **more: Any,
    ) -> Intake:
        """A message arrives; what it did."""
        message, now = incoming(self.clock, wa_id, text, **more), self.clock.now_ms()
        return await self.store.write(
            lambda tx: take_message(tx, agent, message, now, policy, begins=begins)
        )

    async def hears(self, ref: str, state: SendState, error: Fault | None = None) -> None:
        """The agent reports what became of an order."""
        status, now = MessageStatus(ref=UUID(ref), state=state, error=error), self.clock.now_ms()
        await self.store.write(lambda tx: take_status(tx, AGENT, status, now))

    async def rows(self, sql: str) -> list[dict[str, Any]]:
        """The answer to a question that only a test asks."""
        return await self.store.read(
            lambda tx: [dict(row) for row in tx._connection.execute(sql).fetchall()]
        )

    async def change(self, sql: str, *params: object) -> None:
        """A change that only a test makes."""
        await self.store.write(lambda tx: tx._connection.execute(sql, params).rowcount)

    async def turns(self) -> list[dict[str, Any]]:
        return await self.rows("SELECT * FROM turns ORDER BY first_at, rowid")

    async def states(self) -> list[tuple[str, str | None]]:
        """State and reason of every turn, oldest first."""
        return [(row["state"], row["reason"]) for row in await self.turns()]

    async def orders(self) -> list[MessageSend]:
        """What agents were ordered to send, in order."""
        rows = await self.rows("SELECT data FROM down_events ORDER BY agent_id, seq")
        found = [decode_data("message.send", row["data"]) for row in rows]
        return [order for order in found if isinstance(order, MessageSend)]

    async def texts(self) -> list[str | None]:
        """The words of the orders, without the disclosure that some of them end with."""
        return [
            (order.text or "").removesuffix(f"\n\n{DEFAULTS.disclosure}")
            for order in await self.orders()
        ]

    async def messages(self) -> list[dict[str, Any]]:
        return await self.rows("SELECT * FROM messages ORDER BY id")


@asynccontextmanager
async def open_scene(
    path: Path, clock: FakeClock, *, new: bool = True, kind: type[Store] = Store
) -> AsyncIterator[Scene]:
    """A scene over the database at `path`, which survives it."""
    if new:
        lay_tables(path)
    async with kind.open(f"sqlite:///{path}", clock) as store:
        if new:
            await add_shop(store, clock)
            await add_agent(store, clock)
        yield Scene(store, clock)


Script = Callable[[Turn], Awaitable[Answer]]


async def echo(turn: Turn) -> Answer:
    """Repeats what the customer said."""
    return Answer(text=" + ".join(line.text for line in turn.messages), path="echo")


class ScriptedEngine:
    """Answers as its script says, and keeps what it was asked."""

    def __init__(self, script: Script = echo) -> None:
        self.script = script
        self.asked: list[Turn] = []

    async def answer(self, turn: Turn) -> Answer:
        self.asked.append(turn)
        return await self.script(turn)


class Gate:
    """A script that says when `parties` turns have come in and answers only when opened."""

    def __init__(self, parties: int = 1) -> None:
        self.entered = asyncio.Event()
        self.open = asyncio.Event()
        self.inside = 0
        self._parties = parties

    async def __call__(self, turn: Turn) -> Answer:
        self.inside += 1
        if self.inside >= self._parties:
            self.entered.set()
        await self.open.wait()
        return await echo(turn)


class Hub:
    """A running worker as the gateway sees it."""

    def __init__(self, scene: Scene, engine: ScriptedEngine, **options: Any) -> None:
        self.scene = scene
        self.engine = engine
        self.notified: list[str] = []
        self.typing: list[bool] = []
        self.worker = Worker(
            scene.store,
            engine,
            scene.clock,
            lambda order: self.notified.append(order.agent_id),
            lambda _agent, _account, _chat, composing: self.typing.append(composing),
            **options,
        )

    async def says(self, wa_id: str, text: str | None = "hi", **more: Any) -> Intake:
        """A message arrives and the worker is told."""
        intake = await self.scene.says(wa_id, text, **more)
        self.worker.took(intake)
        return intake

    def later(self, seconds: float) -> None:
        """Time passes."""
        self.scene.clock.advance(seconds)
        self.worker.wake()

    async def reaches(self, *states: str) -> None:
        """Wait until the turns are in these states, oldest first."""
        found: list[str] = []
        async with asyncio.timeout(10):
            while found != list(states):
                found = [state for state, _ in await self.scene.states()]

    async def settles(self) -> None:
        """Wait until nothing that is due now is left to do."""
        self.worker.wake()
        async with asyncio.timeout(10):
            while not self.worker.idle:
                await self.scene.states()  # any round through the loop and the store's threads


@asynccontextmanager
async def running(scene: Scene, script: Script | None = None, **options: Any) -> AsyncIterator[Hub]:
    """A worker at work; cancelled at the end, as a hub that stops does."""
    hub = Hub(scene, ScriptedEngine(script or echo), **options)
    with suppress(asyncio.CancelledError):
        async with asyncio.TaskGroup() as group:
            task = group.create_task(hub.worker.run())
            try:
                yield hub
            finally:
                task.cancel()
