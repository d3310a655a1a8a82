"""`sak-hub chats`: the operator's desk."""

import asyncio
import json
import re
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from hub.assistant.engine import Answer, Turn
from hub.cli.chat_words import REFUSALS
from hub.cli.chats import chats
from hub.clock import SystemClock
from hub.conversation import outgoing
from hub.conversation.outgoing import Outcome
from hub.conversation.started import Silence
from hub.store import serving
from hub.store.tx import Tx
from tests.fakes import FakeClock
from tests.hub.cli.conftest import Cli
from tests.hub.conversation.desk import Desk
from tests.hub.conversation.scene import CHAT, open_scene
from tests.hub.conversation.test_acting import Clerk, sells_tea

DOCS = Path(__file__).parents[3] / "docs"
SHOP = "Shop A"
PHONE = "+91 98000 00001"
OTHER = "919800000002@c.us"
LID = "100000000000001@lid"

Prepare = Callable[[Desk], Awaitable[None]]


def prepared(cli: Cli, prepare: Prepare, *, new: bool = False) -> None:
    """Let something happen in the shop, as its hub would."""

    async def go() -> None:
        clock = FakeClock(SystemClock().now_ms())  # that of the commands
        async with open_scene(cli.path, clock, new=new) as scene:
            await prepare(Desk(scene))

    cli.path.parent.mkdir(parents=True, exist_ok=True)
    asyncio.run(go())


async def _a_draft(desk: Desk) -> None:
    """Two people wrote: a draft waits for one, the other was left to a person."""
    await desk.scene.says("O", "is it ready?\nI am at 9800000002", chat=OTHER, phone=None)
    await desk.scene.change("UPDATE turns SET state = 'waiting', reason = 'complaint'")
    await desk.drafts("A", Clerk(desk.scene, await sells_tea(desk.scene)), text="tea please")


@pytest.fixture
def desk(cli: Cli) -> Cli:
    prepared(cli, _a_draft, new=True)
    return cli


def rows(cli: Cli, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(cli.path)) as connection, connection:
        return connection.execute(sql).fetchall()


def test_chats_are_listed_with_what_waits(desk: Cli) -> None:
    """The last one first: who, what was said last, in what state, and why in plain words."""
    draft, waiting = desk.facts("chats", "list", SHOP)["chats"]
    assert (draft["chat"], draft["name"], draft["phone"]) == (CHAT, "Asha", "+919800000001")
    assert (draft["state"], draft["last"], draft["last_author"]) == (
        "suggested",
        "tea please",
        "customer",
    )
    assert (waiting["state"], waiting["reason"]) == ("waiting", "complaint")
    assert waiting["why"] == "a complaint"
    assert waiting["last"] == "is it ready? I am at 9800000002"
    assert waiting["since"].endswith("Z")
    text = "\n".join(desk.lines("chats", "list", SHOP))
    assert "draft waits" in text
    assert "waits for you" in text


def test_the_list_may_be_of_those_that_wait(desk: Cli) -> None:
    """For a person, or for a click; a limit says that there are more."""
    for option, chat in (("--waiting", OTHER), ("--suggested", CHAT)):
        [found] = desk.facts("chats", "list", SHOP, option)["chats"]
        assert found["chat"] == chat
    assert desk.lines("chats", "list", SHOP, "--limit", "1")[-1] == ("and more; --limit shows them")
    desk.run("chats", "dismiss", SHOP, OTHER)
    assert desk.lines("chats", "list", SHOP, "--waiting") == ["No such chats."]


def test_a_chat_of_both_kinds_is_in_both_lists(desk: Cli) -> None:
    """A draft waits, and something older was left to a person."""

    async def older(desk: Desk) -> None:
        await desk.scene.change(
            "INSERT INTO turns (turn_id, tenant_id, agent_id, account, chat, state, reason,"
            " first_at, due_at) SELECT 'old', tenant_id, agent_id, account, chat, 'waiting',"
            " 'stale', 1, 1 FROM chats WHERE chat = ?",
            CHAT,
        )

    prepared(desk, older)
    assert len(desk.facts("chats", "list", SHOP, "--waiting")["chats"]) == 2
    assert len(desk.facts("chats", "list", SHOP, "--suggested")["chats"]) == 1


def test_a_shop_without_chats(cli: Cli) -> None:
    cli.run("tenant", "add", SHOP)
    assert cli.lines("chats", "list", SHOP) == ["No chats yet."]
    code, message = cli.failure("chats", "show", SHOP, PHONE)
    assert code == "unknown_chat"
    assert "chats list" in message


@pytest.mark.parametrize("ref", [PHONE, "9800000001", CHAT, "+919800000001"])
def test_a_chat_is_named_by_what_the_operator_has(desk: Cli, ref: str) -> None:
    """A phone number as people write it, or WhatsApp's own id."""
    assert desk.facts("chats", "show", SHOP, ref)["chat"] == CHAT


def test_a_customers_id_names_the_chat_that_was_last_alive(desk: Cli) -> None:
    """One person, two chats: under a hidden number and under the plain one."""

    async def hides(desk: Desk) -> None:
        await desk.approves()
        await desk.looks()  # the customer is known from now on
        await desk.drafts("L", text="and sugar", chat=LID, phone="+919800000001")
        await desk.scene.change("UPDATE turns SET state = 'answered'")

    prepared(desk, hides)
    [(known,)] = rows(desk, "SELECT customer_id FROM customers")
    desk.run("customer", "merge", SHOP, str(known), LID)
    for ref in (str(known), PHONE, LID):
        assert desk.facts("chats", "show", SHOP, ref)["chat"] == LID
    assert desk.facts("chats", "show", SHOP, CHAT)["chat"] == CHAT


def test_a_chat_is_shown_with_its_draft_and_what_that_does(desk: Cli) -> None:
    """Its words, its mode, who has it, and the draft's name."""
    facts = desk.facts("chats", "show", SHOP, PHONE)
    assert (facts["mode"], facts["shop_mode"], facts["paused_until"]) == (None, "suggest", None)
    assert [(said["author"], said["text"]) for said in facts["messages"]] == [
        ("customer", "tea please")
    ]
    draft = facts["draft"]
    assert draft["text"].startswith("done, see A-1001")
    assert draft["does"] == ["leaves 1 product in the cart"]
    text = "\n".join(desk.lines("chats", "show", SHOP, PHONE))
    assert f"draft {draft['draft']}" in text
    assert "mode suggest, the shop's" in text
    assert "it leaves 1 product in the cart" in text


def test_a_draft_is_approved(desk: Cli) -> None:
    """Without a hub it is kept for the next one; twice it is not."""
    assert "No hub runs" in desk.lines("chats", "send", SHOP, PHONE)[0]
    assert rows(desk, "SELECT kind, text FROM outgoing") == [("suggestion", None)]
    assert desk.failure("chats", "send", SHOP, PHONE)[0] == "already_approved"
    prepared(desk, Desk.looks)
    assert desk.failure("chats", "send", SHOP, PHONE)[0] == "no_draft"
    said = desk.facts("chats", "show", SHOP, PHONE)["messages"][-1]
    assert (said["author"], said["state"]) == ("bot", "queued")


def test_a_draft_goes_out_with_other_words(desk: Cli) -> None:
    """And does nothing then, which the operator is told."""
    facts = desk.facts("chats", "send", SHOP, PHONE, "--text", " No tea today ")
    assert (facts["edited"], facts["undone"], facts["outcome"]) == (True, 1, None)
    assert rows(desk, "SELECT text FROM outgoing") == [("No tea today",)]


def test_other_words_for_a_draft_say_what_they_leave_undone(desk: Cli) -> None:
    told = desk.lines("chats", "send", SHOP, PHONE, "--text", "No tea today")
    assert told[-1].startswith("The draft would have changed the shop")


def test_only_the_draft_that_was_read_is_sent(desk: Cli) -> None:
    """Another one may wait by now."""
    name = desk.facts("chats", "show", SHOP, PHONE)["draft"]["draft"]
    prepared(desk, lambda desk: desk.drafts("B"))
    code, _ = desk.failure("chats", "send", SHOP, PHONE, "--draft", name)
    assert code == "not_sent_changed"
    name = desk.facts("chats", "show", SHOP, PHONE)["draft"]["draft"]
    assert desk.run("chats", "send", SHOP, PHONE, "--draft", name).exit_code == 0


def test_an_operators_words_pause_the_assistant_at_once(desk: Cli) -> None:
    """Before any hub has sent them; a program gets the same as a person."""
    facts = desk.facts("chats", "reply", SHOP, OTHER, "It is ready.")
    assert (facts["outcome"], facts["is_served"]) == (None, False)
    shown = desk.facts("chats", "show", SHOP, OTHER)
    assert shown["paused_until"] == facts["paused_until"]
    assert [(one["kind"], one["outcome"]) for one in shown["outgoing"]] == [("operator", None)]
    assert "operator, to be sent: It is ready." in "\n".join(
        desk.lines("chats", "show", SHOP, OTHER)
    )
    prepared(desk, Desk.looks)
    assert desk.facts("chats", "show", SHOP, OTHER)["state"] == "paused"


@pytest.mark.parametrize(
    ("text", "said"), [(" \u200d ", "The text is empty."), ("x" * 4_001, "4000 are allowed")]
)
def test_words_that_nobody_could_read(desk: Cli, text: str, said: str) -> None:
    code, message = desk.failure("chats", "reply", SHOP, OTHER, text)
    assert code == "bad_value"
    assert said in message


def test_words_that_did_not_arrive_are_on_the_list(desk: Cli) -> None:
    """Nobody else would tell the operator."""
    desk.run("chats", "reply", SHOP, OTHER, "It is ready.")
    prepared(desk, Desk.looks)
    with closing(sqlite3.connect(desk.path)) as connection, connection:
        connection.execute("UPDATE messages SET state = 'expired' WHERE author = 'owner'")
    [found] = desk.facts("chats", "list", SHOP, "--waiting")["chats"]
    assert (found["chat"], found["reason"]) == (OTHER, "send_expired")


async def _says(desk: Desk, kind: str) -> None:
    await desk.scene.says(kind, kind=kind, chat=OTHER)


async def _tells(desk: Desk) -> None:
    await desk.tells("It is packed.\n\nThank you")


def test_what_a_person_has_not_answered_yet_is_on_the_list(desk: Cli) -> None:
    """A paused chat whose last word is the customer's, whatever signs came after it."""
    desk.run("chats", "dismiss", SHOP, OTHER)
    desk.run("chats", "reply", SHOP, OTHER, "It is ready.")
    prepared(desk, Desk.looks)
    assert desk.lines("chats", "list", SHOP, "--waiting") == ["No such chats."]
    for kind in ("text", "reaction"):
        prepared(desk, partial(_says, kind=kind))
        [found] = desk.facts("chats", "list", SHOP, "--waiting")["chats"]
        assert (found["chat"], found["state"]) == (OTHER, "unanswered")
    assert "yours, unanswered since" in "\n".join(desk.lines("chats", "show", SHOP, OTHER))
    desk.run("chats", "reply", SHOP, OTHER, "Until eight.")
    prepared(desk, Desk.looks)
    assert desk.lines("chats", "list", SHOP, "--waiting") == ["No such chats."]


def test_what_is_to_go_out_is_shown_in_a_line(desk: Cli) -> None:
    """News of an order has several."""
    prepared(desk, _tells)
    told = "\n".join(desk.lines("chats", "show", SHOP, PHONE))
    assert "order update, to be sent: It is packed. Thank you" in told


def test_what_waits_is_dismissed(desk: Cli) -> None:
    """Drafts too; once."""
    for ref in (OTHER, PHONE):
        assert desk.facts("chats", "dismiss", SHOP, ref)["dismissed"] == 1
        assert desk.lines("chats", "dismiss", SHOP, ref)[0].endswith("nothing waited.")
    assert {row["state"] for row in desk.facts("chats", "list", SHOP)["chats"]} == {"idle"}


def test_a_chat_has_a_mode_of_its_own(desk: Cli) -> None:
    """Or the shop's again."""
    assert desk.facts("chats", "mode", SHOP, PHONE, "auto")["mode"] == "auto"
    assert desk.facts("chats", "show", SHOP, PHONE)["mode"] == "auto"
    assert "suggest, as in the shop" in desk.lines("chats", "mode", SHOP, PHONE, "shop")[0]
    assert desk.facts("chats", "show", SHOP, PHONE)["mode"] is None


def test_a_chat_is_paused_and_given_back(desk: Cli) -> None:
    """For so many hours, or as long as after a reply; what is unanswered is taken up."""
    long, short = (
        desk.facts("chats", "pause", SHOP, OTHER, *hours)["paused_until"]
        for hours in ((), ("--hours", "0.5"))
    )
    assert short < long
    assert desk.facts("chats", "show", SHOP, OTHER)["paused_until"] == short
    assert "is silent until" in "\n".join(desk.lines("chats", "show", SHOP, OTHER))
    assert desk.facts("chats", "resume", SHOP, OTHER)["answers"] is True
    assert desk.facts("chats", "show", SHOP, OTHER)["state"] == "answering"
    told = desk.lines("chats", "resume", SHOP, PHONE)
    assert told[0].endswith("nothing is unanswered.")


@pytest.mark.parametrize("hours", ["0", "-1", "nan", "9999", "soon"])
def test_hours_that_are_none(desk: Cli, hours: str) -> None:
    assert desk.run("chats", "pause", SHOP, OTHER, "--hours", hours).exit_code == 2


def test_a_refusal_is_told_while_the_command_waits(desk: Cli) -> None:
    """A hub holds the database; what it says is the command's outcome."""
    with serving.alone(desk.path):
        told = desk.lines("chats", "send", SHOP, PHONE, "--wait", "0")
    assert told[0].endswith("handed over; not waited for.")
    [(outgoing_id,)] = rows(desk, "SELECT outgoing_id FROM outgoing")

    def refuse(tx: Tx) -> None:
        now_ms = SystemClock().now_ms()
        [due] = outgoing.due(tx, now_ms, (-1, -1), 9)
        assert due.one.outgoing_id == outgoing_id
        outgoing.finish(tx, due.one, Outcome.OVERTAKEN, now_ms)

    prepared(desk, lambda desk: desk.scene.store.write(refuse))
    shown = desk.facts("chats", "show", SHOP, PHONE)["outgoing"]
    assert [one["outcome"] for one in shown] == ["overtaken"]
    text = "\n".join(desk.lines("chats", "show", SHOP, PHONE))
    assert "not sent, a price, the stock or the cart changed" in text


async def _calls(_: Turn) -> Answer:
    return Answer(text="I am calling someone", path="test", handover="complaint")


def test_a_draft_that_calls_a_person_says_so(desk: Cli) -> None:
    prepared(desk, lambda desk: desk.drafts("B", _calls))
    assert desk.facts("chats", "show", SHOP, PHONE)["draft"]["handover"] == "complaint"
    assert "it calls a person: a complaint" in "\n".join(desk.lines("chats", "show", SHOP, PHONE))


def test_the_page_has_every_command() -> None:
    """docs/chats.md, in the order in which they are told."""
    page = (DOCS / "chats.md").read_text("utf-8")
    named = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert sorted(named) == sorted(chats.commands)


def test_every_refusal_has_its_sentence() -> None:
    """Whatever may become of something that was to be sent."""
    assert set(REFUSALS) == {*Outcome, *Silence} - {Outcome.ORDERED}


def test_what_others_wrote_cannot_steer_the_terminal(desk: Cli) -> None:
    """Control characters in names and words are shown as what they are."""
    with closing(sqlite3.connect(desk.path)) as connection, connection:
        connection.execute("UPDATE messages SET text = 'a' || char(27) || '[31m'")
        connection.execute("UPDATE chats SET name = 'b' || char(27) || ']0;x'")
    for command in (("list", SHOP), ("show", SHOP, PHONE)):
        assert "\x1b" not in "\n".join(desk.lines("chats", *command))
    assert json.dumps(desk.facts("chats", "list", SHOP))
