"""An operator's desk over a scene: drafts, own words, and the worker that sends both."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from hub.assistant.engine import Answer, Turn
from hub.conversation import outgoing, suggestions, takeover
from hub.conversation.intake import Intake
from hub.conversation.outgoing import Outgoing
from hub.conversation.outgoing_worker import OutgoingWorker
from hub.store.outbound import Order
from hub.store.policy import DEFAULTS
from hub.store.tx import Tx
from tests.hub.conversation.scene import KEY, Scene, echo, running


class Desk:
    """What commands write, and one look of the worker at it at a time."""

    def __init__(self, scene: Scene, *, known: bool = True) -> None:
        self.scene = scene
        self.delivered: list[Order] = []
        self.taken: list[Intake] = []
        self.acted = 0
        self.known = known
        self.worker = OutgoingWorker(
            scene.store,
            scene.clock,
            self.delivered.append,
            self.taken.append,
            may_send=lambda _: self.known,
            acted=self._act,
        )

    def _act(self) -> None:
        self.acted += 1

    async def sets(self, sql: str) -> None:
        """The shop is set otherwise; the writer remembers shops."""

        def change(tx: Tx) -> None:
            tx._connection.execute(sql)
            tx.memory.forget()

        await self.scene.store.write(change)

    async def drafts(
        self, wa_id: str = "A", script: Callable[[Turn], Awaitable[Answer]] = echo, **more: Any
    ) -> None:
        """A customer writes to a shop in mode `suggest`, and a draft is made."""
        await self.sets("UPDATE tenants SET mode = 'suggest'")
        async with running(self.scene, script) as hub:
            await hub.says(wa_id, **more)
            hub.later(3)
            await hub.settles()

    async def approves(self, text: str | None = None) -> Outgoing | None:
        """The operator clicks."""
        now = self.scene.clock.now_ms()
        return await self.scene.store.write(lambda tx: suggestions.approve(tx, KEY, text, now))

    async def replies(self, text: str) -> str:
        """The operator writes; the id of it."""
        now = self.scene.clock.now_ms()
        one = Outgoing(
            outgoing_id=str(uuid4()),
            key=KEY,
            kind="operator",
            text=text,
            due_at=now,
            created_at=now,
        )
        await self.scene.store.write(lambda tx: takeover.speak(tx, one, now, DEFAULTS.takeover_s))
        return one.outgoing_id

    async def tells(self, text: str) -> str:
        """The shop has news of an order; the id of it."""
        now = self.scene.clock.now_ms()
        one = Outgoing(
            outgoing_id=str(uuid4()),
            key=KEY,
            kind="order_update",
            text=text,
            order_id="ord_1",
            due_at=now,
            created_at=now,
        )
        await self.scene.store.write(lambda tx: outgoing.put(tx, one))
        return one.outgoing_id

    async def looks(self) -> None:
        """The worker's second has come."""
        await self.worker.work_off()

    async def outcomes(self) -> list[str | None]:
        """What became of everything, in the order in which it was put."""
        rows = await self.scene.rows("SELECT outcome FROM outgoing ORDER BY rowid")
        return [row["outcome"] for row in rows]

    async def chat(self) -> dict[str, Any]:
        [row] = await self.scene.rows("SELECT * FROM chats")
        return row
