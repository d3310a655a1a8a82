"""A goodbye amid traffic: how a connection ended is what the agent said, not when it said it."""

import asyncio
from pathlib import Path
from random import Random

from protocol import codec
from tests.hub.gateway.client import message
from tests.hub.gateway.stage import Stage

SEED = 1
GOODBYES = 60
EVENTS = 20
ACKS_AFTER_S = 0.006  # the hub acknowledges while the close frame is on its way


async def test_a_goodbye_amid_acknowledgements_is_a_goodbye(tmp_path: Path) -> None:
    """The hub is just writing when 1000 arrives: the agent is offline each time, never lost."""
    chance = Random(SEED)  # noqa: S311 - a schedule, not a secret
    async with Stage.set(tmp_path, connects_per_min=1e6) as stage, stage.running():
        agent = stage.agent()
        for _ in range(GOODBYES):
            async with agent.dial() as line:
                await line.live()
                await line.until(lambda: line.acked == len(agent.log))
                for _ in range(EVENTS):
                    await line.send_text(codec.encode_row(agent.write(message("hi"))))
                await asyncio.sleep(chance.random() * ACKS_AFTER_S)
                assert line._socket is not None
                await line._socket.close(1000)
            await stage.until(lambda: has_left(stage))
        rows = await stage.store.read(
            lambda tx: tx._connection.execute(
                "SELECT to_status FROM agent_status_history ORDER BY id"
            ).fetchall()
        )
    assert [row["to_status"] for row in rows] == ["online", "offline"] * GOODBYES


async def has_left(stage: Stage) -> bool:
    return await stage.status() in ("offline", "lost")
