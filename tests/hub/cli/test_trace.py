"""`sak-hub trace`: a chat and a turn as their operator reads them, and the page about it."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.assistant import tools, visit
from hub.assistant.breaker import Fault as EndpointFault
from hub.assistant.budget import Scope
from hub.assistant.engine import Answer, ToolCall, Turn
from hub.assistant.guard_words import Kind
from hub.assistant.tables import LANGUAGES
from hub.assistant.turn_trace import Verdict
from hub.cli import trace_words
from hub.cli.trace import trace
from hub.cli.trace_sheet import TEXT_MAX_CHARS, View
from hub.commerce import customers, pricing
from hub.commerce.customers import aliases_of
from hub.commerce.refused import Refused
from hub.conversation.turns import Reason
from hub.store.errors import StoreError
from protocol.messages import Fault, SendState
from tests.fakes import FakeClock
from tests.hub.cli.conftest import Cli, last_object
from tests.hub.conversation.scene import CHAT, Scene, open_scene, running
from tests.hub.shops import add_agent, add_shop

PAGE = (Path(__file__).parents[3] / "docs" / "traces.md").read_text("utf-8")
SAID = {
    "tea": Answer(
        text="Tea: ₹90.00\nAnything else?",
        path="embedded.price",
        mode="hybrid",
        tool_calls=(
            ToolCall("search_products", {"query": "tea …"}, "1 found"),
            ToolCall(
                "model",
                {"model": "m-1", "calls": 2, "retries": 1, "cost_micros": 1_500, "guard": ["link"]},
                "endpoint:timeout",
            ),
            ToolCall("get_price", {"sku": "TEA", "quantity": "1"}, "ok"),
        ),
    ),
    "person": Answer(text="I call someone.", path="embedded.handover", handover="customer_request"),
}


async def answered(turn: Turn) -> Answer:
    """What the script says to this word; a defect for any other."""
    return SAID[turn.messages[-1].text]


async def seed(path: Path) -> None:
    """A price whose reply failed to go out, a call for a person, a word of the owner's."""
    async with open_scene(path, FakeClock()) as scene:
        async with running(scene, answered) as hub:
            for wa_id, text in (("M1", "tea"), ("M2", "person")):
                await hub.says(wa_id, text)
                hub.later(4)
                await hub.settles()
            await hub.says("O1", "I am here", from_me=True, phone=None, sender="9@c.us")
            await hub.says("M3", "thanks\nvery much " + "x" * 80)
        await other_shop(scene)
        await scene.store.write(
            lambda tx: customers.ensure(tx, "ten_a", aliases_of(CHAT, None, None), None, 1, "cus_a")
        )
        ref = (await scene.rows("SELECT event_id FROM messages WHERE author = 'bot'"))[0]
        await scene.hears(ref["event_id"], "failed", Fault(code="no_chat", message="no such chat"))


async def other_shop(scene: Scene) -> None:
    """Another shop has a chat with the same number, and one of its own: old, and never answered."""
    await add_shop(scene.store, scene.clock, "ten_b", "Shop B")
    await add_agent(scene.store, scene.clock, "agt_b", "ten_b")
    for chat in (CHAT, "919800000002@c.us"):
        await scene.change(
            "INSERT INTO chats (tenant_id, account, chat, agent_id) VALUES ('ten_b', '+9', ?, 'a')",
            chat,
        )
    for number in range(450):
        await scene.change(
            "INSERT INTO messages (tenant_id, agent_id, account, chat, wa_id, direction, author,"
            " kind, text, sent_at, received_at, turn_id) VALUES ('ten_b', 'agt_b', '+9',"
            " '919800000002@c.us', ?, 'in', 'customer', 'text', 'hm', 1, 1, ?)",
            f"B{number}",
            {0: "abcdef12" + "1" * 24, 1: "abcdef12" + "2" * 24}.get(number),
        )
    for turn_id in ("abcdef12" + "1" * 24, "abcdef12" + "2" * 24):
        await scene.change(
            "INSERT INTO turns (turn_id, tenant_id, agent_id, account, chat, state, reason,"
            " first_at, due_at) VALUES (?, 'ten_b', 'agt_b', '+9', '919800000002@c.us', 'waiting',"
            " 'stale', 1, 1)",
            turn_id,
        )


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """Looked at by every test and changed by none."""
    cli = Cli(tmp_path_factory.mktemp("trace"))
    cli.path.parent.mkdir()
    asyncio.run(seed(cli.path))
    return cli


def turns(cli: Cli) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cli.facts("trace", CHAT, "--shop", "Shop A")["chats"][0]["turns"]
    return found


def test_a_chat_reads_as_it_went_with_the_reason_under_each_turn(seeded: Cli) -> None:
    """Customer, assistant and owner in their order; who answered what, and why it waits."""
    told = "\n".join(seeded.lines("trace", CHAT, "--shop", "Shop A"))
    heads = ["customer   tea", "assistant  Tea: ₹90.00 …  [not sent]", "customer   person"]
    heads += ["assistant  I call someone.", "you        I am here", "customer   thanks …"]
    places = [told.index(head) for head in heads]
    assert places == sorted(places)
    assert (
        "waits for a person: the reply did not go out; by the rules: a price or a quantity; the"
        " model before: the endpoint gave no answer: no answer in time"
    ) in told
    assert (
        "nothing more to do: you wrote yourself; by the rules: a person is called (the customer"
        " asked for a person)"
    ) in told
    assert "not the assistant's to answer" in told.splitlines()[-1]


def test_one_turn_is_shown_whole_by_its_id_or_its_beginning(seeded: Cli) -> None:
    """Tools of the model and of the rules apart, guard, cost, what became of the reply."""
    turn_id = turns(seeded)[0]["turn_id"]
    lines = seeded.lines("trace", turn_id)
    assert lines == seeded.lines("trace", turn_id[:8])
    rows = {line[:12].strip(): line[12:] for line in lines}
    assert rows["came"].endswith("tea")
    assert rows["answer"] == "by the rules: a price or a quantity; in English"
    assert rows["mode"] == "hybrid, auto"
    assert "m-1: 2 calls (1 of them a repetition), 0 tokens in, 0 out, cost 0.001500" in "".join(
        lines
    )
    assert rows["model used"] == "1. looked for tea …: 1 found"
    assert rows["guard"] == "refused the reply: a link that is not the shop's"
    assert rows["rules used"] == "1. priced 1 of TEA: done"
    assert rows["reply"] == "Tea: ₹90.00 …"
    assert rows["sending"].startswith("not sent, ")
    assert rows["sending"].endswith(": no such chat")


def test_a_program_gets_everything(seeded: Cli) -> None:
    """Whole texts, the typed trace, times in UTC; the same turn by chat and by id."""
    first = turns(seeded)[0]
    assert seeded.facts("trace", first["turn_id"])["turn"] == first
    assert first["came"][0]["text"] == "tea"
    assert first["replies"][0]["text"].startswith("Tea: ₹90.00\nAnything else?")
    assert first["trace"]["model"]["outcome"] == "endpoint:timeout"
    assert first["trace"]["model"]["tools"] == 1
    assert first["trace"]["messages"] == ["M1"]
    assert first["finished_at"].endswith("Z")
    chat = seeded.facts("trace", CHAT, "--shop", "Shop A")["chats"][0]
    assert [one["wa_id"] for one in chat["without_turn"]] == ["O1", "M3"]


@pytest.mark.parametrize("ref", ["+919800000001", "9800000001", "cus_a", CHAT])
def test_a_chat_goes_by_all_that_its_customer_is_known_by(seeded: Cli, ref: str) -> None:
    """Number, number of the shop's own country, customer id, WhatsApp id."""
    assert seeded.facts("trace", ref, "--shop", "ten_a")["chats"][0]["chat"] == CHAT


def test_masked_says_nothing_about_anybody(seeded: Cli) -> None:
    """No word, name or number: neither to a person nor to a program; how it went stays."""
    turn_id = turns(seeded)[0]["turn_id"]
    for ref in ([CHAT, "--shop", "Shop A"], [turn_id]):
        for more in ([], ["--json"]):
            told = seeded.run("trace", *ref, "--masked", *more).output
            assert "priced" in told or "price" in told
            secrets = ("Tea:", "I am here", "thanks", "Asha", "9800000001", '"tea"', "  tea")
            assert [secret for secret in secrets if secret in told] == []


def test_the_newest_turns_come_first_into_a_limit(seeded: Cli) -> None:
    """One turn is the last one, with what was said since."""
    chat = seeded.facts("trace", CHAT, "--shop", "Shop A", "--limit", "1")["chats"][0]
    assert [turn["came"][0]["wa_id"] for turn in chat["turns"]] == ["M2"]
    assert [one["wa_id"] for one in chat["without_turn"]] == ["O1", "M3"]


def test_what_is_meant_has_to_be_clear(seeded: Cli) -> None:
    """A chat of two shops asks for the shop; what nobody knows is said with the remedy."""
    code, message = seeded.failure("trace", CHAT)
    assert code == "ambiguous_chat"
    assert "Shop A, Shop B" in message
    assert "--shop" in message
    assert seeded.facts("trace", "919800000002@c.us")["chats"][0]["shop"] == "Shop B"
    assert seeded.failure("trace", "+919800000077")[0] == "unknown_chat"
    assert seeded.failure("trace", "0" * 32)[0] == "unknown_chat"
    assert seeded.failure("trace", CHAT, "--shop", "Nobody")[0] == "unknown_tenant"


def test_a_turn_is_looked_for_behind_many_messages(seeded: Cli) -> None:
    """Hundreds that nobody answered came after the last turn."""
    chat = seeded.facts("trace", "919800000002@c.us", "--limit", "1")["chats"][0]
    assert [turn["turn_id"][:9] for turn in chat["turns"]] == ["abcdef122"]
    assert len(chat["without_turn"]) == 448


def test_a_beginning_has_to_be_of_one_turn(seeded: Cli) -> None:
    """Of several the ids are named; one character more tells them apart."""
    code, message = seeded.failure("trace", "abcdef12")
    assert code == "ambiguous_turn"
    assert "abcdef12" + "1" * 24 in message
    assert seeded.lines("trace", "abcdef122")[0].split() == ["turn", "abcdef12" + "2" * 24]


def test_an_empty_hub_has_nothing_to_show(cli: Cli) -> None:
    """No shop, no chat: one sentence and exit code 2."""
    assert cli.failure("trace", "+919800000001")[0] == "unknown_chat"
    assert last_object(cli.run("trace", "abcdef12", "--json"))["error"]["code"] == "unknown_chat"


@given(text=st.text())
def test_a_text_is_one_bounded_line(text: str) -> None:
    """Whatever a customer wrote: nothing reaches the terminal but printable signs, and few."""
    shown = View("UTC", masked=False).words(text)
    assert len(shown) <= TEXT_MAX_CHARS + 2
    assert "\n" not in shown
    assert "\x1b" not in shown
    assert View("UTC", masked=True).words(text) == "(hidden)"


# --- the words -----------------------------------------------------------------------------------


def codes_of(kind: type[Refused] | type[StoreError]) -> Iterator[str]:
    yield getattr(kind, "code", "")
    for below in kind.__subclasses__():
        yield from codes_of(below)


PATHS = [f"embedded.{path}" for path in (*visit.PATHS, "media", "wordless", "handover")]
REFUSALS = {code for code in codes_of(Refused) if code} | {
    reason.value for reason in pricing.Reason
}
EVERY = {
    "paths": [*PATHS, "model", "model.handover"],
    "reasons": [*(reason.value for reason in Reason), *get_args(tools.Reason)],
    "tools": list(tools.TOOLS),
    "outcomes": ["ok", "asked", "not_counted", *REFUSALS],
    "faults": [*get_args(EndpointFault), *get_args(Scope), *codes_of(StoreError)],
    "offences": list(get_args(Kind)),
    "verdicts": list(get_args(Verdict)),
    "sending": ["queued", *get_args(SendState)],
    "states": ["pending", "answered", "suggested", "waiting", "dropped"],
    "languages": list(LANGUAGES),
}


@pytest.mark.parametrize("table", EVERY)
def test_every_code_has_its_words(table: str) -> None:
    """What a trace can hold is said in words; what it cannot hold is not in the table."""
    assert set(trace_words.words()[table]) == set(EVERY[table])


def test_the_page_explains_every_code() -> None:
    """docs/traces.md has one row for each, in the words that the command uses."""
    shown = re.findall(r"^\| `([^`]+)` \| (.+) \|$", PAGE, re.MULTILINE)
    rows = [(code, words) for code, words in shown if not code.startswith("--")]
    tables = ("states", "paths", "reasons", "tools", "outcomes", "model", "faults", "verdicts")
    told = [pair for table in (*tables, "offences", "sending") for pair in words_of(table)]
    assert rows == told


def test_the_page_names_every_option() -> None:
    """Each option of the command stands in its table, and no other."""
    shown = re.findall(r"^\| `(--[a-z]+)[^`]*` \|", PAGE, re.MULTILINE)
    assert shown == [opt for param in trace.params for opt in param.opts if opt.startswith("--")]


def words_of(table: str) -> list[tuple[str, str]]:
    return list(trace_words.words()[table].items())
