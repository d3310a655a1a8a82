"""What operators and shops have to say goes out once, and does what it says."""

import asyncio
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import pytest

from hub.assistant.engine import Answer, Turn
from hub.commerce.carts import Cart
from hub.commerce.effects import SetCart
from hub.commerce.pricing import Line
from hub.conversation import outgoing, turns
from hub.conversation.outgoing import LIFE_MS
from hub.conversation.sending import end
from hub.store.database import Store
from hub.store.errors import StoreBusy
from hub.store.policy import DEFAULTS, TenantPolicy
from hub.store.writer import Op
from protocol import ids
from protocol.messages import MessageSend
from tests.fakes import FakeClock
from tests.hub.conversation.desk import Desk
from tests.hub.conversation.scene import HOUR, KEY, Scene, open_scene, running
from tests.hub.conversation.test_acting import Clerk, sells_tea

T = TypeVar("T")


@pytest.fixture
def desk(scene: Scene) -> Desk:
    return Desk(scene)


async def test_an_operators_words_go_out_and_the_bot_steps_back(
    desk: Desk, scene: Scene, clock: FakeClock
) -> None:
    """The order, the words in the chat, the pause and the end of the open turn, together."""
    asked = await scene.says("A", "are you open?")
    outgoing_id = await desk.replies("Yes, until eight.")
    await desk.looks()
    [order] = await scene.orders()
    assert isinstance(order, MessageSend)
    assert (order.chat, order.text) == (KEY.chat, "Yes, until eight.")
    assert [delivered.agent_id for delivered in desk.delivered] == ["agt_a"]
    said = (await scene.messages())[-1]
    assert (said["author"], said["event_id"], said["state"]) == ("owner", outgoing_id, "queued")
    chat = await desk.chat()
    assert chat["paused_until"] == clock.now_ms() + 12 * 3_600_000
    assert chat["owner_wrote"] == 0  # a customer who was answered is no acquaintance
    assert await scene.states() == [("dropped", "owner_replied")]
    assert [(i.turn_id, i.cancel_running) for i in desk.taken] == [(asked.turn_id, True)]
    assert await desk.outcomes() == ["ordered"]
    assert (await scene.rows("SELECT text FROM outgoing")) == [{"text": None}]


async def test_the_bot_is_silent_from_the_command_on(desk: Desk, scene: Scene) -> None:
    """Not only from the worker's next look: a turn that is due in between is not answered."""
    await scene.says("A")
    await desk.replies("I am on it")
    async with running(scene) as hub:
        hub.later(3)
        await hub.settles()
    assert await scene.orders() == []
    assert await scene.states() == [("dropped", "taken_over")]


async def test_the_echo_of_an_operators_words_is_ours(desk: Desk, scene: Scene) -> None:
    """Under any alias of the chat it is neither recorded again nor another takeover."""
    await scene.says("A")
    key = ids.whatsapp_key(UUID(await desk.replies("Yes")))
    await desk.looks()
    await scene.change("UPDATE chats SET paused_until = NULL")
    for chat in (KEY.chat, "77@lid"):
        assert not (await scene.says(key, "Yes", from_me=True, chat=chat)).new
    assert [row["author"] for row in await scene.messages()] == ["customer", "owner"]
    assert (await desk.chat())["paused_until"] is None


async def test_an_agent_tells_what_became_of_an_operators_words(desk: Desk, scene: Scene) -> None:
    """States move forward as those of replies do."""
    await scene.says("A")
    outgoing_id = await desk.replies("Yes")
    await desk.looks()
    for state, kept in (("sent", "sent"), ("read", "read"), ("delivered", "read")):
        await scene.hears(outgoing_id, state)  # type: ignore[arg-type] # a state
        assert (await scene.messages())[-1]["state"] == kept


async def test_words_of_which_a_restored_hub_knows_nothing_are_the_owners(scene: Scene) -> None:
    """Their key derives from no message: a person wrote them, and the bot stays back."""
    await scene.says("A")
    assert (await scene.says("3EB0LOST", "Yes", from_me=True)).new
    assert await scene.states() == [("dropped", "owner_replied")]


async def test_a_draft_goes_out_as_it_was_read(desk: Desk, scene: Scene, clock: FakeClock) -> None:
    """Its id is that of the turn's one reply; the disclosure in it is remembered."""
    await desk.drafts()
    [turn] = await scene.turns()
    await desk.approves()
    await desk.looks()
    [order] = await scene.orders()
    assert order.text == turn["reply"]
    assert DEFAULTS.disclosure in turn["reply"]
    [row] = await scene.rows("SELECT event_id FROM down_events")
    assert row["event_id"] == str(ids.reply_id(KEY.account, KEY.chat, "", "A", 0))
    said = (await scene.messages())[-1]
    assert (said["author"], said["turn_id"], said["text"]) == ("bot", turn["turn_id"], order.text)
    assert await scene.states() == [("answered", None)]
    chat = await desk.chat()
    assert (chat["disclosed_at"], chat["paused_until"]) == (clock.now_ms(), None)


async def test_other_words_disclose_nothing(desk: Desk, scene: Scene) -> None:
    """A person wrote them."""
    await desk.drafts()
    await desk.approves("my own words")
    await desk.looks()
    assert [order.text for order in await scene.orders()] == ["my own words"]
    assert await scene.states() == [("answered", None)]
    assert (await desk.chat())["disclosed_at"] is None


async def test_an_approved_draft_does_what_it_says(desk: Desk, scene: Scene) -> None:
    """In the transaction that sends it; whoever makes papers hears of it."""
    clerk = Clerk(scene, await sells_tea(scene))
    for wa_id in ("A", "B", "C"):
        await desk.drafts(wa_id, clerk)
        await desk.approves()
        await desk.looks()
    assert [row["order_no"] for row in await scene.rows("SELECT order_no FROM orders")] == [
        "A-1001"
    ]
    assert (await scene.texts())[-1] == "done, see A-1001"
    assert desk.acted == 3
    assert [state for state, _ in await scene.states()] == ["answered"] * 3


async def test_a_draft_names_the_number_that_its_order_got(desk: Desk, scene: Scene) -> None:
    """The one thing in which it may differ from what was read."""
    clerk = Clerk(scene, await sells_tea(scene))
    clerk.says_number = "A-1007"
    for wa_id in ("A", "B", "C"):
        await desk.drafts(wa_id, clerk)
        await desk.approves()
        await desk.looks()
    assert (await scene.texts())[-1] == "done, see A-1001"


async def test_other_words_do_nothing_of_what_the_draft_would_have_done(
    desk: Desk, scene: Scene
) -> None:
    """Nobody knows whether they still say it."""
    await desk.drafts("A", Clerk(scene, await sells_tea(scene)))
    await desk.approves("No tea today")
    await desk.looks()
    assert await scene.rows("SELECT * FROM cart_lines") == []
    assert desk.acted == 0


async def test_the_drafts_own_words_typed_anew_are_the_draft(desk: Desk, scene: Scene) -> None:
    """An edit that changes nothing is none."""
    await desk.drafts("A", Clerk(scene, await sells_tea(scene)))
    [turn] = await scene.turns()
    await desk.approves(turn["reply"])
    await desk.looks()
    assert len(await scene.rows("SELECT * FROM cart_lines")) == 1


async def test_a_draft_that_the_shop_overtook_is_made_anew(desk: Desk, scene: Scene) -> None:
    """Nothing of it happens or is said; the customer is answered by what is true now."""
    tea = await sells_tea(scene)

    async def empties(_: Turn) -> Answer:
        wrong = SetCart(Cart((Line(tea, 7),)), Cart())
        return Answer(text="emptied", path="test", effects=(wrong,))

    await desk.drafts("A", empties)
    await desk.approves()
    await desk.looks()
    assert await scene.orders() == []
    assert await desk.outcomes() == ["overtaken"]
    assert await scene.states() == [("pending", None)]
    [intake] = desk.taken
    assert intake.due_at is not None
    await desk.drafts("B")
    await desk.approves()
    await desk.looks()
    assert await scene.texts() == ["hi + hi"]


@pytest.mark.parametrize("text", [None, "my own words"])
async def test_a_draft_that_a_newer_message_took_back_is_not_sent(
    desk: Desk, scene: Scene, text: str | None
) -> None:
    """Whether another draft is there by then or not."""
    await desk.drafts()
    await desk.approves(text)
    await scene.says("B")
    await desk.looks()
    assert await desk.outcomes() == ["changed"]
    assert await scene.states() == [("pending", None)]
    await desk.drafts("C")
    await desk.approves(text)
    await desk.looks()
    assert len(await scene.orders()) == 1


async def test_a_draft_that_an_edit_changed_can_be_approved_anew(desk: Desk, scene: Scene) -> None:
    """The newest message is the same and so is the id of its reply; the version is not."""
    await desk.drafts("A", text="4 cartons")
    await desk.approves()
    await desk.drafts("E", text="5 cartons", kind="edit", reply_to="A")
    await desk.looks()
    assert (await desk.outcomes(), await scene.orders()) == (["changed"], [])
    await desk.approves()
    await desk.looks()
    assert (await desk.outcomes(), await scene.texts()) == (["ordered"], ["5 cartons"])


async def test_a_draft_is_approved_once(desk: Desk, scene: Scene) -> None:
    """The second click finds it on its way, or sent."""
    await desk.drafts()
    assert await desk.approves() is not None
    assert await desk.approves("other words") is None
    await desk.looks()
    assert await desk.approves() is None
    await desk.looks()
    assert len(await scene.orders()) == 1


async def test_an_approved_handover_gives_the_chat_to_a_person(
    desk: Desk, scene: Scene, clock: FakeClock
) -> None:
    """As one that the bot announces by itself does; other words announce nothing."""

    async def calls(_: Turn) -> Answer:
        return Answer(text="I am calling someone", path="test", handover="complaint")

    await desk.drafts("A", calls)
    await desk.approves()
    await desk.looks()
    assert await scene.states() == [("waiting", "complaint")]
    chat = await desk.chat()
    assert chat["handed_over_at"] == clock.now_ms()
    assert chat["paused_until"] == clock.now_ms() + 12 * 3_600_000
    await scene.change("UPDATE chats SET paused_until = NULL")
    await desk.drafts("B", calls)
    await desk.approves("Sorry, what happened?")
    await desk.looks()
    assert (await scene.states())[-1] == ("answered", None)
    chat = await desk.chat()
    assert (chat["handed_over_at"], chat["paused_until"]) == (None, None)


async def test_a_draft_whose_sending_fails_waits_for_a_person(desk: Desk, scene: Scene) -> None:
    """Its message is the reply of its turn."""
    await desk.drafts()
    one = await desk.approves()
    assert one is not None
    await desk.looks()
    await scene.hears(one.outgoing_id, "failed")
    assert await scene.states() == [("waiting", "send_failed")]


async def test_a_draft_whose_sending_a_restored_hub_forgot_is_answered(
    desk: Desk, scene: Scene
) -> None:
    """By its echo or by its fate, whichever an agent tells: nobody approves it twice."""
    reply = ids.reply_id(KEY.account, KEY.chat, "", "A", 0)
    await desk.drafts()
    await scene.hears(str(reply), "delivered")
    assert await scene.states() == [("answered", None)]
    assert await desk.approves() is None


async def test_its_echo_tells_the_same(desk: Desk, scene: Scene) -> None:
    """The words come back with it."""
    await desk.drafts()
    key = ids.whatsapp_key(ids.reply_id(KEY.account, KEY.chat, "", "A", 0))
    await scene.says(key, "hi", from_me=True)
    assert await scene.states() == [("answered", None)]


async def test_a_draft_waits_for_what_its_agent_has_to_tell(scene: Scene) -> None:
    """After a restore it may be answered already; a person's own words need not wait."""
    desk = Desk(scene, known=False)
    await desk.drafts()
    await desk.approves()
    await desk.looks()
    assert await desk.outcomes() == [None]
    await desk.replies("I am on it")
    await desk.looks()
    assert await desk.outcomes() == [None, "ordered"]
    desk.known = True
    await desk.looks()
    assert await desk.outcomes() == ["changed", "ordered"]


@pytest.mark.parametrize("known", [True, False])
async def test_what_was_written_a_day_ago_is_not_sent(
    scene: Scene, clock: FakeClock, known: bool
) -> None:
    """The hub stood still, or the PC was away."""
    desk = Desk(scene, known=known)
    await desk.drafts()
    await desk.approves()
    await desk.replies("Yes")
    clock.advance(24 * HOUR)
    await desk.looks()
    assert await desk.outcomes() == ["too_old", "too_old"]
    assert await scene.orders() == []


async def test_words_for_a_pc_that_is_gone_are_refused(desk: Desk, scene: Scene) -> None:
    """Another PC of the same number takes them."""
    await scene.says("A")
    await scene.change("UPDATE agents SET revoked_at = 1")
    await desk.replies("Yes")
    await desk.looks()
    await scene.change(
        "INSERT INTO agents SELECT 'agt_n', tenant_id, name, os, version, created_at, NULL"
        " FROM agents"
    )
    await scene.change(
        "INSERT INTO agent_status (agent_id, tenant_id, since, account)"
        " VALUES ('agt_n', 'ten_a', 0, ?)",
        KEY.account,
    )
    await desk.replies("Yes")
    await desk.looks()
    assert await desk.outcomes() == ["no_agent", "ordered"]
    assert [order.agent_id for order in desk.delivered] == ["agt_n"]


async def test_a_chat_that_was_erased_takes_its_messages_with_it(desk: Desk, scene: Scene) -> None:
    await scene.says("A")
    await desk.replies("Yes")
    await scene.change("DELETE FROM chats")
    await desk.looks()
    assert await desk.outcomes() == ["no_chat"]


async def test_one_that_fails_by_a_defect_holds_up_no_other(desk: Desk, scene: Scene) -> None:
    """It is given up after three looks; here no frame could carry it."""
    await scene.says("A")
    await desk.replies("x" * 300_000)
    await desk.replies("Yes")
    for _ in range(3):
        await desk.looks()
    assert await desk.outcomes() == ["failed", "ordered"]
    assert await scene.texts() == ["Yes"]


async def test_more_than_a_page_is_sent_in_order(desk: Desk, scene: Scene) -> None:
    await scene.says("A")
    words = [str(number) for number in range(102)]
    for text in words:
        await desk.replies(text)
    await desk.looks()
    assert await scene.texts() == words


async def test_a_message_that_was_ended_is_not_ended_again(desk: Desk, scene: Scene) -> None:
    """Two looks that found the same row, as before and after a death: one order."""
    await scene.says("A")
    await desk.replies("Yes")
    now = scene.clock.now_ms()
    [found] = await scene.store.read(lambda tx: outgoing.due(tx, now, (-1, -1), 9))
    for outcome in ("ordered", None):
        ended = await scene.store.write(lambda tx: end(tx, found, now, DEFAULTS))
        assert ended.outcome == outcome
    assert len(await scene.orders()) == 1


async def test_news_of_an_order_goes_out_if_the_shop_says_so(desk: Desk, scene: Scene) -> None:
    """By day; it is neither a takeover nor an answer."""
    await scene.says("A")
    await desk.tells("packed")
    await desk.looks()
    await desk.sets(
        """UPDATE tenants SET settings =
           '{"order_updates": true, "quiet_from": "", "quiet_to": ""}'"""
    )
    await desk.tells("shipped")
    await desk.looks()
    assert await desk.outcomes() == ["switched_off", "ordered"]
    said = (await scene.messages())[-1]
    assert (said["author"], said["text"], said["turn_id"]) == ("bot", "shipped", None)
    assert await scene.states() == [("pending", None)]
    assert (await desk.chat())["paused_until"] is None


async def test_news_of_an_order_waits_for_the_morning(
    desk: Desk, scene: Scene, clock: FakeClock
) -> None:
    """The row says when; the shop's clock decides."""
    await scene.says("A")
    await desk.sets("""UPDATE tenants SET timezone = 'UTC', settings =
        '{"order_updates": true, "quiet_from": "00:00", "quiet_to": "23:59"}'""")
    await desk.tells("shipped")
    await desk.looks()
    [row] = await scene.rows("SELECT due_at, outcome FROM outgoing")
    assert row["outcome"] is None
    assert row["due_at"] > clock.now_ms()
    clock.set_wall(row["due_at"])
    await desk.looks()
    assert await desk.outcomes() == ["ordered"]


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ("UPDATE customers SET opted_out_at = 1", "opted_out"),
        ("UPDATE chats SET mode = 'off'", "switched_off"),
        (
            """UPDATE tenants SET settings = json_set(settings, '$.never',
               json('["+919800000001"]'))""",
            "barred",
        ),
    ],
)
async def test_news_that_nobody_wants_stays_unsaid(
    desk: Desk, scene: Scene, change: str, outcome: str
) -> None:
    """STOP, an assistant that is off, and the never-list."""
    clerk = Clerk(scene, await sells_tea(scene))
    await desk.sets(
        """UPDATE tenants SET settings =
           '{"order_updates": true, "quiet_from": "", "quiet_to": ""}'"""
    )
    await desk.drafts("A", clerk)
    await desk.approves()
    await desk.looks()  # now the customer is known
    await desk.sets(change)
    await desk.tells("shipped")
    await desk.looks()
    assert (await desk.outcomes())[-1] == outcome


@pytest.mark.core
def test_a_hidden_number_may_be_one_that_must_not_be_written_to() -> None:
    """Only where there are such numbers; any known number of the person counts."""
    policy = TenantPolicy(never=("+919800000001",))
    assert turns.is_barred(policy, "77@lid", ())
    assert not turns.is_barred(TenantPolicy(), "77@lid", ())
    assert turns.is_barred(policy, "77@lid", ("+91 98000 00002", "+91 98000 00001"))
    assert not turns.is_barred(policy, "919800000002@c.us", ("+91 98000 00002",))


async def test_what_was_ended_long_ago_is_forgotten(
    desk: Desk, scene: Scene, clock: FakeClock
) -> None:
    """What waits stays, however old."""
    await scene.says("A")
    await desk.replies("Yes")
    await desk.looks()
    await desk.replies("still waits")
    clock.advance(HOUR)
    now = clock.now_ms()
    assert await scene.store.write(lambda tx: outgoing.prune(tx, now, LIFE_MS)) == 0
    assert await scene.store.write(lambda tx: outgoing.prune(tx, now, 60_000)) == 1
    assert await desk.outcomes() == [None]


class Stubborn(Store):
    """A store that another process holds when it is first asked."""

    refusals = 1

    async def read(self, op: Op[T]) -> T:
        if self.refusals:
            self.refusals -= 1
            raise StoreBusy("held")
        return await super().read(op)


async def test_a_store_that_is_held_is_asked_again(tmp_path: Path, clock: FakeClock) -> None:
    """As soon as another process has written something; at the next look at the latest."""
    async with open_scene(tmp_path / "hub.db", clock, kind=Stubborn) as scene:
        desk, asked = Desk(scene), scene.store
        assert isinstance(asked, Stubborn)
        await scene.says("A")
        await desk.replies("Yes")
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            running_worker = group.create_task(desk.worker.run())
            while not desk.delivered:
                await scene.store.write(lambda _: None)  # any round through the store's thread
                desk.worker.wake()
            running_worker.cancel()
        assert asked.refusals == 0
        assert await desk.outcomes() == ["ordered"]
