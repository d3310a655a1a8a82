"""Turns that wait for nothing: begun in the transaction that takes the message in."""

from typing import Any

from hub.store.policy import DEFAULTS, TenantPolicy
from tests.hub.conversation.scene import Gate, Scene, running

AT_ONCE = TenantPolicy(debounce_s=0, debounce_max_s=0)
NOW: dict[str, Any] = {"policy": AT_ONCE, "begins": True}


async def test_a_turn_that_is_due_comes_begun_and_is_answered_once(scene: Scene) -> None:
    async with running(scene, defaults=AT_ONCE) as hub:
        intake = await hub.says("A", "hello", **NOW)
        assert intake.begun is not None
        assert [line.text for line in intake.begun.turn.messages] == ["hello"]
        await hub.reaches("answered")
        await hub.settles()
    assert await scene.texts() == ["hello"]
    assert [turn.customer_name for turn in hub.engine.asked] == ["Asha"]


async def test_a_turn_that_may_wait_or_for_which_there_is_no_room_does_not_begin(
    scene: Scene,
) -> None:
    assert (await scene.says("A", policy=DEFAULTS, begins=True)).begun is None
    assert (await scene.says("B", policy=AT_ONCE, chat="919800000002@c.us")).begun is None


async def test_a_begun_turn_that_finds_all_lanes_taken_is_answered_in_its_time(
    scene: Scene,
) -> None:
    gate = Gate()
    async with running(scene, gate, defaults=AT_ONCE, lanes_max=1) as hub:
        await hub.says("A", "one", **NOW)
        await gate.entered.wait()
        await hub.says("B", "two", chat="919800000002@c.us", **NOW)
        assert not hub.worker.has_room
        gate.open.set()
        await hub.reaches("answered", "answered")
    assert await scene.texts() == ["one", "two"]


async def test_a_newer_message_ends_what_was_begun_at_once(scene: Scene) -> None:
    gate = Gate()
    async with running(scene, gate, defaults=AT_ONCE) as hub:
        await hub.says("A", "one", **NOW)
        await gate.entered.wait()
        again = await hub.says("B", "two", **NOW)
        assert again.begun is None
        gate.open.set()
        await hub.reaches("answered")
    assert await scene.texts() == ["one + two"]


async def test_a_turn_that_the_bot_must_not_answer_ends_where_it_was_opened(scene: Scene) -> None:
    async with running(scene, defaults=AT_ONCE) as hub:
        intake = await hub.says("A", age_s=DEFAULTS.stale_s + 1, **NOW)
        assert (intake.begun, intake.due_at) == (None, None)
        await hub.settles()
    assert await scene.states() == [("waiting", "stale")]
    assert hub.engine.asked == []
