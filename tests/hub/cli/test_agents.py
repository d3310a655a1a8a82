"""`sak-hub agent`."""

import asyncio
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from hub.clock import SystemClock
from hub.gateway.pairing import Device, normalise
from hub.store import serving
from hub.store.database import Store
from tests.hub.cli.conftest import Cli
from tests.hub.shops import add_agent


@pytest.fixture
def shop(cli: Cli) -> str:
    """A shop with the agent agt_a on the device "Counter PC"; its id."""
    tenant_id: str = cli.facts("tenant", "add", "Shop A", "--mode", "auto")["tenant_id"]
    pair(cli, tenant_id, "agt_a", "Counter PC")
    return tenant_id


def pair(cli: Cli, tenant_id: str, agent_id: str, name: str) -> None:
    async def work() -> None:
        clock = SystemClock()
        async with Store.open(cli.env["SAK_HUB_DATABASE_URL"], clock) as store:
            await add_agent(store, clock, agent_id, tenant_id, device=Device(name, "Test OS", "1"))

    asyncio.run(work())


def sql(cli: Cli, statement: str) -> list[Any]:
    with closing(sqlite3.connect(cli.path)) as connection, connection:
        return connection.execute(statement).fetchall()


@pytest.mark.usefixtures("shop")
def test_an_invitation_is_a_code_and_its_end(cli: Cli) -> None:
    """The code can be typed; a person is shown the command for the PC."""
    facts = cli.facts("agent", "invite", "Shop A")
    assert set(facts) == {"code", "expires_at"}
    assert normalise(facts["code"]) == facts["code"].replace("-", "")
    assert facts["expires_at"].endswith("Z")
    _, command, hint = cli.lines("agent", "invite", "Shop A")
    assert "sak-agent pair http://127.0.0.1:8080 " in command
    assert "SAK_HUB_PUBLIC_URL" in hint


@pytest.mark.usefixtures("shop")
def test_an_invitation_names_the_address_that_is_known(cli: Cli) -> None:
    """The public one; a hub that listens everywhere does not know where it is reached."""
    cli.env |= {"SAK_HUB_HOST": "0.0.0.0", "SAK_HUB_BEHIND_PROXY": "true"}  # noqa: S104
    assert "sak-agent pair URL " in cli.lines("agent", "invite", "Shop A")[1]
    cli.env["SAK_HUB_PUBLIC_URL"] = "https://hub.example.com"
    _, command = cli.lines("agent", "invite", "Shop A")
    assert "sak-agent pair https://hub.example.com " in command


def test_nobody_is_invited_to_an_unknown_shop(cli: Cli) -> None:
    """An unknown tenant gets one sentence and no code."""
    assert cli.failure("agent", "invite", "Nowhere")[0] == "unknown_tenant"


def test_agents_are_listed_with_their_status(cli: Cli, shop: str) -> None:
    """An agent that never came is offline and was never seen."""
    (agent,) = cli.facts("agent", "list")["agents"]
    assert (agent["agent_id"], agent["tenant_id"], agent["tenant"]) == ("agt_a", shop, "Shop A")
    assert (agent["status"], agent["last_seen"], agent["name"]) == ("offline", None, "Counter PC")
    _, row = cli.lines("agent", "list")
    assert row.startswith("agt_a")


@pytest.mark.usefixtures("shop")
def test_nobody_is_online_while_no_hub_runs(cli: Cli) -> None:
    """The table's last word is not the present: only a running hub hears heartbeats."""
    with closing(sqlite3.connect(cli.path)) as connection, connection:
        connection.execute("UPDATE agent_status SET status = 'online'")
    (agent,) = cli.facts("agent", "list")["agents"]
    assert agent["status"] == "unknown"
    assert cli.lines("agent", "list")[-1].startswith("No hub is running here")
    with serving.alone(cli.path):
        (agent,) = cli.facts("agent", "list")["agents"]
        assert agent["status"] == "online"


def test_a_device_cannot_write_on_the_terminal(cli: Cli, shop: str) -> None:
    """Control characters in a device's name are not printed as they are."""
    pair(cli, shop, "agt_b", "PC\x1b[31m\nroot")
    output = "\n".join(cli.lines("agent", "list"))
    assert "\x1b" not in output
    assert "PC\ufffd[31m\ufffdroot" in output


@pytest.mark.usefixtures("shop")
def test_a_revoked_agent_is_blocked_for_good(cli: Cli) -> None:
    """Its tokens end, the table and its history say so, and doing it twice changes nothing."""
    assert cli.facts("agent", "revoke", "Counter PC") == {"agent_id": "agt_a", "status": "blocked"}
    (agent,) = cli.facts("agent", "list")["agents"]
    assert agent["status"] == "blocked"
    assert sql(cli, "SELECT count(*) FROM agent_tokens WHERE retired_at IS NULL") == [(0,)]
    assert cli.run("agent", "revoke", "agt_a").exit_code == 0
    history = "SELECT from_status, to_status, reason FROM agent_status_history"
    assert sql(cli, history) == [("offline", "blocked", "revoked")]
    assert cli.failure("agent", "unblock", "agt_a")[0] == "revoked"


@pytest.mark.usefixtures("shop")
def test_an_agent_kept_out_is_let_in_again(cli: Cli) -> None:
    """Unblocking makes a duplicate offline and starts the counting of takeovers anew."""
    sql(cli, "UPDATE agent_status SET status = 'blocked', blocked_until = 9999999999999")
    sql(
        cli,
        "INSERT INTO agent_takeovers (tenant_id, agent_id, at, winner, loser)"
        " VALUES ('x', 'agt_a', 1, 'i', 'j')",
    )
    assert cli.facts("agent", "unblock", "agt_a") == {"agent_id": "agt_a", "status": "offline"}
    assert sql(cli, "SELECT count(*) FROM agent_takeovers") == [(0,)]
    assert sql(cli, "SELECT reason FROM agent_status_history") == [("unblocked",)]
    assert sql(cli, "SELECT blocked_until FROM agent_status") == [(None,)]


def test_an_agents_name_must_mean_one(cli: Cli, shop: str) -> None:
    """Two living agents of one name need an id; a revoked one does not stand in the way."""
    pair(cli, shop, "agt_b", "Counter PC")
    code, message = cli.failure("agent", "revoke", "Counter PC")
    assert code == "ambiguous_agent"
    assert "agt_a, agt_b" in message
    cli.run("agent", "revoke", "agt_a")
    assert cli.facts("agent", "revoke", "Counter PC")["agent_id"] == "agt_b"


def test_a_device_that_calls_itself_like_an_id_does_not_take_its_place(cli: Cli, shop: str) -> None:
    """An id always means the agent that has it."""
    pair(cli, shop, "agt_b", "agt_a")
    assert cli.facts("agent", "revoke", "agt_a")["agent_id"] == "agt_a"


@pytest.mark.parametrize("command", ["revoke", "unblock"])
def test_an_unknown_agent_is_told_with_the_remedy(cli: Cli, command: str) -> None:
    """One sentence says where ids and names can be seen."""
    code, message = cli.failure("agent", command, "nobody")
    assert code == "unknown_agent"
    assert "sak-hub agent list" in message
