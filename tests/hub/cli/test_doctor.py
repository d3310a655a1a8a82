"""`sak-hub doctor` and `sak-hub migrate`."""

import asyncio
import json
import socket
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from hub.cli.checks import disk
from hub.clock import SystemClock
from hub.store import serving
from hub.store.database import Store
from tests.hub import process as hub_process
from tests.hub.cli.conftest import Cli, last_object
from tests.hub.shops import add_shop


@pytest.fixture(autouse=True)
def _free_port(cli: Cli) -> None:
    """Port 0: whatever else runs on this machine, one is free."""
    cli.env["SAK_HUB_PORT"] = "0"


def verdicts(cli: Cli) -> dict[str, str]:
    """What `doctor` says of each part."""
    checks = last_object(cli.run("doctor", "--json"))["checks"]
    assert all(check["verdict"] == "ok" or check["remedy"] for check in checks)
    return {check["name"]: check["verdict"] for check in checks}


def test_a_new_hub_is_sound_and_told_what_to_do_next(cli: Cli) -> None:
    """Nothing fails on an empty database; what is missing is a warning with its command."""
    assert verdicts(cli) == {
        "settings": "ok",
        "database": "ok",
        "writer": "ok",
        "disk": "ok",
        "port": "ok",
        "tenants": "warn",
        "agents": "warn",
        "quarantine": "ok",
        "papers": "ok",
        "notices": "ok",
        "fonts": "ok",
    }
    lines = cli.lines("doctor")
    assert lines[0].startswith("ok    settings: ")
    assert "      Add a shop: sak-hub tenant add NAME" in lines


def test_a_shop_without_products_is_a_warning(cli: Cli) -> None:
    """It could not tell any price."""
    cli.run("tenant", "add", "Shop A")
    assert verdicts(cli)["catalog"] == "warn"


def test_a_way_to_pay_without_an_address_is_a_warning(cli: Cli) -> None:
    """Customers could choose UPI and would get no code."""
    cli.run("tenant", "add", "Shop A")
    cli.run("tenant", "set", "Shop A", "payment", "cod, upi, bank")
    warned = [line for line in cli.lines("doctor") if "customers may pay" in line]
    assert ["upi_vpa" in line for line in warned] == [True, False]
    cli.run("tenant", "set", "Shop A", "upi_vpa", "shop@examplebank")
    cli.run("tenant", "set", "Shop A", "bank_text", "Example Bank")
    assert "payment" not in verdicts(cli)


@pytest.mark.parametrize(
    ("free", "verdict"), [(2**20, "fail"), (2**30, "warn"), (2**32, "ok"), (2**39, "ok")]
)
def test_a_disk_is_full_by_percent_and_by_bytes(free: int, verdict: str) -> None:
    """Agents are asked to wait at 90 % under 2 GiB; almost nothing left is a failure."""
    total = 2**40
    assert disk(total, free, full_pct=90).verdict == verdict


def test_agents_that_are_not_well_are_a_warning(cli: Cli) -> None:
    """Counted by status; a revoked or stopped one is nobody's trouble."""
    tenant_id = cli.facts("tenant", "add", "Shop A")["tenant_id"]
    agent = "INSERT INTO agents VALUES (?, ?, 'PC', 'OS', '1', 1, NULL)"
    status = "INSERT INTO agent_status (agent_id, tenant_id, status, since) VALUES (?, ?, ?, 1)"
    found = []
    for number, word in enumerate(("offline", "lost")):
        with closing(sqlite3.connect(cli.path)) as connection, connection:
            connection.execute(agent, (f"agt_{number}", tenant_id))
            connection.execute(status, (f"agt_{number}", tenant_id, word))
        with serving.alone(cli.path):
            found.append(verdicts(cli)["agents"])
    assert found == ["ok", "warn"]
    with serving.alone(cli.path):
        assert any("1 lost, 1 offline" in line for line in cli.lines("doctor"))
    assert any("no hub is running" in line for line in cli.lines("doctor"))


def test_a_wrong_setting_stops_the_examination(cli: Cli) -> None:
    """Without sound settings nothing else can be looked at; exit code 2."""
    cli.env["SAK_HUB_PORT"] = "eighty"
    result = cli.run("doctor", "--json")
    assert result.exit_code == 2
    facts = last_object(result)
    assert facts["error"]["code"] == "unhealthy"
    assert [check["name"] for check in facts["checks"]] == ["settings"]
    assert cli.failure("tenant", "list")[0] == "settings"


def test_a_damaged_database_is_told_and_left_alone(cli: Cli) -> None:
    """The file is not touched, by the doctor or by any other command."""
    cli.path.parent.mkdir()
    cli.path.write_bytes(b"this is no database" * 1000)
    result = cli.run("doctor", "--json")
    assert result.exit_code == 2
    assert last_object(result)["checks"][-1]["verdict"] == "fail"
    assert cli.failure("migrate")[0] == "store_damaged"
    assert cli.path.read_bytes() == b"this is no database" * 1000


def test_a_taken_port_is_told(cli: Cli) -> None:
    """What holds the port and is no hub is a failure with the remedy."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        cli.env["SAK_HUB_PORT"] = str(server.getsockname()[1])
        with ThreadPoolExecutor(1) as other:
            other.submit(hang_up, server)
            result = cli.run("doctor", "--json")
    assert result.exit_code == 2
    (port,) = [check for check in last_object(result)["checks"] if check["name"] == "port"]
    assert (port["verdict"], "SAK_HUB_PORT" in port["remedy"]) == ("fail", True)


def test_an_address_of_another_machine_is_told(cli: Cli) -> None:
    """The remedy is the host then, not the port."""
    cli.env |= {"SAK_HUB_HOST": "192.0.2.1", "SAK_HUB_BEHIND_PROXY": "true"}
    result = cli.run("doctor", "--json")
    (port,) = [check for check in last_object(result)["checks"] if check["name"] == "port"]
    assert (port["verdict"], port["remedy"]) == ("fail", "Correct SAK_HUB_HOST.")


def test_a_password_in_the_databases_address_is_not_shown(cli: Cli) -> None:
    """It may be one for a server that this version does not speak to."""
    cli.env["SAK_HUB_DATABASE_URL"] = "postgres://me:hunter2@db.example/hub"
    result = cli.run("doctor")
    assert result.exit_code == 2
    assert "hunter2" not in result.output


def hang_up(server: socket.socket) -> None:
    """Answer the first caller as no hub does."""
    caller, _ = server.accept()
    caller.close()


def test_a_port_where_a_hub_answers_is_in_order(cli: Cli) -> None:
    """The doctor of a running hub finds it by its /healthz."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        cli.env["SAK_HUB_PORT"] = str(server.getsockname()[1])
        with ThreadPoolExecutor(1) as hub:
            hub.submit(answer_as_a_hub, server)
            assert verdicts(cli)["port"] == "ok"


def answer_as_a_hub(server: socket.socket) -> None:
    """Answer the first caller with what /healthz says."""
    caller, _ = server.accept()
    with caller:
        assert caller.recv(1000).startswith(b"GET /healthz ")
        caller.sendall(b'HTTP/1.0 200 OK\r\nContent-Length: 14\r\n\r\n{"alive":true}')


def test_migrate_tells_where_the_database_is(cli: Cli) -> None:
    """The folder is made, the file has the newest schema, and doing it again changes nothing."""
    for _ in range(2):
        facts = cli.facts("migrate")
        assert facts["database"] == str(cli.path)
        assert facts["schema"] >= 1


async def test_a_disk_that_takes_no_more_is_told(tmp_path: Path) -> None:
    """With a hub running: what is there can be read, and the trial write fails."""
    clock = SystemClock()
    async with Store.open(f"sqlite:///{tmp_path}/hub.db", clock) as store:
        await add_shop(store, clock)
    async with hub_process.serving(tmp_path):
        told = [
            await asyncio.to_thread(
                subprocess.run,
                [*limit, sys.executable, "-m", "hub", "doctor", "--json"],
                cwd=hub_process.ROOT,
                env=hub_process.environment(tmp_path, {"port": 0}),
                capture_output=True,
                timeout=30,
                check=False,
            )
            for limit in ([], ["/usr/bin/prlimit", "--fsize=4096"])
        ]
    found = []
    for one in told:
        (writer,) = [it for it in json.loads(one.stdout)["checks"] if it["name"] == "writer"]
        found.append((writer["verdict"], one.returncode))
    assert found == [("ok", 0), ("fail", 2)]
    assert b"is full, or its quota" in told[1].stdout


@pytest.mark.parametrize(
    ("age_s", "done", "tries", "verdict", "says"),
    [
        (10, False, 0, "ok", "1 waiting since"),
        (3_600, False, 2, "warn", "1 waiting since"),
        (10, True, 3, "warn", "1 given up within a week"),
        (30 * 86_400, True, 3, "ok", "none waiting"),
        (10, True, 0, "ok", "none waiting"),
    ],
)
def test_papers_that_nobody_gets_are_a_warning(
    cli: Cli, age_s: int, done: bool, tries: int, verdict: str, says: str
) -> None:
    """Late ones and those given up lately, with what to do; not those that nobody needs."""
    tenant_id = cli.facts("tenant", "add", "Shop A")["tenant_id"]
    at = SystemClock().now_ms() - age_s * 1000
    paper = (
        "INSERT INTO order_papers (tenant_id, order_id, kind, account, chat, agent_id, created_at,"
        " done_at, tries) VALUES (?, 'ord', 'invoice', 'a', 'c', 'g', ?, ?, ?)"
    )
    with closing(sqlite3.connect(cli.path)) as connection, connection:
        connection.execute(paper, (tenant_id, at, at if done else None, tries))
    checks = last_object(cli.run("doctor", "--json"))["checks"]
    (papers,) = [check for check in checks if check["name"] == "papers"]
    assert (papers["verdict"], says in papers["finding"]) == (verdict, True)
    assert bool(papers.get("remedy")) == (verdict == "warn")
