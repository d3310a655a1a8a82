"""A draft answers all that the customer said, or it is not sent: whoever had the chat by then."""

import pytest

from hub.conversation import takeover
from tests.hub.conversation.desk import Desk
from tests.hub.conversation.scene import KEY, Scene
from tests.hub.conversation.test_acting import Clerk, sells_tea
from tests.hub.conversation.test_takeover import answers, gives_back


async def orders_tea(desk: Desk) -> None:
    """A draft waits that places an order; a person approved it."""
    clerk = Clerk(desk.scene, await sells_tea(desk.scene))
    for wa_id in ("A", "B"):
        await desk.drafts(wa_id, clerk)
        await desk.approves()
        await desk.looks()
    await desk.drafts("C", clerk)


async def is_silenced(desk: Desk, how: str) -> None:
    """From now on the bot has no say in the chat."""
    now = desk.scene.clock.now_ms()
    if how == "taken_over":
        await desk.scene.store.write(lambda tx: takeover.pause(tx, KEY, now + 60_000))
    elif how == "off":
        await desk.scene.change("UPDATE chats SET mode = 'off'")
    else:
        await desk.sets(
            """UPDATE tenants SET settings = json_set(settings, '$.never',
               json('["+919800000001"]'))"""
        )


@pytest.fixture
def desk(scene: Scene) -> Desk:
    return Desk(scene)


@pytest.mark.parametrize("how", ["taken_over", "off", "contact_refused"])
@pytest.mark.parametrize("text", ["no, stop that", "STOP"])
async def test_a_newer_message_takes_a_draft_back_where_the_bot_is_out(
    desk: Desk, scene: Scene, how: str, text: str
) -> None:
    """Approved before or after it, the draft places no order and is not said."""
    await orders_tea(desk)
    said = len(await scene.orders())
    await is_silenced(desk, how)
    await desk.approves()
    assert (await scene.says("D", text)).turn_id is None
    await desk.looks()
    assert (await desk.outcomes())[-1] == "changed"
    assert await desk.approves() is None
    assert (await scene.states())[-1] == ("dropped", how)
    assert len(await scene.orders()) == said
    assert await scene.rows("SELECT * FROM orders") == []


@pytest.mark.parametrize("how", ["taken_over", "off"])
async def test_a_draft_still_waits_for_its_click_where_the_bot_is_out(
    desk: Desk, scene: Scene, how: str
) -> None:
    """Nothing was said since it was read: sending it is the person's decision."""
    await orders_tea(desk)
    await is_silenced(desk, how)
    await desk.approves()
    await desk.looks()
    assert len(await scene.rows("SELECT * FROM orders")) == 1


async def test_what_took_a_draft_back_is_answered_with_it_when_the_bot_returns(
    desk: Desk, scene: Scene
) -> None:
    """Nobody answered either message."""
    await desk.drafts("A", text="one")
    await is_silenced(desk, "taken_over")
    await scene.says("B", "two")
    await desk.sets("UPDATE tenants SET mode = 'auto'")
    assert await gives_back(scene) is not None
    assert await answers(scene) == ["one + two"]


async def test_a_draft_that_does_not_cover_the_newest_message_is_refused(
    desk: Desk, scene: Scene
) -> None:
    """Whatever turn that is in: an older hub left such drafts behind."""
    await orders_tea(desk)
    await desk.approves()
    [draft] = await scene.rows("SELECT turn_id FROM turns WHERE state = 'suggested'")
    await is_silenced(desk, "taken_over")
    await scene.says("D", "no, stop that")
    await scene.change(
        "UPDATE turns SET state = 'suggested', reason = NULL WHERE turn_id = ?", draft["turn_id"]
    )
    await desk.looks()
    assert (await desk.outcomes())[-1] == "changed"
    assert await scene.rows("SELECT * FROM orders") == []
