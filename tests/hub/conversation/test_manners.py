"""A STOP counts from its arrival; the first words of every kind say that they are automatic."""

from typing import Any

import pytest

from hub.assistant.embedded import EmbeddedEngine
from hub.assistant.engine import Answer, Turn
from hub.conversation.notices import languages
from hub.store.policy import DEFAULTS
from tests.fakes import FakeClock
from tests.hub.conversation.scene import CHAT, HOUR, Hub, Scene, Script, echo, running

DISCLOSURE = DEFAULTS.disclosure


async def opted_out(scene: Scene) -> list[int | None]:
    rows = await scene.rows("SELECT opted_out_at FROM customers ORDER BY rowid")
    return [row["opted_out_at"] for row in rows]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE tenants SET mode = 'auto'",
        "UPDATE tenants SET mode = 'suggest'",
        "UPDATE tenants SET mode = 'off'",
        "UPDATE tenants SET contact_policy = 'chosen'",
    ],
)
async def test_a_stop_counts_in_every_mode(scene: Scene, clock: FakeClock, change: str) -> None:
    """Nobody has to answer it first, and nobody has to be answered at all."""
    await scene.change(change)
    await scene.says("A", "hello")
    assert await opted_out(scene) == []
    await scene.says("B", "Stop!")
    first = clock.now_ms()
    clock.advance(60)
    await scene.says("C", "STOP")
    assert await opted_out(scene) == [first]


async def test_a_stop_counts_while_a_person_has_the_chat(scene: Scene, clock: FakeClock) -> None:
    """The owner's own words stop no such wish, and an old one is a wish, too."""
    await scene.says("O", "I am here", from_me=True)
    await scene.says("A", "बंद करो", age_s=8 * HOUR)
    assert await opted_out(scene) == [clock.now_ms()]


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("STOP", {"from_me": True}),
        ("STOP", {"chat": "120363000000000001@g.us", "sender": CHAT}),
        ("STOP", {"kind": "reaction"}),
        (None, {}),
        ("the bus does not stop here", {}),
        ("START", {}),
    ],
)
async def test_what_is_no_stop(scene: Scene, text: str | None, more: dict[str, Any]) -> None:
    """Our own words, a group's, a reaction, a sentence: nobody is made a customer by them."""
    await scene.says("A", text, **more)
    assert await opted_out(scene) == []


async def test_a_stop_that_is_reported_twice_is_one(scene: Scene, clock: FakeClock) -> None:
    """A START in between stands: the repetition is known by its id."""
    await scene.says("A", "STOP")
    await scene.change("UPDATE customers SET opted_out_at = NULL")
    assert not (await scene.says("A", "STOP")).new
    assert await opted_out(scene) == [None]


def assistant(scene: Scene) -> Script:
    engine = EmbeddedEngine(scene.store)

    async def answer(turn: Turn) -> Answer:
        return await engine.answer(turn)

    return answer


async def test_stop_and_start_in_a_conversation(scene: Scene) -> None:
    """Both are answered by words that say how to undo them; the first says that it is automatic."""
    async with running(scene, assistant(scene)) as hub:
        await told(hub, "A", "توقف")
        assert (await opted_out(scene)) != [None]
        await told(hub, "B", "ابدأ")
    first, second = [order.text or "" for order in await scene.orders()]
    assert languages()["ar"].disclosure in first
    assert "ابدأ" in first
    assert "توقف" in second
    assert languages()["ar"].disclosure not in second
    assert await opted_out(scene) == [None]


async def told(hub: Hub, wa_id: str, text: str) -> None:
    """A message, and whatever follows it."""
    await hub.says(wa_id, text)
    hub.later(4)
    await hub.settles()


async def hands_over(_: Turn) -> Answer:
    return Answer(text="I call someone.", path="p", handover="asked for a person")


async def fails(_: Turn) -> Answer:
    raise RuntimeError("a defect")


@pytest.mark.parametrize("script", [echo, hands_over, fails])
async def test_every_first_reply_discloses(scene: Scene, script: Script) -> None:
    """An answer, a call for a person and the words for a failure; again after a day, not before."""
    async with running(scene, script) as hub:
        await told(hub, "A", "hello")
        await scene.change("UPDATE chats SET paused_until = NULL, handed_over_at = NULL")
        await told(hub, "B", "are you there?")
        await scene.change("UPDATE chats SET paused_until = NULL, handed_over_at = NULL")
        hub.later(24 * HOUR)
        await told(hub, "C", "hello again")
    texts = [order.text or "" for order in await scene.orders()]
    assert [DISCLOSURE in text for text in texts] == [True, False, True]


async def test_what_the_owner_wrote_is_no_disclosure(scene: Scene, clock: FakeClock) -> None:
    """The first reply after the owner's own words still says that it is automatic."""
    async with running(scene) as hub:
        await hub.says("O", "I am here", from_me=True)
        hub.later(13 * HOUR)
        await told(hub, "A", "hello")
    [order] = await scene.orders()
    assert (order.text or "").endswith(DISCLOSURE)


async def test_a_suggestion_discloses_and_only_a_sent_one_counts(scene: Scene) -> None:
    """Each draft has the notice until a customer has read one."""
    await scene.change("UPDATE tenants SET mode = 'suggest'")
    async with running(scene) as hub:
        await told(hub, "A", "hello")
        await told(hub, "B", "are you there?")
    [turn] = await scene.turns()
    assert turn["reply"] == f"hello + are you there?\n\n{DISCLOSURE}"
    assert await scene.rows("SELECT 1 FROM chats WHERE disclosed_at IS NOT NULL") == []
