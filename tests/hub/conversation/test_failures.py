"""What went wrong in the systems that this one replaces, as far as conversations go; by number."""

from collections import Counter

from hub.assistant.engine import Answer, Turn
from hub.conversation.intake import AgentRef
from tests.hub.conversation.scene import AGENT, CHAT, HOUR, MINUTE, Scene, running
from tests.hub.shops import add_agent, add_shop

GROUP = "120363000000000001@g.us"
STATUS = "status@broadcast"
OTHER_CHAT = "919800000002@c.us"


async def test_failure_05_a_backlog_gets_one_answer_and_what_is_stale_none(scene: Scene) -> None:
    """Eighteen messages that a reconnect brings at once were answered eighteen times."""
    async with running(scene) as hub:
        for number in range(18):
            await hub.says(f"M{number}", f"line {number}", age_s=2 * HOUR - number * MINUTE)
        await hub.says("OLD", "days ago", chat="919800000002@c.us", age_s=72 * HOUR)
        hub.later(3)
        await hub.settles()
    assert len(await scene.orders()) == 1
    assert sorted(await scene.states()) == [("answered", None), ("waiting", "stale")]


async def test_failure_06_groups_and_status_are_never_answered(scene: Scene) -> None:
    """A residents' group got prices: its id was stripped to digits."""
    member = "919800000001@c.us"
    async with running(scene) as hub:
        for wa_id, chat in (("A", GROUP), ("B", STATUS), ("C", "120363000000000002@newsletter")):
            await hub.says(wa_id, "price?", chat=chat, sender=member)
        hub.later(20)
        await hub.settles()
    assert await scene.turns() == []
    assert await scene.orders() == []


async def test_failure_07_a_reply_goes_to_the_chat_that_was_written_in(scene: Scene) -> None:
    """A LID was exchanged for the phone of whoever had written last."""
    hidden = "100000000000001@lid"
    async with running(scene) as hub:
        await hub.says("A", "from the phone")
        await hub.says("B", "from the hidden one", chat=hidden, phone=None)
        hub.later(3)
        await hub.reaches("answered", "answered")
    sent = {order.chat: (order.text or "").partition("\n")[0] for order in await scene.orders()}
    assert sent == {CHAT: "from the phone", hidden: "from the hidden one"}


async def test_failure_08_one_person_in_two_shops_has_two_conversations(scene: Scene) -> None:
    """A session, a capture and a cache were shared by all shops."""
    await add_shop(scene.store, scene.clock, "ten_b", "Shop B")
    await add_agent(scene.store, scene.clock, "agt_b", "ten_b")

    async def names_the_shop(turn: Turn) -> Answer:
        heard = [line.text for line in (*turn.history, *turn.messages)]
        return Answer(text=f"{turn.tenant.name} heard {heard}", path="names")

    async with running(scene, names_the_shop) as hub:
        await hub.says("A", "to a", agent=AGENT)
        await hub.says("A", "to b", agent=AgentRef("ten_b", "agt_b"))
        hub.later(3)
        await hub.reaches("answered", "answered")
    said = await scene.rows(
        "SELECT agent_id, text FROM messages WHERE direction = 'out' ORDER BY agent_id"
    )
    assert [row["agent_id"] for row in said] == ["agt_a", "agt_b"]
    assert said[0]["text"].startswith("Shop A heard ['to a']")
    assert said[1]["text"].startswith("Shop B heard ['to b']")


async def test_failure_09_why_a_person_is_called_is_not_told_to_the_customer(scene: Scene) -> None:
    """The alert for the shop's people was caught and sent to the customer."""

    async def calls(turn: Turn) -> Answer:
        return Answer(text="Somebody will answer you.", path="calls", handover="abuse")

    async with running(scene, calls) as hub:
        await hub.says("A", "you fools")
        hub.later(3)
        await hub.reaches("waiting")
    assert await scene.states() == [("waiting", "abuse")]
    assert await scene.texts() == ["Somebody will answer you."]


async def test_failure_10_two_machines_do_not_talk_for_ever(scene: Scene) -> None:
    """It took a list of phrases, by which customers were dropped, to end a loop of two bots."""
    async with running(scene) as hub:
        for number in range(12):
            await hub.says(f"M{number}", "I am a bot, too")
            await hub.says(f"N{number}", f"We close in {number} minutes", chat=OTHER_CHAT)
            hub.later(3)
            await hub.settles()
    sent = Counter(order.chat for order in await scene.orders())
    assert sent == {CHAT: 4, OTHER_CHAT: 7}  # the same thrice, or six a minute, and the leave
    assert (await scene.states()).count(("waiting", "loop")) == 2
