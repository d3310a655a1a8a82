"""`sak-hub audit` and an agent that answers as a test says; the real one is in `tests/e2e`."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hub.cli.audit import OTHER_NUMBER, Answer, answer_of
from hub.cli.audit_asking import Asker, Refusal, Told
from hub.cli.audit_sheet import Finding, Healed, lines_of
from hub.cli.command import Session
from hub.conversation.audit import Comparison, Day
from hub.settings import Settings
from hub.store.database import Store
from protocol.audit import Shown
from protocol.messages import Instant
from tests.fakes import FakeClock
from tests.hub.cli.conftest import Cli
from tests.hub.conversation.scene import ACCOUNT, CHAT, open_scene

A = Shown(chat=CHAT, wa_id="A", sent_at=Instant(120_000))
B = Shown(chat=CHAT, wa_id="B", sent_at=Instant(240_000))


def page(*messages: str, **more: Any) -> dict[str, Any]:
    """What an agent tells of an audit."""
    listed = [{"chat": CHAT, "wa_id": one, "sent_at": str(Instant(0))} for one in messages]
    return {"account": ACCOUNT, "since": str(Instant(0)), "found": 1, "messages": listed} | more


def failed(code: str) -> dict[str, Any]:
    return {"state": "failed", "error": {"code": code, "message": f"It says {code}."}}


class ScriptedAgent:
    """Ends each command with the next of its answers; keeps the commands."""

    def __init__(self, store: Store, *answers: dict[str, Any]) -> None:
        self.store = store
        self.answers = list(answers)
        self.orders: list[dict[str, Any]] = []

    async def run(self) -> None:
        seen = self.store.changed.count
        while self.answers:
            await self._answer()
            seen = await self.store.changed.after(seen)

    async def _answer(self) -> None:
        rows = await self.store.read(
            lambda tx: tx._connection.execute(
                "SELECT event_id, data FROM down_events"
                " WHERE event_id NOT IN (SELECT ref FROM command_results)"
            ).fetchall()
        )
        for row in rows:
            self.orders.append(json.loads(row["data"]))
            answer = {"state": "done"} | self.answers.pop(0)
            given = {name: json.dumps(answer.get(name)) for name in ("data", "error")}
            texts = {name: None if text == "null" else text for name, text in given.items()}
            which = {"tenant_id": "ten_a", "agent_id": "agt_a", "ref": row["event_id"]}
            params = {**which, **texts, "state": answer["state"], "now_ms": 1}
            await self.store.write(lambda tx: tx.run("logs.command_result_add", **params))  # noqa: B023


@asynccontextmanager
async def asked(
    path: Path, *answers: dict[str, Any], wait_s: float = 10.0
) -> AsyncIterator[tuple[Asker, ScriptedAgent]]:
    """A command and a hub's process with one agent, over one database."""
    clock = FakeClock()
    async with (
        open_scene(path, clock),
        Store.open(f"sqlite:///{path}", clock) as hub,
        Store.open(f"sqlite:///{path}", clock) as store,
        asyncio.TaskGroup() as group,
    ):
        agent = ScriptedAgent(hub, *answers)
        tasks = [group.create_task(hub.watch(0.01)), group.create_task(agent.run())]
        yield Asker(Session(store, clock, Settings()), "ten_a", "agt_a", wait_s), agent
        for task in tasks:
            task.cancel()


async def test_a_long_list_is_asked_for_piece_by_piece(tmp_path: Path) -> None:
    """From where the last one ended; each order expires with the patience of who waits."""
    second = page("C")
    async with asked(
        tmp_path / "hub.db", {"data": page("A", "B", next=str(Instant(5_000)))}, {"data": second}
    ) as (asker, agent):
        told = await asker.shown(1_000)
    assert [one.wa_id for one in told.shown] == ["A", "B", "C"]
    assert (told.account, told.since_ms, told.found) == (ACCOUNT, 0, 2)
    assert [order["args"]["since"][17:23] for order in agent.orders] == ["01.000", "05.000"]
    assert all("expires_at" in order for order in agent.orders)


async def test_missing_messages_are_asked_for_by_name(tmp_path: Path) -> None:
    """From a minute before the oldest."""
    async with asked(tmp_path / "hub.db", {"data": {"chats": 1, "found": 2, "again": 2}}) as (
        asker,
        agent,
    ):
        swept = await asker.tell_again(ACCOUNT, (A, B))
    assert swept.again == 2
    (order,) = agent.orders
    assert (order["name"], order["args"]) == (
        "sweep",
        {
            "since": str(Instant(60_000)),
            "account": ACCOUNT,
            "again": [{"chat": CHAT, "wa_id": "A"}, {"chat": CHAT, "wa_id": "B"}],
        },
    )


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (failed("not_ready"), "It says not_ready."),
        (failed("unknown_command"), "Update sak-agent"),
        ({"data": {"seen": 1, "missed": 0}}, "Update sak-agent"),
        ({"data": None}, "Update sak-agent"),
        ({"state": "expired"}, "--wait"),
        ({"state": "unknown"}, "ended as unknown"),
    ],
)
async def test_an_agent_that_does_not_do_it_says_why(
    tmp_path: Path, answer: dict[str, Any], words: str
) -> None:
    """As a sentence with the remedy, for the audit as for the sweep."""
    async with asked(tmp_path / "hub.db", answer, answer) as (asker, _):
        with pytest.raises(Refusal, match=words):
            await asker.shown(0)
        with pytest.raises(Refusal, match=words):
            await asker.tell_again(ACCOUNT, (A,))


async def test_an_agent_that_is_silent_is_not_waited_for_long(tmp_path: Path) -> None:
    """The time limit is the command's own."""
    async with asked(tmp_path / "hub.db", wait_s=0.05) as (asker, _):
        with pytest.raises(Refusal, match="no answer in time"):
            await asker.shown(0)


def test_a_shop_without_agent_shows_its_store(cli: Cli) -> None:
    """And says what is missing to compare; nothing is wrong with that."""
    cli.facts("tenant", "add", "Shop A")
    assert cli.lines("audit", "Shop A") == ["Shop A has had no chats and no agent yet."]
    assert cli.facts("audit", "Shop A")["accounts"] == []
    assert cli.failure("audit", "Shop B")[0] == "unknown_tenant"


def test_without_a_running_hub_the_store_speaks_alone(cli: Cli) -> None:
    """The table of an agent's last status is of the past."""

    async def go() -> None:
        async with open_scene(cli.path, FakeClock()) as scene:
            await scene.change("UPDATE agent_status SET status = 'online', account = ?", ACCOUNT)

    cli.path.parent.mkdir(parents=True)
    asyncio.run(go())
    (account,) = cli.facts("audit", "Shop A", "--days", "3")["accounts"]
    assert account["asked"] is False
    assert "No hub is running" in account["why"]
    assert [day["seen"] for day in account["days"]] == [None] * 3
    head, *rest = cli.lines("audit", "Shop A", "--days", "3")
    assert head.startswith(f"{ACCOUNT}, only what the store knows. No hub")
    assert len(rest) == 4
    assert rest[1].split()[1:] == ["-", "0", "0", "0", "0", "0", "-", "-", "-"]


def finding(*missing: Shown, healed: Healed | None = None, **more: Any) -> Finding:
    day = Day(day="1970-01-01", seen=2, missing=len(missing), arriving=0, erased=0, extra=0)
    return Finding(
        account=ACCOUNT,
        agent_id="agt_a",
        why=None,
        since_ms=0,
        found=0,
        compared=Comparison((day,), missing, **more),
        healed=healed,
    )


def test_what_differs_stands_below_the_table() -> None:
    """What was missing, what came of it, and what is not on the phone."""
    named = f"missing: {A.sent_at}  {CHAT}  A  customer's"
    row: Any = {"name": "Shop A"}

    def below(one: Finding) -> list[str]:
        return list(lines_of(row, [one]))[3:]

    assert below(finding()) == ["Nothing is missing."]
    assert below(finding(A, healed=Healed(None, ()))) == [named, "Told again: 1 of 1 are back."]
    back = finding(A, B, healed=Healed(None, (B,)))
    assert back.is_wrong
    assert below(back)[2:] == ["1 are back, 1 are not."]
    refused = finding(A, healed=Healed("It says no.", (A,)))
    assert below(refused)[1] == "They were not told again. It says no."
    gone = finding(extra=((CHAT, "X"),))
    assert below(gone)[1:] == ["1 stored but not on the phone any more: deleted there."]
    own = Shown(chat=CHAT, wa_id="O", sent_at=Instant(0), from_me=True)
    assert not finding(own, healed=Healed(None, (own,))).is_wrong


def test_a_number_goes_with_the_agent_that_has_its_phone() -> None:
    """One that did not say whose phone it has may have this one; one with another has not."""

    def of(agent_id: str, account: str | None, told: str | None = None) -> Answer:
        row: Any = {"agent_id": agent_id, "account": account}
        if told is None:
            return Answer(row, None, "why")
        return Answer(row, Told(told, 0, 0, ()))

    def chosen(*answers: Answer) -> tuple[str, str | None] | None:
        found = answer_of(ACCOUNT, list(answers))
        return None if found is None else (found.agent["agent_id"], found.why)

    other = "+919800000008"
    assert chosen() is None
    assert chosen(of("a", other), of("b", other, other)) is None
    assert chosen(of("a", ACCOUNT), of("b", other, ACCOUNT)) == ("b", None)
    assert chosen(of("a", other), of("b", None)) == ("b", "why")
    assert chosen(of("a", ACCOUNT, other)) == ("a", OTHER_NUMBER)
