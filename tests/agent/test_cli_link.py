"""`sak-agent link` without a terminal: what it asks of the running agent, and what it refuses."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from click.testing import CliRunner, Result

from agent.cli import main
from agent.cli.command import Failure
from agent.cli.link import drawn, number
from agent.drivers.driver import DriverStatus, LinkWish
from agent.link import LinkStatus, Phase
from agent.link_words import HOW_QR, ends
from agent.linking import LinkOffer
from agent.lock import DataDirLock
from agent.status import StatusFile, write_status
from tests.agent.panel.stage import KEY, Shown, shown

SECRET = "2@secret,a,b,c"
OFFER = LinkOffer("qr", SECRET, None, 2, 6)


@pytest_asyncio.fixture
async def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shown]:
    """An agent that serves its panel and runs, as far as a command can see."""
    monkeypatch.setenv("SAK_AGENT_DATA_DIR", str(tmp_path))
    (tmp_path / "panel.key").write_text(f"{KEY}\n")
    async with shown(tmp_path) as stage:
        with DataDirLock(tmp_path):
            write_status(tmp_path, said(stage.panel.port))
            yield stage


def said(port: int) -> StatusFile:
    return StatusFile(
        written_ms=0,
        pid=1,
        version="0",
        agent_id="a1",
        tenant_id="t1",
        hub_url="http://127.0.0.1:1",
        hub=LinkStatus(Phase.ONLINE, 0),
        whatsapp="qr",
        account=None,
        advice="",
        paused=False,
        outbox=0,
        inbox=0,
        last_inbound_ms=None,
        last_sweep_ms=None,
        rss_mib=1,
        panel_port=port,
    )


async def call(*words: str) -> Result:
    """The command, beside the agent that it speaks with."""
    return await asyncio.to_thread(CliRunner().invoke, main, ["link", *words, "--json"])


def error_of(result: Result) -> tuple[str, str]:
    assert result.exit_code == 2, result.output
    error = json.loads(result.stdout.splitlines()[-1])["error"]
    return error["code"], error["message"]


async def test_it_asks_the_running_agent_and_waits_for_the_link(agent: Shown) -> None:
    """The wish comes through the panel, by whoever has this installation's key."""
    agent.phone.now = DriverStatus("ready", "+919800000009")
    result = await call("--phone", "+91 98000-00009", "--window", "--new-number")
    assert json.loads(result.stdout.splitlines()[-1]) == {"linked": True}
    assert agent.phone.wishes == [LinkWish("+919800000009", window=True, new_number=True)]


async def test_a_code_is_not_written_to_what_is_no_terminal(agent: Shown) -> None:
    """A file or a pipe may go anywhere; when the codes are used up that is said."""
    agent.phone.now = DriverStatus("qr", advice=HOW_QR, link=OFFER)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(call())
        while not agent.phone.wishes:  # noqa: ASYNC110 - it is another thread that asks
            await asyncio.sleep(0.01)
        agent.phone.now = DriverStatus("logged_out", advice=ends("unused"))
    result = asked.result()
    assert error_of(result) == ("not_linked", ends("unused"))
    assert "sak-agent panel" in result.output
    assert SECRET not in result.output


async def test_what_the_agent_refuses_is_passed_on(agent: Shown) -> None:
    """In the agent's own words."""
    agent.phone.refuses = True
    assert error_of(await call()) == ("refused", "It is linked already.")


async def test_without_an_agent_there_is_nothing_to_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not running, and gone although its status is there."""
    monkeypatch.setenv("SAK_AGENT_DATA_DIR", str(tmp_path))
    assert error_of(await call())[0] == "not_running"
    with DataDirLock(tmp_path):
        write_status(tmp_path, said(9))
        assert error_of(await call())[0] == "no_answer"


@pytest.mark.parametrize("text", ["", "919800000009", "+0123456789", "+91abc", "+12345"])
def test_what_is_no_number_is_said(text: str) -> None:
    """Without a country code WhatsApp would take it for another country's."""
    with pytest.raises(Failure, match="country"):
        number(text)


def test_a_code_is_shown_as_a_phone_asks_for_it() -> None:
    """Letters in two groups; a QR only where it fits."""
    letters = drawn(LinkOffer("code", "ABCD1234", 0, 1, 6), "utf-8", 80)
    assert "    ABCD-1234" in letters
    assert "Code 1 of 6" in letters[-1]
    assert "\x1b[" in drawn(OFFER, "utf-8", 80)[0]
    (narrow,) = drawn(OFFER, "utf-8", 10)
    assert "widen" in narrow
