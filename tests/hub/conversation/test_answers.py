"""What a due turn ends as: a reply, a draft, a handover, a person who is asked."""

import asyncio
import json

import msgspec
import pytest

from hub.assistant.engine import Answer, ToolCall, Turn
from hub.conversation.notices import languages, notices
from hub.store.policy import DEFAULTS
from tests.fakes import FakeClock
from tests.hub.conversation.scene import (
    HOUR,
    MINUTE,
    Gate,
    Scene,
    Script,
    echo,
    running,
)


async def test_the_engine_gets_the_shop_the_customer_and_the_context(scene: Scene) -> None:
    """What was said before the turn is context, what is to be answered is the turn."""
    async with running(scene) as hub:
        await hub.says("A", "one")
        hub.later(3)
        await hub.reaches("answered")
        await hub.says("B", "two")
        hub.later(3)
        await hub.reaches("answered", "answered")
    turn = hub.engine.asked[1]
    assert (turn.tenant.name, turn.tenant.currency, turn.customer_name) == ("Shop A", "INR", "Asha")
    assert [(line.author, line.text) for line in turn.messages] == [("customer", "two")]
    assert [line.author for line in turn.history] == ["customer", "bot"]
    assert await scene.texts() == ["one", "two"]


async def test_the_disclosure_comes_once_a_conversation(scene: Scene) -> None:
    """Not in every reply."""
    async with running(scene) as hub:
        for wa_id, done in (("A", ["answered"]), ("B", ["answered"] * 2)):
            await hub.says(wa_id, wa_id)
            hub.later(3)
            await hub.reaches(*done)
    disclosed = [DEFAULTS.disclosure in (order.text or "") for order in await scene.orders()]
    assert disclosed == [True, False]


async def test_a_message_of_20_minutes_is_answered_with_an_apology(scene: Scene) -> None:
    """One reply to everything, the engine knows that it is late."""
    async with running(scene) as hub:
        await hub.says("A", "one", age_s=40 * MINUTE)
        await hub.says("B", "two", age_s=20 * MINUTE)
        hub.later(3)
        await hub.reaches("answered")
    assert hub.engine.asked[0].late
    assert await scene.texts() == [f"{DEFAULTS.late_apology}\n\none + two"]
    [turn] = await scene.turns()
    assert turn["late"] == 1


async def test_a_message_of_7_hours_waits_for_a_person(scene: Scene) -> None:
    """The engine is not asked and nothing is sent."""
    async with running(scene) as hub:
        await hub.says("A", age_s=7 * HOUR)
        hub.later(3)
        await hub.reaches("waiting")
        assert hub.engine.asked == []
    assert await scene.states() == [("waiting", "stale")]
    assert await scene.orders() == []


async def test_suggest_drafts_and_sends_nothing(scene: Scene) -> None:
    """The draft waits for the operator; nobody sees the bot typing."""
    await scene.change("UPDATE tenants SET mode = 'suggest'")
    async with running(scene) as hub:
        await hub.says("A", "hello")
        hub.later(3)
        await hub.reaches("suggested")
    [turn] = await scene.turns()
    assert turn["reply"] == f"hello\n\n{DEFAULTS.disclosure}"
    assert await scene.orders() == []
    assert (hub.notified, hub.typing) == ([], [])


async def test_auto_that_became_suggest_in_mid_generation_drafts(scene: Scene) -> None:
    """The mode at commit is the one that counts."""
    gate = Gate()
    async with running(scene, gate) as hub:
        await hub.says("A")
        hub.later(3)
        await gate.entered.wait()
        await scene.change("UPDATE chats SET mode = 'suggest'")
        gate.open.set()
        await hub.reaches("suggested")
    assert await scene.orders() == []


async def broken(_: Turn) -> Answer:
    raise RuntimeError("with a customer's words in it")


async def silent(_: Turn) -> Answer:
    return Answer(text="  ", path="silent")


async def unrecordable(_: Turn) -> Answer:
    return Answer(text="hi", path="odd", tool_calls=(ToolCall("t", {"x": object()}, ""),))


async def hanging(_: Turn) -> Answer:
    await asyncio.Event().wait()
    raise AssertionError("nobody sets the event")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (broken, "engine_failed"),
        (silent, "engine_failed"),
        (unrecordable, "engine_failed"),
        (hanging, "engine_timeout"),
    ],
)
async def test_an_engine_that_fails_calls_a_person(
    scene: Scene, script: Script, reason: str
) -> None:
    """The customer is told so once, and never sees why."""
    async with running(scene, script, engine_timeout_s=0.05) as hub:
        await hub.says("A")
        hub.later(3)
        await hub.reaches("waiting")
        await hub.says("B")
        hub.later(3)
        await hub.reaches("waiting", "waiting")
        await hub.settles()
        hub.engine.script = echo
        await hub.says("C", "again")
        hub.later(3)
        await hub.reaches("waiting", "waiting", "answered")
        hub.engine.script = script
        await hub.says("D")
        hub.later(3)
        await hub.reaches("waiting", "waiting", "answered", "waiting")
    assert {r for s, r in await scene.states() if s == "waiting"} == {reason}
    assert await scene.texts() == [DEFAULTS.handover, "again", DEFAULTS.handover]


async def test_the_call_for_a_person_is_in_the_customers_language(scene: Scene) -> None:
    """A failed engine has told none: the message shows it."""
    assert "दुकान" in await _called(scene)


async def test_the_call_for_a_person_is_in_the_shops_own_words(scene: Scene) -> None:
    """Where it has some."""
    await scene.change("""UPDATE tenants SET settings = '{"handover": "Wait!"}'""")
    assert "Wait!" in await _called(scene)


async def _called(scene: Scene) -> str:
    async with running(scene, broken) as hub:
        await hub.says("A", "आप कहाँ हैं?")
        hub.later(3)
        await hub.reaches("waiting")
    (reply,) = await scene.texts()
    return reply or ""


async def test_an_engine_that_fails_for_a_draft_tells_only_the_operator(scene: Scene) -> None:
    """Mode suggest sends nothing, whatever happens."""
    await scene.change("UPDATE tenants SET mode = 'suggest'")
    async with running(scene, broken) as hub:
        await hub.says("A")
        hub.later(3)
        await hub.reaches("waiting")
    assert await scene.orders() == []


async def test_a_failure_that_comes_too_late_is_nobodys(scene: Scene) -> None:
    """The owner was faster, the worker heard nothing: no handover is announced."""
    gate = Gate()

    async def fails(turn: Turn) -> Answer:
        await gate(turn)
        raise RuntimeError

    async with running(scene, fails) as hub:
        await hub.says("A")
        hub.later(3)
        await gate.entered.wait()
        await scene.says("O", from_me=True)
        gate.open.set()
        await hub.settles()
    assert await scene.orders() == []


async def calling(_: Turn) -> Answer:
    return Answer(text="I call someone.", path="embedded.handover", handover="asked for a person")


async def test_a_handover_is_said_and_then_the_bot_is_silent(
    scene: Scene, clock: FakeClock
) -> None:
    """The turn waits for the person; the chat is theirs until the timer."""
    async with running(scene, calling) as hub:
        await hub.says("A")
        hub.later(3)
        await hub.reaches("waiting")
        await hub.says("B")
        hub.later(12 * HOUR)
        hub.engine.script = echo
        await hub.says("C", "still there?")
        hub.later(3)
        await hub.reaches("waiting", "answered")
    assert await scene.states() == [("waiting", "asked for a person"), ("answered", None)]
    assert await scene.texts() == ["I call someone.", "still there?"]


async def test_six_replies_in_a_minute_stop_the_bot_in_this_chat(scene: Scene) -> None:
    """The seventh waits for a person, as the customer hears once; another chat goes on."""
    await scene.change("""UPDATE tenants SET settings = '{"debounce_s": 0}'""")
    async with running(scene) as hub:
        for n in range(6):
            await hub.says(f"A{n}", f"word {n}")
            await hub.reaches(*["answered"] * (n + 1))
        await hub.says("A6")
        await hub.reaches(*["answered"] * 6, "waiting")
        assert (await hub.says("A7")).turn_id is None
        await hub.says("A8", chat="919800000002@c.us")
        await hub.reaches(*["answered"] * 6, "waiting", "answered")
    assert ("waiting", "loop") in await scene.states()
    assert len(await scene.orders()) == 8


async def test_the_trace_says_how_the_answer_came_about(scene: Scene) -> None:
    """Path, tools, time and what it covers; the operator can open it."""

    async def priced(_: Turn) -> Answer:
        scene.clock.advance(0.2)
        return Answer(text="5", path="p", tool_calls=(ToolCall("get_price", {"sku": "S"}, "ok"),))

    async with running(scene, priced) as hub:
        await hub.says("A")
        await hub.says("B")
        hub.later(3)
        await hub.reaches("answered")
    [turn] = await scene.turns()
    assert json.loads(turn["trace"]) == {
        "path": "p",
        "outcome": "answered",
        "engine": "embedded",
        "language": "en",
        "sending": "auto",
        "tool_calls": [{"name": "get_price", "args": {"sku": "S"}, "outcome": "ok"}],
        "latency_ms": 200,
        "messages": ["A", "B"],
    }


async def test_a_shop_may_switch_the_texts_off(scene: Scene) -> None:
    """An empty text is no text; a failure is then silent towards the customer but not the shop."""
    await scene.change(
        """UPDATE tenants SET settings = '{"disclosure": "", "handover": "", "late_apology": ""}'"""
    )
    async with running(scene) as hub:
        await hub.says("A", "hello", age_s=HOUR)
        hub.later(3)
        await hub.reaches("answered")
        hub.engine.script = broken
        await hub.says("B")
        hub.later(3)
        await hub.reaches("answered", "waiting")
    assert [order.text for order in await scene.orders()] == ["hello"]


async def test_notices_are_in_the_language_of_the_reply(scene: Scene) -> None:
    """Apology and disclosure; what the shop wrote itself stays as it is."""

    async def arabic(turn: Turn) -> Answer:
        return Answer(text="أهلاً", path="echo", language="ar")

    async with running(scene, arabic) as hub:
        await hub.says("A", age_s=20 * MINUTE)
        hub.later(3)
        await hub.reaches("answered")
    [first] = [order.text for order in await scene.orders()]
    ours = languages()["ar"]
    assert first == f"{ours.late_apology}\n\nأهلاً\n\n{ours.disclosure}"
    own = msgspec.structs.replace(DEFAULTS, disclosure="I am a bot.")
    assert notices(own, "ar") == msgspec.structs.replace(ours, disclosure="I am a bot.")


def test_the_english_notices_are_the_defaults_that_a_shop_may_change() -> None:
    assert notices(DEFAULTS, "xx") == languages()["en"]
    assert languages()["en"].disclosure == DEFAULTS.disclosure
    assert languages()["en"].late_apology == DEFAULTS.late_apology
