"""Two connections of one agent at a real hub."""

from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

from hub.gateway.presence import Limits, Unblocked
from hub.gateway.roster import Roster
from hub.store.tx import Tx
from tests.hub.gateway.client import Agent
from tests.hub.gateway.stage import Stage


async def test_a_higher_number_replaces_the_live_connection(stage: Stage) -> None:
    """The old one closes 4009, the new one works, and the old one's end changes nothing."""
    agent = stage.agent()
    async with agent.dial() as old:
        await old.live()
        async with agent.dial() as new:
            await new.live()
            assert await old.over() == 4009
            await new.beat()
            await new.say("hi")
            assert await stage.status() == "online"


async def test_an_equal_number_is_refused_and_the_live_one_stays(stage: Stage) -> None:
    """The newcomer gets 4009 instead of a welcome."""
    agent = stage.agent()
    async with agent.dial() as old:
        await old.live()
        await old.say("so that the epoch is known")
        async with agent.dial(conn_no=1) as new:
            assert await new.over() == 4009
            assert new.welcome is None
        await old.beat()
        assert old.closed is None


async def test_a_new_epoch_wins_with_any_number(stage: Stage) -> None:
    """An agent that lost its disk begins at 1 again."""
    agent = stage.agent()
    agent.conn_no = 40
    async with agent.dial() as old:
        await old.live()
        await old.say("hi")
        reborn = stage.agent().clone()
        reborn.epoch, reborn.log, reborn.conn_no = uuid4().hex, [], 0
        async with reborn.dial() as new:
            await new.live()
            assert await old.over() == 4009


async def test_two_instances_that_alternate_are_both_kept_out(tmp_path: Path) -> None:
    """The third takeover closes both with 4501; the block ends a window after the last hello."""
    async with Stage.set(tmp_path, duplicate_window_s=0.6) as stage, stage.running():
        one = stage.agent()
        two = one.clone()
        two.conn_no = 10
        async with one.dial() as a, two.dial() as b:
            await a.live()
            await b.live()
            assert await a.over() == 4009
            one.conn_no = 20
            async with one.dial() as c:
                await c.live()
                assert await b.over() == 4009
                two.conn_no = 30
                async with two.dial() as d:
                    assert await d.over() == 4501
                    assert await c.over() == 4501
        assert await stage.status() == "blocked"
        async with one.dial() as e:
            assert await e.over() == 4501
        await stage.becomes("offline")
        async with one.dial() as f:
            await f.live()
        row = await stage.store.one("presence.standing", agent_id="agt_a")
        assert row is not None
        assert row["blocked_until"] is None


async def alternate(one: Agent, two: Agent, lines: AsyncExitStack) -> None:
    """Let two instances take over from each other until both are kept out."""
    for number, agent in enumerate((one, two, one), start=1):
        agent.conn_no = 10 * number
        line = await lines.enter_async_context(agent.dial())
        await line.live()
    two.conn_no = 40
    last = await lines.enter_async_context(two.dial())
    assert await last.over() == 4501


async def test_the_block_outlives_the_hub(tmp_path: Path) -> None:
    """A restart lets nobody in before the time."""
    async with Stage.set(tmp_path) as stage, AsyncExitStack() as lines:
        async with stage.running():
            one = stage.agent()
            await alternate(one, one.clone(), lines)
        async with stage.running():
            assert await stage.status() == "blocked"
            async with stage.agent().dial() as line:
                assert await line.over() == 4501


async def test_the_operator_lifts_the_block(stage: Stage) -> None:
    """By another process; the next hello is judged normally and the counting begins anew."""
    one = stage.agent()
    two = one.clone()
    async with AsyncExitStack() as lines:
        await alternate(one, two, lines)

    def unblock(tx: Tx) -> None:
        row = tx.one("presence.standing", agent_id="agt_a")
        assert row is not None
        now = stage.clock.now_ms()
        Roster(Limits(started_at=0)).move(tx, row, Unblocked(), now)
        tx.run("presence.forget_takeovers", agent_id="agt_a", until=now)

    await stage.store.write(unblock)
    assert await stage.status() == "offline"
    async with two.dial() as line:
        await line.live()
