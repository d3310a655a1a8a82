"""A person gives a chat back, pauses it, or says that nothing is to be done."""

import pytest

from hub.conversation import records, takeover
from hub.store.policy import DEFAULTS
from tests.fakes import FakeClock
from tests.hub.conversation.desk import Desk
from tests.hub.conversation.scene import HOUR, KEY, Scene, running


async def gives_back(scene: Scene) -> str | None:
    """The operator's `resume`; the turn in which the bot answers at once."""
    now = scene.clock.now_ms()
    return await scene.store.write(
        lambda tx: takeover.give_back(
            tx, KEY, "agt_a", records.shop(tx, "ten_a", DEFAULTS).rules, now
        )
    )


async def answers(scene: Scene) -> list[str | None]:
    """What the bot says once nothing is left to do."""
    async with running(scene) as hub:
        hub.later(3)
        await hub.settles()
    return await scene.texts()


async def takes_over(scene: Scene, wa_id: str = "O") -> None:
    """The owner writes on the phone."""
    await scene.says(wa_id, "let me see", from_me=True)


async def test_what_came_while_a_person_had_the_chat_is_answered(scene: Scene) -> None:
    """All of it in one turn, with what the person said as its context."""
    await scene.says("A", "hello")
    await takes_over(scene)
    for wa_id in "BC":
        assert (await scene.says(wa_id, wa_id)).turn_id is None
    turn_id = await gives_back(scene)
    rows = await scene.rows("SELECT wa_id FROM messages WHERE turn_id IS NOT NULL ORDER BY id")
    assert [row["wa_id"] for row in rows] == ["A", "B", "C"]
    async with running(scene) as hub:
        hub.later(0)
        await hub.settles()
    [asked] = hub.engine.asked
    assert asked.turn_id == turn_id
    assert [line.text for line in asked.history] == ["hello", "let me see"]
    assert await scene.texts() == ["B + C"]


async def test_what_a_person_answered_is_not_answered_again(scene: Scene) -> None:
    """Nothing was written since; the next message is the bot's again."""
    await scene.says("A")
    await takes_over(scene)
    assert await gives_back(scene) is None
    assert await answers(scene) == []
    assert (await scene.says("B")).turn_id is not None


async def test_a_handover_that_was_announced_is_over(scene: Scene) -> None:
    """Whoever gives the chat back has dealt with it; a later failure is announced anew."""
    await scene.says("A")
    await answers(scene)
    await scene.change("UPDATE turns SET state = 'waiting', reason = 'complaint'")
    await scene.change("UPDATE chats SET handed_over_at = 1, paused_until = 9e15")
    assert await gives_back(scene) is None
    assert await scene.states() == [("dropped", "resumed")]
    [chat] = await scene.rows("SELECT handed_over_at, paused_until FROM chats")
    assert chat == {"handed_over_at": None, "paused_until": scene.clock.now_ms()}


async def test_a_reply_that_may_not_have_arrived_still_waits(scene: Scene) -> None:
    """The bot would not know whether to say it again."""
    await scene.says("A")
    await answers(scene)
    await scene.change("UPDATE turns SET state = 'waiting', reason = 'send_unknown'")
    assert await gives_back(scene) is None
    assert await scene.states() == [("waiting", "send_unknown")]


@pytest.mark.parametrize(
    ("state", "reason"), [("waiting", "loop"), ("dropped", "taken_over"), ("dropped", "off")]
)
async def test_what_nobody_answered_is_taken_up_again(
    scene: Scene, state: str, reason: str
) -> None:
    """The loop breaker, a pause or a mode had kept the bot from it."""
    turn_id = (await scene.says("A", "hello")).turn_id
    await scene.change("UPDATE turns SET state = ?, reason = ?", state, reason)
    assert await gives_back(scene) == turn_id
    assert await answers(scene) == ["hello"]


async def test_several_turns_that_nobody_answered_become_one(scene: Scene) -> None:
    """The newest takes the others in: one reply, and nothing waits any more."""
    for number, wa_id in enumerate("AB"):
        await scene.says(wa_id, wa_id)
        scene.clock.advance(number)
        await scene.change("UPDATE turns SET state = 'waiting', reason = 'engine_failed'")
    assert await gives_back(scene) is not None
    assert await answers(scene) == ["A + B"]
    assert sorted(await scene.states()) == [("answered", None), ("dropped", "resumed")]


async def test_a_draft_takes_in_what_came_during_a_pause(scene: Scene) -> None:
    """It is made anew with both; one that covers everything stays as it is."""
    desk = Desk(scene)
    await desk.drafts("A", text="one")
    assert await gives_back(scene) is None
    assert await scene.states() == [("suggested", None)]
    now = scene.clock.now_ms()
    await scene.store.write(lambda tx: takeover.pause(tx, KEY, now + 60_000))
    await scene.says("B", "two")
    await gives_back(scene)
    await desk.drafts("C", text="three")
    await desk.approves()
    await desk.looks()
    assert await scene.texts() == ["one + two + three"]


async def test_what_is_stale_by_now_waits_for_a_person(scene: Scene, clock: FakeClock) -> None:
    """The same rules as ever: an apology after a quarter of an hour, silence after six hours."""
    await takes_over(scene)
    await scene.says("A", "hello")
    clock.advance(7 * HOUR)
    assert await gives_back(scene) is not None
    assert await answers(scene) == []
    assert await scene.states() == [("waiting", "stale")]


@pytest.mark.parametrize(
    "change",
    ["UPDATE tenants SET mode = 'off'", "UPDATE tenants SET contact_policy = 'chosen'"],
)
async def test_where_the_bot_has_no_say_nothing_is_taken_up(scene: Scene, change: str) -> None:
    """What waits for a person goes on waiting."""
    await scene.says("A")
    await scene.change("UPDATE turns SET state = 'waiting', reason = 'engine_failed'")
    await Desk(scene).sets(change)
    assert await gives_back(scene) is None
    assert await scene.states() == [("waiting", "engine_failed")]


async def test_what_the_operator_dismissed_stays_dismissed(scene: Scene) -> None:
    """A draft and what waits alike; a turn that is being answered is not meant."""
    now = scene.clock.now_ms()
    for wa_id, state in (("A", "suggested"), ("B", "waiting"), ("C", "pending")):
        turn_id = (await scene.says(wa_id)).turn_id
        await scene.change("UPDATE turns SET state = ? WHERE turn_id = ?", state, turn_id)
        if state == "suggested":
            await scene.store.write(lambda tx: takeover.dismiss(tx, KEY, now))
    ended = await scene.store.write(lambda tx: takeover.dismiss(tx, KEY, now))
    assert len(ended) == 1
    states = [("dropped", "dismissed"), ("dropped", "dismissed"), ("pending", None)]
    assert sorted(await scene.states()) == states
    await scene.change("UPDATE turns SET state = 'dropped', reason = 'dismissed'")
    assert await gives_back(scene) is None


async def test_a_message_of_which_nothing_is_left_is_not_taken_up(scene: Scene) -> None:
    """The customer deleted it meanwhile."""
    await takes_over(scene)
    await scene.says("A")
    await scene.says("R", None, kind="revoke", reply_to="A")
    assert await gives_back(scene) is None


async def test_a_pause_may_be_shortened_by_hand(scene: Scene, clock: FakeClock) -> None:
    """Unlike one that the owner's message sets."""
    await takes_over(scene)
    until = clock.now_ms() + 60_000
    await scene.store.write(lambda tx: takeover.pause(tx, KEY, until))
    [chat] = await scene.rows("SELECT paused_until FROM chats")
    assert chat["paused_until"] == until
