"""The hub dies between any two steps of a turn: there is one reply in the end, and only one."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from hub.assistant.engine import Answer
from hub.conversation import commit, trace
from hub.store.outbound import Order
from hub.store.policy import DEFAULTS
from protocol import ids
from tests.fakes import FakeClock
from tests.hub.conversation.scene import ACCOUNT, CHAT, KEY, Gate, Scene, open_scene, running


class Mortal:
    """A hub over one database file, which may die before any step."""

    def __init__(self, path: Path, clock: FakeClock, dies_before: int) -> None:
        self.path, self.clock, self.dies_before = path, clock, dies_before
        self.step = 0
        self._stack = AsyncExitStack()

    async def start(self, *, new: bool = False) -> Scene:
        opened = open_scene(self.path, self.clock, new=new)
        self.scene: Scene = await self._stack.enter_async_context(opened)
        return self.scene

    async def stop(self) -> None:
        await self._stack.aclose()

    async def next(self) -> Scene:
        """The scene for the next step, after a death if its time has come."""
        self.step += 1
        if self.step == self.dies_before:
            await self.stop()
            await self.start()
        return self.scene


@pytest.mark.parametrize("dies_before", range(1, 8))
async def test_a_death_between_any_two_steps_leaves_exactly_one_reply(
    tmp_path: Path, clock: FakeClock, dies_before: int
) -> None:
    """Arrival, second arrival, judgement, answer, commit, repeated commit, report of the agent."""
    hub = Mortal(tmp_path / "hub.db", clock, dies_before)
    await hub.start(new=True)
    await (await hub.next()).says("A", "one")
    intake = await (await hub.next()).says("B", "two")
    turn_id = str(intake.turn_id)
    clock.advance(3)
    scene, now = await hub.next(), clock.now_ms()
    begun = await scene.store.write(lambda tx: commit.begin(tx, KEY, turn_id, now, DEFAULTS))
    assert isinstance(begun, commit.Begun)
    answer = Answer(text="one reply", path="test")
    record = trace.record_of(begun, answer, 0)
    orders = [
        await (await hub.next()).store.write(
            lambda tx: commit.commit(tx, begun, answer, record, now, DEFAULTS)
        )
        for _ in range(2)
    ]
    assert [order.agent_id if isinstance(order, Order) else None for order in orders] == [
        "agt_a",
        None,
    ]
    async with running(await hub.next()) as worker:
        worker.later(10)
        await worker.settles()
        assert worker.engine.asked == []
    scene = await hub.next()
    assert await scene.texts() == ["one reply"]
    [row] = await scene.rows("SELECT event_id FROM down_events")
    assert row["event_id"] == str(ids.reply_id(ACCOUNT, CHAT, "", "B", 0))
    await hub.stop()


async def test_a_death_while_the_engine_thinks_repeats_the_turn(
    tmp_path: Path, clock: FakeClock
) -> None:
    """The next process finds the turn pending and answers it; messages in between are in it."""
    path, gate = tmp_path / "hub.db", Gate()
    async with open_scene(path, clock) as scene, running(scene, gate) as hub:
        await hub.says("A", "one")
        hub.later(3)
        await gate.entered.wait()
    async with open_scene(path, clock, new=False) as scene:
        assert await scene.states() == [("pending", None)]
        await scene.says("B", "two")
    async with open_scene(path, clock, new=False) as scene, running(scene) as hub:
        hub.later(3)
        await hub.reaches("answered")
        assert await scene.texts() == ["one + two"]


async def test_a_turn_that_is_found_stale_after_the_death_waits(
    tmp_path: Path, clock: FakeClock
) -> None:
    """The hub was down for 7 hours: the age counts when it is about to answer."""
    path = tmp_path / "hub.db"
    async with open_scene(path, clock) as scene:
        await scene.says("A")
    clock.advance(7 * 3600)
    async with open_scene(path, clock, new=False) as scene, running(scene) as hub:
        await hub.reaches("waiting")
        assert await scene.orders() == []
