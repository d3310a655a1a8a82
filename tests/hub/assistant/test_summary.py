"""What a model is told of a conversation before the lines that it is shown: facts, in few words."""

import json
from collections.abc import AsyncIterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.assistant import earlier, model_context, summary, turn_trace
from hub.assistant.desk import Desk
from hub.assistant.engine import Line, ToolCall, Turn
from hub.assistant.model_wire import Message, tool_schemas
from hub.assistant.summary import CHARS_MAX, NotSold, OrderSeen, Summary
from hub.assistant.turn_trace import ModelUse, TurnTrace
from hub.commerce import customers
from hub.commerce.catalog import import_file
from hub.commerce.customers import aliases_of
from hub.commerce.shipping import ByZone, NoShipping, Shipping, Zone
from hub.commerce.shop_profile import ShopProfile
from tests.fakes import FakeClock
from tests.hub.assistant.shopper import profile
from tests.hub.conversation.scene import ACCOUNT, CHAT, KEY, Scene, open_scene

PHONE = "+919800000001"
FREE = NoShipping()
DAY_MS = 24 * 3_600_000


def used(name: str, sku: str, quantity: str = "1", outcome: str = "ok") -> ToolCall:
    return ToolCall(name, {"sku": sku, "quantity": quantity}, outcome)


# --- from traces ---------------------------------------------------------------------------------


def test_traces_say_what_was_priced_put_into_the_cart_and_refused() -> None:
    """The newest first, each once; a quantity that was refused with the reason."""
    newest = TurnTrace(
        path="embedded.cart",
        tool_calls=(
            *(used("get_price", "B"), used("get_price", "D", outcome="not_found")),
            used("add_to_cart", "C", "7", "off_step"),
        ),
    )
    oldest = TurnTrace(
        path="model.handover",
        tool_calls=(used("add_to_cart", "A"), used("get_price", "A"), used("get_price", "B")),
    )
    assert summary.with_traces(Summary(), [newest, oldest]) == Summary(
        priced=("B", "A"),
        put_into_cart=("A",),
        not_sold=(NotSold("C", "7", "off_step"),),
        person_was_called=True,
    )


def test_what_a_failed_model_did_never_happened() -> None:
    """Its tools were undone with it: only those behind the words that were sent count."""
    calls = (used("add_to_cart", "A"), used("get_price", "B"))
    failed = TurnTrace(tool_calls=calls, model=ModelUse(outcome="guard", tools=1))
    made = summary.with_traces(Summary(), [failed])
    assert (made.put_into_cart, made.priced) == ((), ("B",))


@pytest.mark.parametrize("sku", ["unknown", "", "x" * 41, 5, None])
def test_only_codes_of_products_are_named(sku: object) -> None:
    """A trace that somebody damaged, or words that were no code, bring nothing into it."""
    odd = TurnTrace(tool_calls=(ToolCall("get_price", {"sku": sku, "quantity": "1"}, "ok"),))
    assert summary.with_traces(Summary(), [odd]) == Summary()


# --- as JSON -------------------------------------------------------------------------------------

CODES = st.lists(st.text(min_size=1, max_size=40), max_size=6, unique=True).map(tuple)
SUMMARIES = st.builds(
    Summary,
    chat_since=st.none() | st.just("2026-11-22"),
    messages_before=st.integers(0, 10_000),
    priced=CODES,
    put_into_cart=CODES,
    not_sold=st.lists(
        st.builds(NotSold, st.text(max_size=40), st.text(max_size=40), st.just("below_minimum")),
        max_size=6,
    ).map(tuple),
    orders=st.lists(
        st.builds(OrderSeen, st.text(max_size=10), st.just("confirmed"), st.just("2026-11-22")),
        max_size=6,
    ).map(tuple),
    orders_in_all=st.integers(0, 10_000),
    person_was_called=st.booleans(),
    person_of_the_shop_wrote=st.none() | st.just("2026-11-22"),
    customer_tier=st.none() | st.text(max_size=90).map(summary.word),
    customer_tax=st.sampled_from([None, "gst", "none"]),
    delivery_zone=st.none() | st.text(max_size=90).map(summary.word),
)


def test_a_name_is_one_bounded_line() -> None:
    """What the shop calls a tier or a zone cannot break the line or fill the prompt."""
    assert summary.word("go\nld" + "x" * 90) == "gold" + "x" * 36
    assert summary.word(None) is None


@given(made=SUMMARIES)
def test_it_is_short_and_gives_up_the_oldest_first(made: Summary) -> None:
    """Never above the bound; a list that is cut keeps its beginning, and facts are never cut."""
    facts = summary.told(made)
    if facts is None:
        assert made == Summary()
        return
    assert len(msgspec.json.encode(facts).decode()) <= CHARS_MAX
    whole = msgspec.to_builtins(made)
    for name, value in facts.items():
        expected = list(whole[name])[: len(value)] if isinstance(value, list) else whole[name]
        assert value == expected
    assert {"customer_tier", "chat_since"} & whole.keys() == {"customer_tier", "chat_since"} & (
        facts.keys()
    )


# --- in the prompt -------------------------------------------------------------------------------


def turn_of(turn_id: str = "now", now_ms: int = 1_800_000_000_000, **more: Any) -> Turn:
    return Turn(
        turn_id=turn_id,
        tenant=profile("ten_a"),
        chat_key=CHAT,
        customer_name=None,
        phone=PHONE,
        messages=(Line("customer", "and now?", now_ms),),
        now_ms=now_ms,
        **more,
    )


def prompt(turn: Turn, before: Summary) -> list[Message]:
    return model_context.messages(turn, ShopProfile(), {"cart": []}, before)


def test_rules_and_tools_stay_the_same_bytes_and_it_stands_behind_the_shop() -> None:
    """Order: rules, shop, what was before, the last lines, cart and clock; as a tool's result."""
    history = (Line("customer", "hello", 1), Line("bot", "hi", 2))
    plain, told = (
        prompt(turn_of(history=history), before)
        for before in (Summary(), Summary(chat_since="2026-11-22", messages_before=40))
    )
    assert msgspec.json.encode(plain[:2]) == msgspec.json.encode(told[:2])
    assert tool_schemas(strict=True) is tool_schemas(strict=True)
    assert [one["role"] for one in told[:4]] == ["system", "system", "assistant", "tool"]
    assert told[3]["tool_call_id"] == told[2]["tool_calls"][0]["id"] != plain[-1]["tool_call_id"]
    data = json.loads(told[3]["content"])
    assert data == {"before_these_messages": {"chat_since": "2026-11-22", "messages_before": 40}}
    assert told[4:] == plain[2:]


# --- from the database ---------------------------------------------------------------------------


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path / "hub.db", FakeClock()) as opened:
        sample = Path(str(files("hub.samples").joinpath("fasteners.json")))
        await import_file(opened.store, "ten_a", sample, 1)
        yield opened


async def had(scene: Scene, number: int, *calls: ToolCall, author: str = "bot") -> None:
    """A turn of yesterday: what a customer wrote, and a reply or the owner's own words."""
    at, turn_id = scene.clock.now_ms() - DAY_MS + number * 60_000, f"old_{number}"
    text = turn_trace.encode(TurnTrace(path="embedded.price", tool_calls=calls))
    await scene.change(
        "INSERT INTO turns (turn_id, tenant_id, agent_id, account, chat, state, first_at, due_at,"
        " trace) VALUES (?, 'ten_a', 'agt_a', ?, ?, 'answered', 1, 1, ?)",
        *(turn_id, ACCOUNT, CHAT, text),
    )
    lines = (("customer", "in", f"secret words {number}"), (author, "out", f"reply {number}"))
    for who, direction, words in lines:
        await scene.change(
            "INSERT INTO messages (tenant_id, agent_id, account, chat, wa_id, direction, author,"
            " kind, text, sent_at, received_at, turn_id) VALUES"
            " ('ten_a', 'agt_a', ?, ?, ?, ?, ?, 'text', ?, ?, ?, ?)",
            *(ACCOUNT, CHAT, f"{direction}{number}", direction, who, words, at, at),
            None if who == "owner" else turn_id,
        )


async def now(scene: Scene) -> str:
    """The turn that is to be answered."""
    turn_id = (await scene.says("NOW", "and now?")).turn_id
    assert turn_id is not None
    return turn_id


async def read(scene: Scene, turn: Turn, shipping: Shipping = FREE) -> Summary:
    def look(tx: Any) -> Summary:
        customer = customers.find(tx, "ten_a", aliases_of(CHAT, PHONE, None))
        return earlier.read(tx, turn, customer, shipping)

    return await scene.store.read(look)


async def test_it_is_about_what_stands_before_the_last_twelve_lines(scene: Scene) -> None:
    """Of ten exchanges the last six are shown; the first four are in it, the owner's word too."""
    await had(scene, 0, used("get_price", "FF-6X40"))
    await had(scene, 1, used("add_to_cart", "FF-8X80", "10"))
    await had(scene, 2, author="owner")
    await had(scene, 3, used("get_price", "FF-10X100", "7", "off_step"))
    for number in range(4, 10):
        await had(scene, number, used("get_price", "FF-10X140"))
    made = await read(scene, turn_of(await now(scene), scene.clock.now_ms()))
    assert made == Summary(
        chat_since="2027-01-14",
        messages_before=8,
        priced=("FF-6X40",),
        put_into_cart=("FF-8X80",),
        not_sold=(NotSold("FF-10X100", "7", "off_step"),),
        person_of_the_shop_wrote="2027-01-14",
    )


async def test_a_short_chat_has_no_before(scene: Scene) -> None:
    """All of it is shown; another chat's turns are nobody's business."""
    await had(scene, 1, used("get_price", "FF-6X40"))
    assert await read(scene, turn_of(await now(scene))) == Summary()
    assert await read(scene, turn_of("of nobody")) == Summary()


async def test_a_reply_that_never_went_out_changed_nothing(scene: Scene) -> None:
    """A suggestion that nobody sent has a trace, and its tools had no effect."""
    await had(scene, 0, used("add_to_cart", "FF-6X40"))
    await scene.change("DELETE FROM messages WHERE author = 'bot'")
    for number in range(1, 8):
        await had(scene, number)
    made = await read(scene, turn_of(await now(scene)))
    assert (made.put_into_cart, made.messages_before) == ((), 3)


async def test_the_customer_is_known_by_facts_of_the_shop(scene: Scene) -> None:
    """Tier, tax, zone and orders; no name, number, address or postcode."""
    known = {"tier": "gold", "tax_preference": "none", "address": "1 Mill", "postcode": "411001"}

    def know(tx: Any) -> None:
        customers.ensure(tx, "ten_a", aliases_of(CHAT, PHONE, None), "Asha", 1, "cus_a")
        customers.remember(tx, "ten_a", "cus_a", 1, **known)

    await scene.store.write(know)
    for number in range(8):
        await scene.change(
            "INSERT INTO orders (order_id, tenant_id, customer_id, draft_id, number, order_no,"
            " state, bill, delivery, total, created_at, updated_at)"
            " VALUES (?, 'ten_a', 'cus_a', ?, ?, ?, 'confirmed', '{}', '{}', 1, ?, 1)",
            *(f"o{number}", f"d{number}", number, f"A-{number}"),
            scene.clock.now_ms() - (8 - number) * DAY_MS,
        )
    zones = ByZone((Zone(name="near", codes=("411*",), fee=1),))
    nowhere = ByZone((Zone(name="far", codes=("9*",), fee=1),))
    assert (await read(scene, turn_of("of nobody"), nowhere)).delivery_zone is None
    assert (await read(scene, turn_of("of nobody"))).delivery_zone is None
    made = await read(scene, turn_of("of nobody"), zones)
    assert [one.order_no for one in made.orders] == ["A-7", "A-6", "A-5", "A-4", "A-3", "A-2"]
    assert made.orders_in_all == 8
    assert (made.customer_tier, made.customer_tax, made.delivery_zone) == ("gold", "none", "near")
    text = str(summary.told(made))
    assert [word for word in ("Asha", "9800000001", "Mill", "411001") if word in text] == []


async def test_no_word_of_the_customer_reaches_the_prompt_by_it(scene: Scene) -> None:
    """The desk reads it with the cart; products in it may be named, and old words are not there."""
    for number in range(9):
        await had(scene, number, used("get_price", "FF-6X40"))
    turn = turn_of(await now(scene), scene.clock.now_ms())
    desk = Desk(scene.store, turn, agrees=False)
    state = await desk.open()
    assert desk.summary.priced == ("FF-6X40",)
    assert "FF-6X40" in desk.facts.codes
    shown: Sequence[Message] = model_context.messages(turn, desk.profile, state, desk.summary)
    assert "secret" not in str(shown)
    assert '"messages_before":6' in shown[3]["content"]


async def test_another_shops_turn_is_not_read(scene: Scene) -> None:
    """A turn's name is not enough: it has to be of the shop whose turn is answered."""
    turn_id = await now(scene)
    other = msgspec.structs.replace(turn_of(turn_id), tenant=profile("ten_b"))
    assert await read(scene, other) == Summary()
    assert KEY.tenant_id == "ten_a"
