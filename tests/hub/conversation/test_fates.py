"""What the agent reports of a reply, and what becomes of its turn."""

import json
from uuid import UUID

import pytest

from hub.store.outbound import enqueue_down
from protocol.messages import Command, Fault, SendState
from tests.hub.conversation.scene import AGENT, Scene, running

EVENT = "00000000-0000-4000-8000-000000000001"


async def answered(scene: Scene) -> str:
    """The id of the order that a first message led to."""
    async with running(scene) as hub:
        await hub.says("A")
        hub.later(3)
        await hub.reaches("answered")
    [row] = await scene.rows("SELECT event_id FROM down_events")
    return str(row["event_id"])


async def fate(scene: Scene) -> tuple[str, str | None, str, str | None]:
    """State of the message, result of the order, state and reason of the turn."""
    [message] = await scene.rows("SELECT state FROM messages WHERE author = 'bot'")
    [order] = await scene.rows("SELECT result FROM down_events")
    [turn] = await scene.turns()
    return message["state"], order["result"], turn["state"], turn["reason"]


async def test_a_reply_is_sent_delivered_and_read(scene: Scene) -> None:
    """Reports that come late or twice change nothing."""
    ref = await answered(scene)
    assert await fate(scene) == ("queued", None, "answered", None)
    reports: tuple[tuple[SendState, str], ...] = (
        ("sent", "sent"),
        ("sent", "sent"),
        ("read", "read"),
        ("delivered", "read"),
        ("failed", "read"),
    )
    for report, state in reports:
        await scene.hears(ref, report)
        assert await fate(scene) == (state, state, "answered", None)


@pytest.mark.parametrize("state", ["failed", "unknown", "expired"])
async def test_a_reply_that_may_not_have_arrived_waits_for_a_person(
    scene: Scene, state: SendState
) -> None:
    """The order is final all the same: it is never queued anew."""
    ref = await answered(scene)
    await scene.hears(ref, state, Fault(code="page", message="the page was closed"))
    assert await fate(scene) == (state, state, "waiting", f"send_{state}")
    [message] = await scene.rows("SELECT error FROM messages WHERE author = 'bot'")
    assert json.loads(message["error"]) == {"code": "page", "message": "the page was closed"}


async def test_doubt_may_turn_into_certainty(scene: Scene) -> None:
    """Unknown, then failed, then sent after all: the person is relieved."""
    ref = await answered(scene)
    await scene.hears(ref, "unknown")
    await scene.hears(ref, "failed")
    assert await fate(scene) == ("failed", "failed", "waiting", "send_failed")
    await scene.hears(ref, "sent")
    assert await fate(scene) == ("sent", "sent", "answered", None)


async def test_what_waits_for_another_reason_keeps_it(scene: Scene) -> None:
    """A handover is not undone by the arrival of its announcement, nor renamed by its failure."""
    ref = await answered(scene)
    await scene.change("UPDATE turns SET state = 'waiting', reason = 'asked for a person'")
    await scene.hears(ref, "unknown")
    assert (await fate(scene))[2:] == ("waiting", "asked for a person")
    await scene.hears(ref, "sent")
    assert (await fate(scene))[2:] == ("waiting", "asked for a person")


async def test_a_turn_that_the_owner_settled_stays_settled(scene: Scene) -> None:
    """Nobody is asked twice."""
    ref = await answered(scene)
    await scene.change("UPDATE turns SET state = 'dropped', reason = 'owner_replied'")
    await scene.hears(ref, "failed")
    assert (await fate(scene))[2:] == ("dropped", "owner_replied")


@pytest.mark.parametrize("state", ["answered", "waiting"])
async def test_a_reply_that_the_owner_forestalled_asks_nobody(scene: Scene, state: str) -> None:
    """The PC did not send it, for the owner had written: that settles the turn."""
    ref = await answered(scene)
    if state == "waiting":
        await scene.hears(ref, "unknown")
    await scene.hears(ref, "failed", Fault(code="owner_replied", message="the owner wrote"))
    assert (await fate(scene))[2:] == ("dropped", "owner_replied")


async def test_an_unknown_ref_changes_nothing(scene: Scene) -> None:
    """It is recorded as an event by the caller and acknowledged."""
    await answered(scene)
    await scene.hears(EVENT, "failed")
    assert await fate(scene) == ("queued", None, "answered", None)


@pytest.mark.parametrize("turn_id", [None, "gone"])
async def test_a_send_without_a_turn_has_a_state_only(scene: Scene, turn_id: str | None) -> None:
    """What no turn wrote asks nobody."""
    ref = await answered(scene)
    await scene.change("UPDATE messages SET turn_id = ? WHERE author = 'bot'", turn_id)
    await scene.hears(ref, "failed")
    assert await fate(scene) == ("failed", "failed", "answered", None)


async def test_an_order_that_is_no_message_of_a_chat_is_final_too(scene: Scene) -> None:
    """A status may refer to any order of this agent's."""
    order, now = Command(name="audit", args={}), scene.clock.now_ms()
    await scene.store.write(
        lambda tx: enqueue_down(tx, AGENT.tenant_id, AGENT.agent_id, UUID(EVENT), order, now)
    )
    await scene.hears(EVENT, "expired")
    assert await scene.rows("SELECT result FROM down_events") == [{"result": "expired"}]
