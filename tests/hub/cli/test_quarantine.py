"""What `sak-hub doctor` tells of events that were not understood."""

import asyncio
import json
import sqlite3
import sys
from asyncio.subprocess import PIPE
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from hub.cli.quarantine import UNNAMED, reason_shown, type_shown
from hub.clock import SystemClock
from hub.store.database import Store
from protocol import codec
from protocol.codec import LogRow
from protocol.messages import Instant, QuarantinedEvent
from tests.hub.cli.conftest import Cli, last_object
from tests.hub.gateway.client import Agent, message
from tests.hub.process import ROOT, environment, serving
from tests.hub.shops import add_agent, add_shop


def quarantine(cli: Cli, *rows: tuple[str, str, str, str, int]) -> dict[str, Any]:
    """What `doctor` says after these events (agent, type, code, reason, moment) were kept apart."""
    with closing(sqlite3.connect(cli.path)) as connection, connection:
        connection.executemany(
            "INSERT INTO quarantine (tenant_id, agent_id, event_id, type, code, reason, frame,"
            " received_at) VALUES ('ten_a', ?, 'id', ?, ?, ?, 'the text of a customer', ?)",
            rows,
        )
    checks = last_object(cli.run("doctor", "--json"))["checks"]
    (found,) = [check for check in checks if check["name"] == "quarantine"]
    return dict(found)


def test_what_was_not_understood_is_counted_by_agent(cli: Cli) -> None:
    """How many in all and since when; for each agent also what was wrong with the newest."""
    cli.run("migrate")
    found = quarantine(
        cli,
        ("agt_1", "message.poll", "unknown_type", "unknown event type", 1_000),
        ("agt_2", "message.poll", "unknown_type", "unknown event type", 2_000),
        ("agt_1", "message.status", "invalid_data", "Invalid UUID - at `$.ref`", 3_000),
    )
    assert found["verdict"] == "warn"
    assert found["finding"] == (
        "3 not understood since 1970-01-01T00:00:01.000Z; agents concerned: 2"
    )
    first, second = found["quarantined"]
    assert first == {
        "agent_id": "agt_1",
        "tenant_id": "ten_a",
        "events": 2,
        "since": "1970-01-01T00:00:01.000Z",
        "newest_at": "1970-01-01T00:00:03.000Z",
        "code": "invalid_data",
        "type": "message.status",
        "reason": "Invalid UUID - at `$.ref`",
    }
    assert (second["agent_id"], second["events"], second["type"]) == ("agt_2", 1, "message.poll")
    lines = cli.lines("doctor")
    place = lines.index(f"warn  quarantine: {found['finding']}")
    assert "agt_1 of ten_a: 2 since 1970-01-01T00:00:01.000Z" in lines[place + 1]
    assert "message.status, invalid_data: Invalid UUID - at `$.ref`" in lines[place + 1]
    assert lines[place + 3] == f"      {found['remedy']}"


def test_of_many_agents_a_screen_is_shown(cli: Cli) -> None:
    """The finding counts all of them, the list ends with the newest."""
    cli.run("migrate")
    found = quarantine(cli, *((f"agt_{n}", "x", "unknown_type", "unknown", n) for n in range(50)))
    assert found["finding"].endswith("agents concerned: 50")
    shown = [one["agent_id"] for one in found["quarantined"]]
    assert shown == [f"agt_{n}" for n in range(49, 29, -1)]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("message.received", "message.received"),
        ("message.poll2", "message.poll2"),
        ("call me at 98000 00001", UNNAMED),
        ("x919800000001", UNNAMED),
        ("sak_a_secretsecret", UNNAMED),
        ("\x1b[31mred", UNNAMED),
        ("", UNNAMED),
    ],
)
def test_a_type_is_shown_only_if_it_looks_like_one(name: str, shown: str) -> None:
    """An agent may write anything there, a customer's number or words too."""
    assert type_shown(name) == shown


@pytest.mark.parametrize("value", ["sold to Asha", 'it\'s "she"', "+919800000001", "`$.x` - at"])
def test_a_reason_is_shown_without_the_value_that_it_quotes(value: str) -> None:
    """What the decoder says of a real bad status: the sentence and the place, not the word."""
    data = {"ref": str(uuid4()), "state": value}
    frame = {"type": "message.status", "id": str(uuid4()), "seq": 1, "ts": str(Instant(0))}
    bad = codec.decode(json.dumps(frame | {"data": data}))
    assert isinstance(bad, QuarantinedEvent)
    assert value in bad.reason or value in bad.reason.replace("\\", "")
    assert reason_shown(bad.reason) == "Invalid enum value '...' - at `$.state`"
    assert value not in reason_shown(bad.reason[:-20])  # as the store clips it


async def test_a_poison_event_harms_nobody_and_is_shown(tmp_path: Path) -> None:
    """A running hub acknowledges and reports it, takes what follows, and the doctor tells of it."""
    clock = SystemClock()
    async with Store.open(f"sqlite:///{tmp_path}/hub.db", clock) as store:
        await add_shop(store, clock)
        token = await add_agent(store, clock)
    async with serving(tmp_path) as hub:
        agent = Agent(f"ws://127.0.0.1:{hub.port}/agent", token, "agt_a")
        told = message("a customer's secret")
        bad = LogRow(uuid4(), 1, Instant(0), "message.status", '{"state":"secret +919800000001"}')
        strange = LogRow(uuid4(), 2, Instant(0), "message.poll", codec.encode_data(told))
        agent.log += [bad, strange]
        async with agent.dial() as line:
            await line.live()
            await line.say("the next one")
            await line.until(lambda: len(line.errors) == 2)
            await line.say("and one more")
        faults = [(error.code, error.ref, error.retryable) for error in line.errors]
        assert faults == [("invalid_data", bad.id, False), ("unknown_type", strange.id, False)]
        told_json, told_text = await examined(tmp_path, "--json"), await examined(tmp_path)
    (found,) = [c for c in json.loads(told_json)["checks"] if c["name"] == "quarantine"]
    (poison,) = found["quarantined"]
    assert (found["verdict"], poison["agent_id"], poison["events"]) == ("warn", "agt_a", 2)
    assert (poison["code"], poison["type"]) == ("unknown_type", "message.poll")
    assert "warn  quarantine: 2 not understood since" in told_text
    for secret in ("secret", "98000", token):
        assert secret not in told_json + told_text


async def examined(folder: Path, *words: str) -> str:
    """What `sak-hub doctor` prints while the hub runs."""
    command = [sys.executable, "-m", "hub", "doctor", *words]
    env = environment(folder, {"port": 0})
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=env, stdout=PIPE)
    told, _ = await process.communicate()
    assert process.returncode == 0
    return told.decode()
