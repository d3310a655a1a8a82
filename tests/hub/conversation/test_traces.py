"""What turns keep of themselves: how answers came about, why there is none, and no words."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.assistant import embedded, turn_trace
from hub.assistant.engine import Answer, Line, ToolCall, Turn
from hub.assistant.language import load
from hub.assistant.toolbox import Toolbox
from hub.assistant.tools import TOOLS
from hub.assistant.turn_trace import Guarded, TurnTrace
from hub.commerce.catalog import import_file
from hub.conversation import trace
from hub.conversation.commit import Begun
from hub.conversation.turns import ChatState, Situation
from hub.store.tx import Tx, load_queries
from tests.fakes import FakeClock
from tests.hub.assistant.shopper import profile
from tests.hub.conversation.scene import KEY, Gate, Scene, open_scene, running

CHAT: Final = "919800000055@c.us"


async def furnish(path: Path) -> None:
    async with open_scene(path, FakeClock()) as scene:
        sample = Path(str(files("hub.samples").joinpath("fasteners.json")))
        await import_file(scene.store, "ten_a", sample, 1)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tx]:
    """A shop with products, never changed."""
    path = tmp_path_factory.mktemp("traces") / "hub.db"
    asyncio.run(furnish(path))
    connection = sqlite3.connect(path, isolation_level=None)
    connection.row_factory = sqlite3.Row
    yield Tx(connection, load_queries())
    connection.close()


def begun_of(turn: Turn) -> Begun:
    situation = Situation(chat=turn.chat_key, phone=None, state=ChatState(), sent_at=(1,))
    return Begun(KEY, turn, 1, "agt_a", "auto", ("M1",), situation)


def turn_of(*texts: str) -> Turn:
    return Turn(
        turn_id="t",
        tenant=profile("ten_a"),
        chat_key=CHAT,
        customer_name="Vzqxka",
        phone="+919800000055",
        messages=tuple(Line("customer", text, 1) for text in texts),
        now_ms=1_800_000_000_000,
    )


# --- nothing that a customer wrote ---------------------------------------------------------------

SECRETS: Final = st.text("qxzjvwk", min_size=5, max_size=12) | st.sampled_from(
    ["9800000055", "गुप्तशब्द", "كلمةسرية", "27AAPFU0939F1ZV", "https://zqxjvw.example/k"]
)
"""What is in no product, no path and no code."""

SENTENCES: Final = (
    "{}",
    "price of 6x40 {}",
    "add 5 {} and 10 6x40",
    "100 {} each 6x40, 8x80",
    "deliver to {}",
    "my gst no is {}",
    "coupon {}",
    "where is my order {}",
    "cancel order {}",
    "transporter {} please, yes",
    "I am {}, {} road, call me",
    "do you have {} 6x40 screws?",
)


@settings(max_examples=60, deadline=None)
@given(
    said=st.lists(st.tuples(st.sampled_from(SENTENCES), SECRETS), min_size=1, max_size=3),
    code=st.sampled_from(["en", "hi", "hi-Latn", "ar"]),
)
def test_no_word_of_a_customer_is_in_a_trace(
    shop: Tx, said: list[tuple[str, str]], code: str
) -> None:
    """Whatever is written, and however the rules understand it: no word, name or number."""
    turn = turn_of(*(sentence.replace("{}", secret) for sentence, secret in said))
    answer = embedded.reply(shop, turn, load(code))
    kept = trace.record_of(begun_of(turn), answer, 5)
    assert [s for s in (*(s for _, s in said), "Vzqxka", "9800000055") if s in kept] == []


@settings(max_examples=60, deadline=None)
@given(
    uses=st.lists(
        st.tuples(
            st.sampled_from(sorted(TOOLS)),
            st.dictionaries(
                st.sampled_from(
                    [f.name for kind in TOOLS.values() for f in msgspec.structs.fields(kind)]
                ),
                SECRETS | st.just("FF-6X40") | st.integers(-5, 5),
            ),
        ),
        max_size=6,
    ),
    secret=SECRETS,
)
def test_no_word_that_a_model_passes_on_is_in_a_trace(
    shop: Tx, uses: list[tuple[str, dict[str, Any]]], secret: str
) -> None:
    """A model may put a customer's words into any argument of any tool, and into a tool's name."""
    box = Toolbox(shop, turn_of("hello"), agrees=False)
    for name, args in [*uses, (secret, {})]:
        box.call(name, json.dumps(args))
    answer = Answer(text="hi", path="model", tool_calls=box.calls)
    kept = trace.record_of(begun_of(turn_of("hello")), answer, 5)
    strings = [v for _, args in uses for v in args.values() if isinstance(v, str)]
    assert [s for s in (*strings, secret) if s != "FF-6X40" and s in kept] == []


# --- what is there -------------------------------------------------------------------------------


def test_a_model_that_failed_and_the_answer_of_the_rules_are_both_there() -> None:
    """What the model did and used, why its words were not sent, and what was sent instead."""
    found = ToolCall("search_products", {"query": "tea"}, "1 found")
    used = ToolCall("model", {"calls": 2, "cost_micros": 9, "guard": ["amount"] * 2}, "guard")
    priced = ToolCall("get_price", {"sku": "TEA", "quantity": "1"}, "ok")
    answer = Answer(
        text="₹5", path="embedded.price", tool_calls=(found, used, priced), mode="hybrid"
    )
    kept = turn_trace.decode(trace.record_of(begun_of(turn_of("tea")), answer, 1_500))
    assert kept is not None
    assert kept.model is not None
    assert (kept.path, kept.outcome, kept.engine) == ("embedded.price", "answered", "hybrid")
    assert (kept.model.outcome, kept.model.guard) == ("guard", Guarded("refused", ("amount",)))
    assert (kept.models_calls, kept.rules_calls) == ((found,), (priced,))
    assert (kept.latency_ms, kept.messages, kept.sending) == (1_500, ("M1",), "auto")


async def kept_of(scene: Scene) -> list[TurnTrace | None]:
    return [turn_trace.decode(row["trace"]) for row in await scene.turns()]


async def broken(_: Turn) -> Answer:
    raise RuntimeError("with a customer's words in it")


async def called(turn: Turn) -> Answer:
    return Answer(text="A person comes.", path="embedded.handover", handover="complaint")


@pytest.fixture
async def scene(tmp_path: Path) -> Any:
    async with open_scene(tmp_path / "hub.db", FakeClock()) as opened:
        yield opened


async def test_a_broken_engine_leaves_where_it_broke(scene: Scene) -> None:
    """The kind of the error and its place; its words, which may be a customer's, are not kept."""
    async with running(scene, broken) as hub:
        await hub.says("A", "hello")
        hub.later(3)
        await hub.reaches("waiting")
    [kept] = await kept_of(scene)
    assert kept is not None
    assert (kept.outcome, kept.path, kept.messages) == ("engine_failed", None, ("A",))
    assert kept.error is not None
    assert kept.error.startswith("RuntimeError in broken:")
    assert "words" not in str(await scene.turns())


def test_a_defect_of_the_hub_leaves_its_place() -> None:
    """What parks a turn says where it arose, without its words."""
    try:
        raise KeyError("a customer's words")
    except KeyError as error:
        kept = turn_trace.decode(trace.record_of_failure(error))
    assert kept is not None
    assert kept.outcome == "turn_failed"
    assert kept.error is not None
    assert kept.error.startswith("KeyError in test_a_defect_of_the_hub_leaves_its_place:")


async def test_a_call_for_a_person_is_an_outcome(scene: Scene) -> None:
    """The reason stands in the trace as on the turn, also when the owner then writes."""
    async with running(scene, called) as hub:
        await hub.says("A", "bad goods")
        hub.later(3)
        await hub.reaches("waiting")
        await hub.says("O", "sorry!", from_me=True, phone=None, sender="919800000009@c.us")
    assert await scene.states() == [("dropped", "owner_replied")]
    [kept] = await kept_of(scene)
    assert kept is not None
    assert (kept.outcome, kept.path) == ("complaint", "embedded.handover")


async def test_an_answer_that_may_not_be_sent_any_more_keeps_its_trace(scene: Scene) -> None:
    """The shop was switched off while it was made: what it took is known all the same."""
    gate = Gate()
    async with running(scene, gate) as hub:
        await hub.says("A", "hello")
        hub.later(3)
        await gate.entered.wait()
        await scene.change("UPDATE tenants SET mode = 'off'")
        await hub.scene.store.write(lambda tx: tx.memory.forget())
        gate.open.set()
        await hub.reaches("dropped")
    assert await scene.states() == [("dropped", "off")]
    [kept] = await kept_of(scene)
    assert kept is not None
    assert (kept.outcome, kept.path) == ("answered", "echo")
    assert await scene.orders() == []
