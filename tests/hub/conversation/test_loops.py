"""Two machines that talk: the bot stops, the operator is told; what a person gives back goes on."""

from hub.assistant.engine import Answer, Turn
from hub.conversation import records, takeover
from hub.store.policy import DEFAULTS
from hub.store.tx import Tx
from tests.hub.conversation.scene import AGENT, CHAT, HOUR, KEY, Hub, Scene, running

AWAY = "We are away until Monday."
REPLY = "I do not know that."
LEAVE = "I am calling someone from the shop. They will answer you here."


async def unknowing(_: Turn) -> Answer:
    return Answer(text=REPLY, path="p")


async def repeats(hub: Hub, letter: str, count: int) -> None:
    """A machine says the same, after four seconds each time."""
    for number in range(count):
        await hub.says(f"{letter}{number}", AWAY)
        hub.later(4)
        await hub.settles()


async def notices(scene: Scene) -> list[tuple[str, str, str]]:
    rows = await scene.rows("SELECT tenant_id, kind, subject FROM operator_notices ORDER BY id")
    return [(row["tenant_id"], row["kind"], row["subject"]) for row in rows]


async def resume(hub: Hub, scene: Scene) -> None:
    """The operator gives the chat back, and what waits is answered."""
    now = scene.clock.now_ms()

    def give_back(tx: Tx) -> str | None:
        rules = records.shop(tx, KEY.tenant_id, DEFAULTS).rules
        return takeover.give_back(tx, KEY, AGENT.agent_id, rules, now)

    await scene.store.write(give_back)
    hub.later(6)
    await hub.settles()


async def test_the_operator_is_told_once_each_time(scene: Scene) -> None:
    """Shop and chat are named in the database; the customer hears it, too, once a pause."""
    async with running(scene, unknowing) as hub:
        await repeats(hub, "A", 6)
        stopped = await notices(scene)
        assert [(shop, kind, said[: len(CHAT)]) for shop, kind, said in stopped] == [
            ("ten_a", "loop", CHAT)
        ]
    assert await scene.texts() == [*[REPLY] * 3, LEAVE]
    states = await scene.states()
    assert states == [("answered", None)] * 3 + [("waiting", "loop")]
    async with running(scene, unknowing) as hub:
        await repeats(hub, "B", 2)
        hub.later(12 * HOUR)
        await repeats(hub, "C", 6)
    assert await scene.texts() == [*[REPLY] * 3, LEAVE] * 2
    assert len(await notices(scene)) == 2


async def test_a_chat_that_is_given_back_goes_on(scene: Scene) -> None:
    """What came after the leave is answered, and the next stop needs a loop of its own."""
    async with running(scene, unknowing) as hub:
        await repeats(hub, "A", 5)
        await resume(hub, scene)
        assert await scene.texts() == [*[REPLY] * 3, LEAVE, REPLY]
        await repeats(hub, "B", 6)
        assert await scene.texts() == [*[REPLY] * 3, LEAVE, *[REPLY] * 3, LEAVE]
        assert len(await notices(scene)) == 2


async def test_a_person_with_other_words_is_answered(scene: Scene) -> None:
    """Whoever repeats a question and then says something else is no machine."""
    async with running(scene, unknowing) as hub:
        await repeats(hub, "A", 3)
        await hub.says("B", "5 cartons then")
        hub.later(4)
        await hub.settles()
        await hub.says("C", AWAY)
        hub.later(4)
        await hub.settles()
    assert await scene.texts() == [REPLY] * 5
    assert await notices(scene) == []
