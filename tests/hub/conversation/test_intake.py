"""What a message does to its conversation, in the store."""

import pytest

from hub.conversation import records
from hub.conversation.turns import AgentRef, ChatState
from protocol import ids
from tests.fakes import FakeClock
from tests.hub.conversation.scene import ACCOUNT, CHAT, HOUR, KEY, MINUTE, Scene

GROUP = "120363000000000001@g.us"


async def test_a_message_opens_a_turn_that_is_due_after_the_quiet(
    scene: Scene, clock: FakeClock
) -> None:
    """Recorded, covered by the turn, the chat remembered."""
    intake = await scene.says("A", "hello")
    assert intake.new
    assert (intake.due_at, intake.due_latest) == (clock.now_ms() + 3_000, clock.now_ms() + 15_000)
    [message] = await scene.messages()
    assert (message["author"], message["text"]) == ("customer", "hello")
    assert message["turn_id"] == intake.turn_id
    [chat] = await scene.rows("SELECT * FROM chats")
    assert (chat["agent_id"], chat["name"]) == ("agt_a", "Asha")


async def test_a_burst_is_one_turn(scene: Scene, clock: FakeClock) -> None:
    """A second message joins the turn, raises its version and puts it off."""
    first = await scene.says("A")
    clock.advance(2)
    second = await scene.says("B")
    assert second.turn_id == first.turn_id
    assert second.cancel_running
    assert second.due_at == clock.now_ms() + 3_000
    [turn] = await scene.turns()
    assert turn["version"] == 2


async def test_a_message_is_taken_once_whoever_reports_it(scene: Scene) -> None:
    """The natural key holds per tenant: another epoch, event or agent changes nothing."""
    await scene.says("A")
    again = await scene.says("A", agent=AgentRef("ten_a", "agt_b"))
    assert not again.new
    assert again.turn_id is None
    assert len(await scene.messages()) == 1


async def test_the_newest_message_says_which_agent_replies(scene: Scene) -> None:
    """A reply goes to the agent whose event caused it."""
    await scene.says("A")
    await scene.says("B", agent=AgentRef("ten_a", "agt_b"))
    [turn] = await scene.turns()
    assert turn["agent_id"] == "agt_b"


@pytest.mark.parametrize("kind", ["media", "location", "contact"])
async def test_what_has_no_words_starts_a_turn_too(scene: Scene, kind: str) -> None:
    """Text, media, location and contact start turns."""
    assert (await scene.says("A", None, kind=kind)).turn_id is not None


@pytest.mark.parametrize("kind", ["reaction", "other", "poll"])
async def test_reactions_and_unknown_kinds_are_recorded_only(scene: Scene, kind: str) -> None:
    """They are no question."""
    intake = await scene.says("A", kind=kind)
    assert intake.new
    assert intake.turn_id is None


@pytest.mark.parametrize("chat", [GROUP, "status@broadcast", "1@newsletter", "1@broadcast"])
async def test_what_is_not_one_to_one_is_recorded_and_never_answered(
    scene: Scene, chat: str
) -> None:
    """Groups, status, channels and broadcasts, whoever writes in them."""
    for wa_id, from_me in (("A", False), ("B", True)):
        intake = await scene.says(wa_id, chat=chat, sender="1@c.us", from_me=from_me)
        assert intake.new
        assert intake.turn_id is None
    assert {row["participant"] for row in await scene.messages()} == {"1@c.us"}
    assert await scene.turns() == []


async def test_two_people_in_a_group_may_use_one_id(scene: Scene) -> None:
    """The participant belongs to the natural key."""
    assert (await scene.says("A", chat=GROUP, sender="1@c.us")).new
    assert (await scene.says("A", chat=GROUP, sender="2@c.us")).new


async def test_two_chats_may_use_one_id(scene: Scene) -> None:
    """The chat belongs to the natural key: both customers are answered."""
    await scene.says("A")
    await scene.says("A", chat="919800000002@c.us")
    assert len(await scene.turns()) == 2


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE tenants SET mode = 'off'",
        "UPDATE tenants SET contact_policy = 'chosen'",
        """UPDATE tenants SET settings = '{"never": ["+919800000001"]}'""",
    ],
)
async def test_who_must_not_be_answered_is_recorded_only(scene: Scene, change: str) -> None:
    """Mode off, a contact that was not chosen, and the never-list."""
    await scene.change(change)
    intake = await scene.says("A")
    assert intake.new
    assert intake.turn_id is None


async def test_the_owner_pauses_the_bot_and_ends_the_turn(scene: Scene, clock: FakeClock) -> None:
    """A message from the phone is a takeover for as long as the shop says."""
    turn_id = (await scene.says("A")).turn_id
    intake = await scene.says("O", "I will look", from_me=True)
    assert (intake.turn_id, intake.due_at, intake.cancel_running) == (turn_id, None, True)
    assert await scene.states() == [("dropped", "owner_replied")]
    assert (await scene.says("B")).turn_id is None
    clock.advance(12 * HOUR)
    assert (await scene.says("C")).turn_id is not None


async def test_an_old_message_of_the_owners_ends_only_what_came_before_it(
    scene: Scene, clock: FakeClock
) -> None:
    """A sweep that finds yesterday's talk neither silences today's bot nor drops today's turn."""
    asked = await scene.says("A", age_s=14 * HOUR)
    assert (await scene.says("O", from_me=True, age_s=13 * HOUR)).turn_id == asked.turn_id
    await scene.says("B")
    intake = await scene.says("P", from_me=True, age_s=12.5 * HOUR)
    assert intake.turn_id is None
    assert await scene.states() == [("dropped", "owner_replied"), ("pending", None)]


async def test_the_owner_also_settles_what_waits_and_what_was_suggested(scene: Scene) -> None:
    """Nobody is reminded of what was dealt with; no running answer is meant by it."""
    turn_id = (await scene.says("A")).turn_id
    for state in ("waiting", "suggested"):
        await scene.change("UPDATE turns SET state = ? WHERE turn_id = ?", state, turn_id)
        intake = await scene.says(f"O{state}", from_me=True)
        assert not intake.cancel_running
        assert await scene.states() == [("dropped", "owner_replied")]


async def test_whom_the_owner_wrote_first_is_no_unknown_contact(
    scene: Scene, clock: FakeClock
) -> None:
    """Policy `unknown` leaves acquaintances alone for good."""
    await scene.change("UPDATE tenants SET contact_policy = 'unknown'")
    await scene.says("O", from_me=True)
    clock.advance(13 * HOUR)
    assert (await scene.says("A")).turn_id is None
    assert (await scene.says("A", chat="919800000002@c.us")).turn_id is not None


async def test_an_edit_before_the_answer_changes_the_turn(scene: Scene, clock: FakeClock) -> None:
    """The wait begins anew and an answer under way no longer fits."""
    first = await scene.says("A", "4 cartons")
    clock.advance(1)
    edit = await scene.says("E", "5 cartons", kind="edit", reply_to="A")
    assert (edit.turn_id, edit.cancel_running) == (first.turn_id, True)
    assert edit.due_at == clock.now_ms() + 3_000


async def test_revoking_everything_drops_the_turn(scene: Scene) -> None:
    """One of two revoked leaves a turn; both leave none."""
    turn_id = (await scene.says("A")).turn_id
    await scene.says("B")
    assert (await scene.says("R", None, kind="revoke", reply_to="A")).due_at is not None
    last = await scene.says("S", None, kind="revoke", reply_to="B")
    assert (last.turn_id, last.due_at, last.cancel_running) == (turn_id, None, True)
    assert await scene.states() == [("dropped", "revoked")]


@pytest.mark.parametrize("reply_to", ["A", "never-seen", None])
async def test_a_change_after_the_answer_is_recorded_only(
    scene: Scene, reply_to: str | None
) -> None:
    """So is one whose target nobody knows."""
    await scene.says("A")
    await scene.change("UPDATE turns SET state = 'answered'")
    intake = await scene.says("E", "other", kind="edit", reply_to=reply_to)
    assert intake.new
    assert intake.turn_id is None


async def test_a_change_of_a_message_outside_any_turn_is_recorded_only(scene: Scene) -> None:
    """A reaction is covered by none."""
    await scene.says("A", kind="reaction")
    assert (await scene.says("R", None, kind="revoke", reply_to="A")).turn_id is None


async def test_a_customer_cannot_change_what_we_wrote(scene: Scene) -> None:
    """A revoke from the other side finds no target."""
    await scene.says("O", from_me=True)
    assert (await scene.says("R", None, kind="revoke", reply_to="O")).turn_id is None


async def test_a_new_message_takes_an_unsent_draft_back(scene: Scene, clock: FakeClock) -> None:
    """The next draft covers both messages."""
    turn_id = (await scene.says("A")).turn_id
    await scene.change("UPDATE turns SET state = 'suggested', reply = 'draft'")
    clock.advance(HOUR)
    intake = await scene.says("B")
    assert intake.turn_id == turn_id
    assert intake.due_at == clock.now_ms() + 3_000
    [turn] = await scene.turns()
    assert (turn["state"], turn["reply"], turn["version"]) == ("pending", None, 2)


async def test_a_turn_that_waits_for_a_person_does_not_hold_up_the_next(scene: Scene) -> None:
    """The old one stays with the person, the new message is the bot's."""
    first = await scene.says("A", age_s=7 * HOUR)
    await scene.change("UPDATE turns SET state = 'waiting'")
    assert (await scene.says("B")).turn_id != first.turn_id


async def test_our_own_echo_is_neither_recorded_nor_the_owners(scene: Scene) -> None:
    """A from_me message under the key of one that we sent, even under another alias of the chat."""
    await scene.says("A")
    await scene.change("UPDATE messages SET direction = 'out', event_id = 'e'")
    for chat in (CHAT, "77@lid"):
        intake = await scene.says("A", from_me=True, chat=chat)
        assert not intake.new
    assert len(await scene.messages()) == 1
    assert await scene.rows("SELECT 1 FROM chats WHERE paused_until IS NOT NULL") == []


def derived(wa_id: str) -> str:
    return ids.whatsapp_key(ids.reply_id(ACCOUNT, CHAT, "", wa_id, 0))


async def test_a_reply_that_the_hub_lost_is_known_by_its_key(scene: Scene) -> None:
    """After a restore: the echo ends the turn as answered and is no takeover."""
    turn_id = (await scene.says("A")).turn_id
    intake = await scene.says(derived("A"), "the reply", from_me=True)
    assert (intake.turn_id, intake.cancel_running) == (turn_id, True)
    assert await scene.states() == [("answered", None)]
    reply = (await scene.messages())[-1]
    assert (reply["author"], reply["state"]) == ("bot", "sent")
    assert reply["event_id"] == str(ids.reply_id(KEY.account, KEY.chat, "", "A", 0))
    assert await scene.rows("SELECT 1 FROM chats WHERE paused_until IS NOT NULL") == []


async def test_a_lost_reply_does_not_answer_what_came_after_it(scene: Scene) -> None:
    """Its key covers the turn up to one message; a newer one is still open."""
    await scene.says("A")
    await scene.says("B")
    intake = await scene.says(derived("A"), "the reply", from_me=True)
    assert intake.turn_id is None
    assert await scene.states() == [("pending", None)]


async def test_a_lost_reply_to_a_message_outside_any_turn_is_recorded(scene: Scene) -> None:
    """Nothing is left to end."""
    await scene.change("UPDATE tenants SET mode = 'off'")
    await scene.says("A")
    assert (await scene.says(derived("A"), from_me=True)).turn_id is None
    assert (await scene.messages())[-1]["author"] == "bot"


async def test_a_lost_reply_to_the_oldest_message_in_view_is_taken(scene: Scene) -> None:
    """Its own row pushes the message that it answers out of what is looked at."""
    await scene.says("A")
    for number in range(records.RECENT_MAX - 1):
        await scene.says(f"B{number}")
    intake = await scene.says(derived("A"), from_me=True)
    assert (intake.new, intake.turn_id) == (True, None)
    assert (await scene.messages())[-1]["state"] == "sent"


async def test_the_chat_keeps_its_customers_name(scene: Scene, clock: FakeClock) -> None:
    """What the owner is called is not the customer's name; an old message is not the last."""
    await scene.says("A")
    await scene.says("B", age_s=MINUTE)
    await scene.says("O", from_me=True)
    [chat] = await scene.rows("SELECT * FROM chats")
    assert chat["name"] == "Asha"


async def test_an_unknown_tenant_is_a_defect(scene: Scene) -> None:
    """Nothing of the message is kept."""
    with pytest.raises(LookupError):
        await scene.says("A", agent=AgentRef("ten_x", "agt_x"))
    assert await scene.messages() == []


async def test_a_chat_that_nobody_wrote_in_has_the_default_state(scene: Scene) -> None:
    """No row is no obstacle."""
    chat = await scene.store.read(lambda tx: records.chat(tx, KEY))
    assert (chat.name, chat.state) == (None, ChatState())
