"""A restored hub answers nobody before it has heard from the agent what it has forgotten."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from hub.conversation import turns
from hub.conversation.turns import ChatKey
from protocol.messages import Instant, MessageStatus
from tests.hub.gateway.client import Agent, message
from tests.hub.gateway.stage import Stage

WHERE = {"tenant_id": "ten_a", "agent_id": "agt_a"}


@asynccontextmanager
async def restored(folder: Path) -> AsyncIterator[tuple[Stage, Agent]]:
    """A hub that starts with the backup of one that had taken a message and not answered it yet."""
    async with Stage.set(folder, debounce_s=60) as stage:
        async with stage.running():
            agent = stage.agent()
            async with agent.dial() as line:
                await line.live()
                await line.say("hi", sent_at=Instant(stage.clock.now_ms()))
        stage.settings = msgspec.structs.replace(stage.settings, debounce_s=0)
        await stage.store.write(
            lambda tx: tx._connection.execute("UPDATE turns SET due_at = first_at").rowcount
        )
        async with stage.running():
            yield stage, stage.agent()


async def orders(stage: Stage) -> int:
    """How many the agent's log holds."""
    return len(await stage.store.all("logs.down_after", **WHERE, seq=0, limit=9))


async def rested(stage: Stage) -> bool:
    """Whether the worker has done all that it is going to do."""
    await stage.parts.services.store.write(lambda _: None)
    return stage.parts.worker.idle


def key_of(row: Any) -> ChatKey:
    return ChatKey("ten_a", row["account"], row["chat"])


async def test_nobody_is_answered_before_the_agent_told_what_it_knows(tmp_path: Path) -> None:
    """The agent's log shows that the open turn was answered long ago: there is no second reply."""
    async with restored(tmp_path) as (stage, agent):
        await stage.until(lambda: rested(stage))
        assert await orders(stage) == 0
        [row] = await stage.store.read(
            lambda tx: tx._connection.execute(
                "SELECT account, chat, wa_id FROM messages"
            ).fetchall()
        )
        ref = turns.reply_id(key_of(row), row["wa_id"])
        agent.write(MessageStatus(ref=ref, state="sent"))
        async with agent.dial() as line:
            await line.live()
            await line.until(lambda: line.acked == len(agent.log))
            await line.beat()
            await stage.until(lambda: rested(stage))
        assert await orders(stage) == 0


async def test_an_agent_at_work_is_waited_for(tmp_path: Path) -> None:
    """It may be sending what the hub does not remember; with its last order done all is known."""
    async with restored(tmp_path) as (stage, agent):
        agent.status = msgspec.structs.replace(agent.status, inbox=1)
        async with agent.dial() as line:
            await line.live()
            agent.write(message("more", sent_at=Instant(stage.clock.now_ms())))
            await line.until(lambda: line.acked == len(agent.log))
            await line.beat(inbox=1)
            await stage.until(lambda: rested(stage))
            assert await orders(stage) == 0
            await line.beat(inbox=0)
            await line.until(lambda: bool(agent.orders))
        assert await orders(stage) == 1


async def test_a_new_agent_is_known_at_once(tmp_path: Path) -> None:
    """Nothing was ever told to it or by it: its first customer does not wait."""
    async with Stage.set(tmp_path, debounce_s=0) as stage, stage.running():
        agent = stage.agent()
        async with agent.dial() as line:
            await line.live()
            agent.write(message("hi", sent_at=Instant(stage.clock.now_ms())))
            await line.until(lambda: bool(agent.orders))
