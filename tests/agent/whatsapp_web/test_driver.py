"""The driver in a real browser, with the unmodified wa-js on the stand-in page.

This proves the driver against wa-js, not wa-js against WhatsApp: `docs/live-checklist.md` does.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from msgspec.structs import replace

from agent.drivers.driver import Lookup
from agent.drivers.whatsapp_web import PageUnavailableError
from agent.drivers.whatsapp_web.evidence import Hearing, Patience
from agent.drivers.whatsapp_web.ladder import TAKEOVERS_PER_HOUR
from agent.drivers.whatsapp_web.upkeep import Rules
from tests.agent.practice.stage import Person, Phone, practice_phone
from tests.agent.whatsapp_web.shop import ACCOUNT, Shop, open_shop, order, web_settings

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def phone(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Phone]:
    state = tmp_path_factory.mktemp("phone") / "state.jsonl"
    async with practice_phone("--state", str(state)) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(phone: Phone, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    settings = web_settings(tmp_path_factory.mktemp("shop"), phone.process.web_url)
    async with open_shop(settings) as running:
        await running.until("ready")
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def customer(phone: Phone) -> Person:
    return await phone.new_person()


async def test_a_text_arrives_with_all_that_is_known_of_its_writer(
    shop: Shop, phone: Phone
) -> None:
    """A customer under a LID whose phone the page knows is told with both, and with the account."""
    customer = await phone.new_person(name="Mona")
    message = await shop.sink.message(await customer.write("سلام, price?"))
    assert (message.account, message.chat, message.kind) == (ACCOUNT, customer.chat, "text")
    assert (message.text, message.live, message.from_me) == ("سلام, price?", True, False)
    assert (message.sender.id, message.sender.lid) == (customer.chat, customer.chat)
    assert message.sender.phone is not None
    assert message.sender.phone.startswith("+9198000000")
    assert message.sender.name == "Mona"


async def test_a_hidden_phone_stays_unknown(shop: Shop, phone: Phone) -> None:
    """Where WhatsApp does not tell the number behind a LID, none is made up."""
    customer = await phone.new_person(hidden_phone=True)
    message = await shop.sink.message(await customer.write("hi"))
    assert message.sender.phone is None


async def test_a_customer_under_a_phone_number_is_answered_there(shop: Shop, phone: Phone) -> None:
    """A chat that goes by phone number keeps its name, in both directions."""
    customer = await phone.new_person(by_phone=True)
    message = await shop.sink.message(await customer.write("hi"))
    assert message.chat == customer.chat
    assert message.sender.lid is None
    outcome = await shop.driver.send(order("A0", customer.chat, "hello"))
    assert outcome.state == "sent"


async def test_a_group_message_names_group_and_writer(shop: Shop, phone: Phone) -> None:
    """Groups are told, so that they can be recorded; the sender is the member who wrote."""
    await phone.new_person()
    group = await phone.new_group("c11", "c12")
    message = await shop.sink.message(await group.write("all of you", author="c12"))
    assert message.chat == group.chat
    assert message.sender.id.endswith("@lid")
    refused = await shop.driver.send(order("A1", group.chat, "no"))
    assert (refused.state, refused.code) == ("failed", "not_one_to_one")


async def test_a_message_that_is_unreadable_at_first_is_told_once(
    shop: Shop, customer: Person
) -> None:
    """wa-js tells a late decryption twice under one key; only the text counts."""
    key = await customer.write("now readable", sealed_s=0.2)
    message = await shop.sink.message(key)
    assert message.text == "now readable"
    assert [m.wa_id for m in shop.sink.messages].count(key) == 1


async def test_the_owners_own_message_is_told_as_ours(shop: Shop, customer: Person) -> None:
    """What the owner writes from the phone arrives with `from_me`."""
    message = await shop.sink.message(await customer.owner_writes("I take over"))
    assert (message.from_me, message.chat) == (True, customer.chat)


async def test_a_message_goes_out_once_under_the_chosen_key(shop: Shop, customer: Person) -> None:
    """Sent, delivered and read are told under our key, and the customer saw it once."""
    wanted = order("A2", customer.chat, "Reply *one*\nsecond line")
    await shop.sink.message(await customer.write("hi"))
    assert (await shop.driver.send(wanted)).state == "sent"
    await customer.sees_until(lambda seen: seen["messages"][-1]["state"] == "delivered")
    await customer.reads()
    assert await shop.sink.states_of(wanted.key, "read") == ["sent", "delivered", "read"]
    last = (await customer.sees())["messages"][-1]
    assert (last["key"], last["text"], last["arrivals"]) == (wanted.key, wanted.text, 1)
    assert await shop.driver.look_up(wanted) is Lookup.ACKNOWLEDGED


async def test_a_key_that_whatsapp_acknowledged_is_not_handed_over_again(
    shop: Shop, customer: Person
) -> None:
    """Sending a second time under an acknowledged key says `sent` and touches nothing."""
    wanted = order("A3", customer.chat, "once")
    assert (await shop.driver.send(wanted)).state == "sent"
    assert (await shop.driver.send(wanted)).state == "sent"
    assert [m["arrivals"] for m in (await customer.sees())["messages"]] == [1]


async def test_a_lost_acknowledgement_is_unknown_and_its_repeat_is_shown_once(
    shop: Shop, phone: Phone, customer: Person
) -> None:
    """No acknowledgement: in doubt. The same key again reaches the customer as the same message."""
    wanted = order("A4", customer.chat, "perhaps twice")
    await phone.set_faults(lose_ack=True)
    assert (await shop.driver.send(wanted)).state == "unknown"
    assert await shop.driver.look_up(wanted) is Lookup.PENDING
    await phone.set_faults()
    assert (await shop.driver.send(wanted)).state == "sent"
    messages = (await customer.sees())["messages"]
    assert [(m["text"], m["arrivals"]) for m in messages] == [("perhaps twice", 2)]


async def test_a_key_that_was_never_used_is_absent(shop: Shop, customer: Person) -> None:
    """Only a key that the page does not have may be sent again without a question."""
    assert await shop.driver.look_up(order("A5", customer.chat, "?")) is Lookup.ABSENT


async def test_a_quoted_message_is_named(shop: Shop, customer: Person) -> None:
    """A reply names what it answers; one that is gone is left out."""
    asked = await customer.write("which one?")
    await shop.sink.message(asked)
    wanted = order("A6", customer.chat, "this one", reply_to=asked)
    assert (await shop.driver.send(wanted)).state == "sent"
    told = await shop.sink.message(wanted.key)
    assert told.reply_to == asked
    lost = order("A7", customer.chat, "still said", reply_to="3A00")
    assert (await shop.driver.send(lost)).state == "sent"


async def test_typing_and_reading_are_shown_to_the_customer(shop: Shop, customer: Person) -> None:
    """The customer sees *typing…* begin and end, and the ticks of a read message."""
    await shop.sink.message(await customer.write("anybody there?"))
    await shop.driver.mark_read(customer.chat)
    await customer.sees_until(lambda seen: seen["messages"][0]["state"] == "read")
    await shop.driver.typing(customer.chat, True)
    await customer.sees_until(lambda seen: bool(seen["chat"]["shop_typing"]))
    await shop.driver.typing(customer.chat, False)
    await customer.sees_until(lambda seen: not seen["chat"]["shop_typing"])


async def test_a_typing_customer_is_told(shop: Shop, customer: Person) -> None:
    """A customer of a chat that is new to the page is heard composing as well."""
    await shop.sink.message(await customer.write("well"))
    await customer.types(True)
    await shop.sink.until(lambda: (customer.chat, True) in shop.sink.composings)
    await customer.types(False)
    await shop.sink.until(lambda: (customer.chat, False) in shop.sink.composings)


async def test_a_sweep_finds_both_sides_of_a_chat_in_order(
    shop: Shop, phone: Phone, customer: Person
) -> None:
    """More messages than one page of the store holds come oldest first, groups left out."""
    group = await phone.new_group("c11")
    await shop.sink.message(await group.write("not for the sweep"))
    keys = [await customer.write(f"number {n}") for n in range(60)]
    await shop.sink.message(keys[-1])
    since_ms = next(m for m in shop.sink.messages if m.wa_id == keys[0]).sent_at.ms
    found = [m async for m in shop.driver.sweep(since_ms)]
    assert [m.wa_id for m in found if m.chat == customer.chat] == keys
    assert not any(m.chat == group.chat or m.live for m in found)


async def test_without_a_network_nothing_is_promised(
    shop: Shop, phone: Phone, customer: Person
) -> None:
    """Offline: a send is in doubt, a lookup impossible; what was written arrives afterwards."""
    await phone.set_faults(offline=True)
    await shop.until("offline")
    assert shop.driver.status.advice != ""
    wanted = order("A8", customer.chat, "not now")
    assert (await shop.driver.send(wanted)).state == "unknown"
    assert await shop.driver.look_up(wanted) is Lookup.UNAVAILABLE
    await shop.driver.mark_read(customer.chat)
    await shop.driver.typing(customer.chat, True)
    key = await customer.write("while you were away")
    await phone.set_faults()
    await shop.until("ready")
    assert (await shop.sink.message(key)).text == "while you were away"
    assert await shop.driver.look_up(wanted) is Lookup.ABSENT


async def test_a_session_that_another_window_took_is_a_conflict(shop: Shop, phone: Phone) -> None:
    """The owner is told; the session is not fought over."""
    await phone.set_faults(conflict=True)
    await shop.until("conflict")
    await shop.driver.take_over()
    await shop.until("ready")
    assert not (await phone.state())["faults"]["conflict"]


async def test_a_session_is_taken_back_where_the_setting_says_so(shop: Shop, phone: Phone) -> None:
    """Without a person; as often as an hour allows."""
    attendant = shop.driver._attendant
    ask = attendant._settings
    attendant._settings = replace(ask, takes_over=True, take_over_after_s=0)
    for _ in range(TAKEOVERS_PER_HOUR):
        seen = len(shop.sink.statuses)
        await phone.set_faults(conflict=True)
        await shop.until_again("ready", seen)
    attendant._settings = ask


async def test_a_page_that_loads_itself_anew_is_taken_up_again(
    shop: Shop, phone: Phone, customer: Person
) -> None:
    """After a reload the scripts are back in the page and messages are told."""
    seen = len(shop.sink.statuses)
    await phone.post("reload")
    await shop.until_again("ready", seen)
    message = await shop.sink.message(await customer.write("after the reload"))
    assert message.live


async def test_an_ordered_reload_is_taken_up_as_well(shop: Shop, customer: Person) -> None:
    """The hub's command loads the page anew, and everything works as before."""
    seen = len(shop.sink.statuses)
    await shop.driver.reload()
    await shop.until_again("ready", seen)
    await shop.sink.message(await customer.write("after the order"))


async def test_an_order_for_another_number_never_goes_out(shop: Shop, customer: Person) -> None:
    """The page itself looks whose it is: nothing is sent, and nothing is called absent."""
    foreign = replace(order("AA", customer.chat, "not ours"), account="+919800000008")
    assert (await shop.driver.send(foreign)).state == "unknown"
    assert await shop.driver.look_up(foreign) is Lookup.UNAVAILABLE
    assert (await customer.sees())["messages"] == []


async def test_a_broken_address_book_does_not_cost_a_message(shop: Shop, customer: Person) -> None:
    """The phone behind a LID is worth a try, and no more."""
    calls = shop.driver._calls
    assert calls is not None
    await calls._page.evaluate(
        "() => { require('WAWebApiContact').lidPnCache.getPhoneNumber = () => { throw 'moved'; }; }"
    )
    message = await shop.sink.message(await customer.write("still here"))
    assert message.sender.phone is None
    seen = len(shop.sink.statuses)
    await shop.driver.reload()
    await shop.until_again("ready", seen)


async def test_a_chat_that_cannot_be_shown_does_not_hide_the_others(
    shop: Shop, phone: Phone, customer: Person
) -> None:
    """All other chats are told, then it is said that the search was not whole."""
    other = await phone.new_person()
    for person in (customer, other):
        await shop.sink.message(await person.write("hello"))
    calls = shop.driver._calls
    assert calls is not None
    await calls._page.evaluate(
        "(chat) => Object.defineProperty(WPP.chat.get(chat), 'msgs', { value: null })",
        customer.chat,
    )
    found: set[str] = set()

    async def search() -> None:
        async for message in shop.driver.sweep(0):
            found.add(message.chat)

    with pytest.raises(PageUnavailableError):
        await search()
    assert other.chat in found
    assert customer.chat not in found
    seen = len(shop.sink.statuses)
    await shop.driver.reload()
    await shop.until_again("ready", seen)


async def test_a_killed_browser_is_started_again_and_the_sweep_finds_what_it_missed(
    shop: Shop, customer: Person
) -> None:
    """Kill -9 of the browser: no message is lost, and what was sent is still known."""
    wanted = order("A9", customer.chat, "before the kill")
    assert (await shop.driver.send(wanted)).state == "sent"
    seen = len(shop.sink.statuses)
    shop.browser().kill()
    missed = await customer.write("nobody hears me")
    await shop.until_again("ready", seen)
    assert missed in [m.wa_id async for m in shop.driver.sweep(0)]
    assert await shop.driver.look_up(wanted) is Lookup.ACKNOWLEDGED
    assert (await customer.sees())["messages"][0]["arrivals"] == 1


async def test_a_playwright_that_died_is_replaced(shop: Shop, customer: Person) -> None:
    """Nobody tells of its end, and its browser runs on: both are replaced."""
    seen, browser = len(shop.sink.statuses), shop.browser()
    shop.playwright().kill()
    await shop.until_again("ready", seen)
    await shop.sink.message(await customer.write("still there?"))
    assert not browser.is_running()


async def test_a_crashed_page_is_replaced(shop: Shop, customer: Person) -> None:
    """The renderer alone dies: a new page is enough, the browser stays."""
    seen, browser = len(shop.sink.statuses), shop.browser().pid
    for process in shop.renderers():
        process.kill()
    await shop.until_again("ready", seen)
    await shop.sink.message(await customer.write("and now?"))
    assert shop.browser().pid == browser


async def test_a_page_that_hangs_is_found_out_and_replaced(shop: Shop, customer: Person) -> None:
    """A renderer that is stopped answers no ping; its browser is ended and another started."""
    seen = len(shop.sink.statuses)
    for process in shop.renderers():
        process.suspend()
    await shop.until_again("ready", seen)
    await shop.sink.message(await customer.write("hello again"))


async def test_an_ended_link_is_said_and_a_new_one_taken_up(
    shop: Shop, phone: Phone, customer: Person
) -> None:
    """The owner's phone unlinks: `logged_out`, never a loop. Linked again: the history is there."""
    key = await customer.write("old message")
    await shop.sink.message(key)
    await phone.post("unlink")
    await shop.until("logged_out")
    await phone.post("link")
    await shop.until("ready")
    assert key in [m.wa_id async for m in shop.driver.sweep(0)]


async def test_ready_is_said_with_its_evidence(shop: Shop, customer: Person) -> None:
    """Main mode, login, an answered probe, and every badge a message that was recorded."""
    await shop.sink.message(await customer.write("seen?"))
    await shop.sink.until(lambda: _unread_known(shop) > 0)
    evidence = shop.driver.status.evidence
    assert evidence is not None
    assert (evidence.stream_mode, evidence.authenticated) == ("MAIN", True)
    assert evidence.ping_ms is not None
    assert evidence.last_event_ms is not None
    assert evidence.unread_known == evidence.unread_seen


def _unread_known(shop: Shop) -> int:
    evidence = shop.driver.status.evidence
    return 0 if evidence is None else evidence.unread_known


async def test_a_page_that_keeps_messages_to_itself_is_found_out(
    shop: Shop, customer: Person
) -> None:
    """Linked, on line, quick to answer, and deaf: the badge tells, and the page is loaded anew."""
    shop.driver._condition._patience = Patience(unheard_s=0.5)
    await _evaluate(shop, "() => WPP.removeAllListeners('chat.new_message')")
    seen = len(shop.sink.statuses)
    keys = [await customer.write(text) for text in ("hello?", "do you hear me?")]
    assert not (await shop.sink.message(keys[1])).live
    assert [m.wa_id for m in shop.sink.messages if m.chat == customer.chat] == keys
    await shop.until_again("ready", seen)
    assert (await shop.sink.message(await customer.write("and now?"))).live


async def test_a_message_that_cannot_be_recorded_is_no_reason_to_say_ready(
    shop: Shop, phone: Phone, customer: Person
) -> None:
    """Neither a search nor another load helps: `page_changed`, until a person reads the chat."""
    condition = shop.driver._condition
    condition._patience = Patience(unheard_s=0.5)
    condition._hearing = Hearing(reloaded_at=condition._monotonic())
    key = await customer.write("first")
    await shop.sink.message(key)
    shop.sink.forget(key)
    await shop.until("page_changed")
    assert "answer those chats" in shop.driver.status.advice
    await _evaluate(shop, "(chat) => WPP.chat.markIsRead(chat)", customer.chat)
    await shop.until("ready")
    shop.sink.lost.clear()


async def test_a_ban_stops_all_sending_until_a_person_lifts_it(
    shop: Shop, customer: Person
) -> None:
    """WhatsApp tells it once: a page that works on does not make it undone."""
    banned = "require('WAWebBackendEventBus').BackendEventBus.trigger('account_temporarily_banned')"
    await _evaluate(shop, f"() => {{ {banned} }}")
    await shop.until("restricted")
    wanted = order("AB", customer.chat, "not while banned")
    assert (await shop.driver.send(wanted)).code == "not_ready"
    shop.driver.begin_anew()
    await shop.until("ready")
    assert (await shop.driver.send(wanted)).state == "sent"


async def test_a_browser_that_grew_is_started_anew(shop: Shop, customer: Person) -> None:
    """Its own processes are measured, and nothing is missed by the change."""
    attendant, before = shop.driver._attendant, shop.browser().pid
    rules = attendant._rules
    seen = len(shop.sink.statuses)
    attendant._rules = Rules(memory_max_mib=10, far_grown_age_s=0, send_grace_s=0)
    attendant._upkeep_at = 0
    await shop.until_again("ready", seen)
    attendant._rules = rules
    assert shop.browser().pid != before
    await shop.sink.message(await customer.write("as before?"))


async def _evaluate(shop: Shop, expression: str, argument: object = None) -> None:
    assert shop.driver._life is not None
    calls = shop.driver._life.calls
    assert calls is not None
    await calls._page.evaluate(expression, argument)
