"""`sak-hub notices` and `sak-hub tenant spending`: what the operator is told of a model's cost."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from hub.assistant import purse
from hub.assistant.budget import Limit, Limits, Reserved, Spent, accounts_of
from hub.clock import SystemClock
from hub.store import operator_notices
from hub.store.database import Store
from hub.store.tx import Tx
from tests.hub.cli.conftest import Cli, last_object

ZONE = "Asia/Kolkata"
MODEL = {"OPENAI_API_KEY": "sk-invented", "SAK_HUB_MODEL_NAME": "scripted"}


def changed(cli: Cli, change: Callable[[Tx], Any]) -> None:
    """What a hub does meanwhile."""

    async def run() -> None:
        async with Store.open(cli.env["SAK_HUB_DATABASE_URL"], SystemClock()) as store:
            await store.write(change)

    asyncio.run(run())


def told(cli: Cli, tenant_id: str, kind: operator_notices.Kind, subject: str) -> None:
    changed(cli, lambda tx: operator_notices.tell(tx, tenant_id, kind, subject, 1_800_000_000_000))


@pytest.fixture
def tenant_id(cli: Cli) -> str:
    """A shop that was added."""
    return str(cli.facts("tenant", "add", "Shop A")["tenant_id"])


def test_notices_are_sentences_with_a_remedy(cli: Cli, tenant_id: str) -> None:
    """The newest first; each names whose it is and what can be done."""
    assert cli.lines("notices") == ["No notices."]
    told(cli, tenant_id, "budget", "tenant_day 2026-11-22")
    told(cli, tenant_id, "budget", "tenant_month 2026-11")
    told(cli, tenant_id, "budget", "customer_day 2026-11-22")
    told(cli, "", "breaker", "refused 2026-11-22 14:05")
    told(cli, "", "breaker", "quota 2026-11-22 15:30")
    lines = cli.lines("notices")
    findings, remedies = lines[::2], lines[1::2]
    assert [line.partition("  ")[2] for line in findings] == [
        "No model was asked from 2026-11-22 15:30 UTC on: the quota at its provider is used up.",
        "No model was asked from 2026-11-22 14:05 UTC on: its provider refused the key or the "
        "model.",
        "Shop A: a customer reached the limit of one customer for the day 2026-11-22; the "
        "assistant went on without it.",
        "Shop A reached its limit of the model for the month 2026-11; the assistant went on "
        "without it.",
        "Shop A reached its limit of the model for the day 2026-11-22; the assistant went on "
        "without it.",
    ]
    for word, remedy in zip(
        ("Pay", "OPENAI_API_KEY", "model_customer_day_tokens", "month_tokens", "day_cost"),
        remedies,
        strict=True,
    ):
        assert word in remedy
    told(cli, tenant_id, "loop", "919800000001@c.us 2026-11-22T14:00:00.000Z")
    finding, remedy, *_ = cli.lines("notices")
    assert "Shop A: the assistant stopped itself in chat 919800000001@c.us: " in finding
    assert f"sak-hub chats resume {tenant_id} 919800000001@c.us" in remedy
    cli.run("notices", "--seen", tenant_id)
    (newest, *_) = cli.facts("notices")["notices"]
    assert (newest["tenant_id"], newest["kind"]) == ("", "breaker")
    assert newest["at"].endswith("Z")


def test_what_was_seen_is_not_shown_again(cli: Cli, tenant_id: str) -> None:
    """One shop's by id or name, the hub's own as `hub`."""
    told(cli, tenant_id, "budget", "tenant_day 2026-11-22")
    told(cli, "", "breaker", "quota 2026-11-22 15:30")
    assert cli.facts("notices", "--seen", "Shop A") == {
        "tenant_id": tenant_id,
        "tenant": "Shop A",
        "seen": 1,
    }
    assert [one["kind"] for one in cli.facts("notices")["notices"]] == ["breaker"]
    assert cli.lines("notices", "--seen", "hub") == ["hub: 1 marked as seen"]
    assert cli.facts("notices", "--seen", tenant_id)["seen"] == 0
    assert cli.lines("notices") == ["No notices."]


def test_nobody_elses_notices_are_marked(cli: Cli, tenant_id: str) -> None:
    """An unknown shop is told with both ways to say whose is meant."""
    told(cli, tenant_id, "budget", "tenant_day 2026-11-22")
    code, message = cli.failure("notices", "--seen", "Nowhere")
    assert code == "unknown_tenant"
    assert "'hub'" in message
    assert len(cli.facts("notices")["notices"]) == 1


def test_the_doctor_shows_what_nobody_saw(cli: Cli, tenant_id: str) -> None:
    """With the command that ends it."""
    cli.env["SAK_HUB_PORT"] = "0"
    told(cli, "", "breaker", "quota 2026-11-22 15:30")
    told(cli, tenant_id, "budget", "tenant_day 2026-11-22")
    for whose in (tenant_id, "hub"):
        checks = last_object(cli.run("doctor", "--json"))["checks"]
        first = next(check for check in checks if check["name"] == "notices")
        assert first["verdict"] == "warn"
        assert first["remedy"].endswith(f"Then: sak-hub notices --seen {whose}")
        cli.run("notices", "--seen", whose)
    assert "ok    notices: none unseen" in cli.lines("doctor")


def test_wishes_that_have_no_effect_are_told(cli: Cli, tenant_id: str) -> None:
    """A model that the hub has none of; a limit of cost where nothing has a price."""
    cli.env["SAK_HUB_PORT"] = "0"

    def warned() -> list[str]:
        checks = last_object(cli.run("doctor", "--json"))["checks"]
        return [check["finding"] for check in checks if check["name"] == "model"]

    assert warned() == []
    cli.run("tenant", "set", tenant_id, "model_mode", "model")
    cli.run("tenant", "set", tenant_id, "model_day_cost", "2")
    assert warned() == ["Shop A: its model_mode is model, and the hub asks none"]
    cli.env |= MODEL
    assert warned() == ["Shop A: its limit of cost is never reached, for nothing has a price"]
    cli.env["SAK_HUB_MODEL_PRICE_OUTPUT"] = "0.6"
    assert warned() == []


def test_a_shop_shows_what_answers_it(cli: Cli, tenant_id: str) -> None:
    """Its wish where the hub has a model; else that there is none, and what that would take."""

    def answers() -> tuple[str, str | None]:
        facts = cli.facts("tenant", "show", tenant_id)
        return facts["answers"], facts["model_missing"]

    lines = cli.lines("tenant", "set", tenant_id, "model_mode", "model")
    assert lines[0] == "Shop A: model_mode is now model"
    assert "set OPENAI_API_KEY and SAK_HUB_MODEL_NAME" in lines[1]
    assert answers() == ("embedded", "set OPENAI_API_KEY and SAK_HUB_MODEL_NAME")
    cli.env |= MODEL
    assert answers() == ("model", None)
    assert cli.lines("tenant", "set", tenant_id, "model_mode", "none") == [
        "Shop A: model_mode is now as the hub has it"
    ]
    assert answers() == ("hybrid", None)


def test_spending_is_shown_with_what_is_left(cli: Cli, tenant_id: str) -> None:
    """Of the lower one of both limits, in tokens and in money, for the shop's own day and month."""
    cli.env |= MODEL | {
        "SAK_HUB_MODEL_PRICE_OUTPUT": "1",
        "SAK_HUB_MODEL_TENANT_MONTH_COST": "2.5",
        "SAK_HUB_MODEL_TENANT_DAY_TOKENS": "9000",
    }
    cli.run("tenant", "set", tenant_id, "model_day_tokens", "5000")
    cli.run("tenant", "set", tenant_id, "model_month_cost", "10")
    cli.run("tenant", "set", tenant_id, "model_customer_day_tokens", "1000")
    now_ms = SystemClock().now_ms()
    limits = Limits(customer_day=Limit(1_000), tenant_day=Limit(2_000))

    def use(tx: Tx) -> None:
        for who, tokens in (("a", 700), ("b", 300), ("b", 900), ("c", 1_000), ("d", 1)):
            accounts = accounts_of(tenant_id, who, ZONE, now_ms)
            reserved = purse.reserve(tx, accounts, Spent(tokens, tokens * 10), limits, now_ms)
            if isinstance(reserved, Reserved):
                purse.settle(tx, reserved, reserved.spent)

    changed(cli, use)
    facts = cli.facts("tenant", "spending", "Shop A")
    day, month, most = (facts[key] for key in ("tenant_day", "tenant_month", "customer_day"))
    assert (day["tokens"], day["tokens_max"], day["tokens_left"]) == (2_000, 5_000, 3_000)
    assert (day["cost"], day["cost_max"], day["not_asked"]) == ("0.02", None, 1)
    assert (month["tokens_max"], month["cost_max"], month["cost_left"]) == (None, "2.5", "2.48")
    assert (most["tokens"], most["tokens_left"], most["customers_stopped"]) == (1_000, 0, 1)
    assert (most["customers"], facts["answers"], facts["timezone"]) == (3, "hybrid", ZONE)
    lines = cli.lines("tenant", "spending", tenant_id)
    assert lines[0] == "Shop A (Asia/Kolkata), answers hybrid"
    assert lines[2].split() == [
        "today,",
        day["period"],
        *["2,000", "5,000", "3,000", "0.02", "-", "-", "1"],
    ]
    assert lines[-1] == "Customers who reached their limit today: 1"


def test_spending_of_nobody_is_refused(cli: Cli) -> None:
    """With the command that shows the names."""
    code, message = cli.failure("tenant", "spending", "Nowhere")
    assert (code, "sak-hub tenant list" in message) == ("unknown_tenant", True)
