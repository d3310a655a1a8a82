"""A hub that went back to a backup hears what became of replies that it does not remember."""

from itertools import pairwise

from hub.conversation import turns
from protocol.messages import SendState
from tests.hub.conversation.scene import KEY, Scene, running


def reply_to(wa_id: str) -> str:
    """The id of the reply to a turn that ended with this message."""
    return str(turns.reply_id(KEY, wa_id))


async def covered(scene: Scene) -> list[tuple[str, str]]:
    """Each message of the customer with the state of its turn, in the order of arrival."""
    rows = await scene.rows(
        "SELECT wa_id, t.state FROM messages AS m JOIN turns AS t USING (turn_id) "
        "WHERE direction = 'in' ORDER BY id"
    )
    return [(row["wa_id"], row["state"]) for row in rows]


async def test_a_message_whose_lost_reply_was_sent_is_not_answered_again(scene: Scene) -> None:
    """The reply's id tells what it answered; its later fate is noted as for any other."""
    async with running(scene) as hub:
        await hub.says("A")
        await scene.hears(reply_to("A"), "sent")
        hub.later(30)
        await hub.settles()
        assert await scene.orders() == []
    await scene.hears(reply_to("A"), "read")
    assert await scene.states() == [("answered", None)]
    [reply] = await scene.rows("SELECT * FROM messages WHERE author = 'bot'")
    assert (reply["event_id"], reply["state"], reply["text"]) == (reply_to("A"), "read", None)


async def test_only_what_came_after_a_lost_reply_is_answered(scene: Scene) -> None:
    """Of four messages the reply was to the first two: the others get one of their own."""
    async with running(scene) as hub:
        for wa_id in "ABCD":
            await hub.says(wa_id, wa_id)
        await scene.hears(reply_to("B"), "delivered")
        expected = [("A", "answered"), ("B", "answered"), ("C", "pending"), ("D", "pending")]
        assert await covered(scene) == expected
        hub.later(30)  # what was planned is over
        await hub.settles()
        hub.later(30)  # the worker looks for what nobody announced
        await hub.reaches("answered", "answered")
        assert await scene.texts() == ["C + D"]
    arrivals = [row["id"] for row in await scene.messages()]
    assert all(earlier < later for earlier, later in pairwise(arrivals))


async def test_what_came_after_it_keeps_its_place_when_more_is_written(scene: Scene) -> None:
    """A later message joins the turn of those that the lost reply did not answer."""
    async with running(scene) as hub:
        await hub.says("A", "A")
        await hub.says("B", "B")
        await scene.hears(reply_to("A"), "sent")
        await hub.says("C", "C")
        hub.later(30)
        await hub.reaches("answered", "answered")
        assert await scene.texts() == ["B + C"]


async def test_in_doubt_a_lost_reply_is_left_to_a_person(scene: Scene) -> None:
    """Nobody knows whether the customer has it: that is no reason to write again."""
    await scene.says("A")
    await scene.hears(reply_to("A"), "unknown")
    assert await scene.states() == [("waiting", "send_unknown")]
    await scene.hears(reply_to("A"), "sent")
    assert await scene.states() == [("answered", None)]


async def test_a_lost_reply_that_nobody_saw_is_written_again(scene: Scene) -> None:
    """Failed or expired: the customer still waits."""
    await scene.says("A")
    states: tuple[SendState, ...] = ("failed", "expired")
    for state in states:
        await scene.hears(reply_to("A"), state)
        assert await scene.states() == [("pending", None)]


async def test_the_fate_of_what_nobody_knows_changes_nothing(scene: Scene) -> None:
    """An order of a person, or a reply whose message is not there."""
    await scene.says("A")
    await scene.hears(reply_to("Z"), "sent")
    assert await scene.states() == [("pending", None)]
    assert len(await scene.messages()) == 1
