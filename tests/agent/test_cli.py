"""`sak-agent` as a person and as a program use it: what it prints, and how it fails."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agent.cli import main
from agent.cli.command import Failure
from agent.cli.practice import practice_phone
from agent.journal import FILE_NAME, Identity, Journal
from agent.settings import Settings
from tests.agent.small_hub import GOOD_CODE, SmallHub, small_hub
from tests.fakes import FakeClock

ROOT = Path(__file__).parents[2]


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The agent's directory, not yet made; the settings name it."""
    for name in list(os.environ):  # noqa: TID251 - the test's own process
        if name.startswith("SAK_"):
            monkeypatch.delenv(name)
    path = tmp_path / "data"
    monkeypatch.setenv("SAK_AGENT_DATA_DIR", str(path))
    return path


@pytest.fixture
def memory(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings of a memory driver; the data directory."""
    monkeypatch.setenv("SAK_AGENT_DRIVER", "memory")
    monkeypatch.setenv("SAK_AGENT_MEMORY_IN", str(tmp_path / "in.jsonl"))
    monkeypatch.setenv("SAK_AGENT_MEMORY_OUT", str(tmp_path / "out.jsonl"))
    return data_dir


@pytest.fixture
def hub() -> Iterator[SmallHub]:
    with small_hub() as running:
        yield running


def call(*args: str) -> Result:
    """One command, in this process."""
    return CliRunner().invoke(main, args)


def facts(*args: str) -> dict[str, Any]:
    """What a successful command tells a program."""
    result = call(*args, "--json")
    assert result.exit_code == 0, result.output
    return last_object(result.stdout)


def last_object(output: str) -> dict[str, Any]:
    """The JSON object on the last line."""
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    return found


def failure(*args: str) -> tuple[str, str]:
    """Code and sentence of a command that fails as a user's mistake."""
    result = call(*args, "--json")
    assert result.exit_code == 2, result.output
    error = last_object(result.stdout)["error"]
    return error["code"], error["message"]


def identity_in(data_dir: Path) -> Identity | None:
    """Who the agent in this directory is."""

    async def look() -> Identity | None:
        journal = await Journal.open(data_dir / FILE_NAME, FakeClock())
        try:
            return await journal.identity()
        finally:
            await journal.close()

    return asyncio.run(look())


@contextmanager
def agent(*args: str) -> Iterator[subprocess.Popen[str]]:
    """`sak-agent` as its own process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "agent", *args],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_pairing_makes_this_pc_the_agent(data_dir: Path, hub: SmallHub) -> None:
    """A good code: the journal holds the identity, the hub got the device, no token is shown."""
    result = call("pair", hub.url, GOOD_CODE, "--name", "Counter" + "x" * 300, "--json")
    assert last_object(result.stdout) == {
        "agent_id": "a1",
        "tenant_id": "t1",
        "hub_url": hub.url,
        "data_dir": str(data_dir),
    }
    assert "sak_a_" not in result.output
    identity = identity_in(data_dir)
    assert identity is not None
    assert identity.token == "sak_a_invented"
    (paired,) = hub.pairings
    assert paired["device"]["name"] == ("Counter" + "x" * 300)[:200]
    assert set(paired["device"]) == {"name", "os", "version"}


def test_pairing_tells_a_person_what_is_next(data_dir: Path, hub: SmallHub) -> None:
    """Without --json there are sentences, and a name is chosen."""
    result = call("pair", hub.url, GOOD_CODE)
    assert "agent a1 of shop t1" in result.stdout
    assert "sak-agent run" in result.stdout
    assert hub.pairings[0]["device"]["name"]


def test_a_code_that_does_not_pair_changes_nothing(data_dir: Path, hub: SmallHub) -> None:
    """Unknown, used and unreachable each have their sentence; nobody is paired after them."""
    assert "does not know this code" in failure("pair", hub.url, "NOPE-NOPE")[1]
    assert "used already" in failure("pair", hub.url, "USED-CODE")[1]
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    code, message = failure("pair", f"http://127.0.0.1:{port}", GOOD_CODE)
    assert (code, "cannot be reached" in message) == ("pairing", True)
    assert "address" in failure("pair", "hub.example", GOOD_CODE)[1]
    assert [path.name for path in data_dir.iterdir()] == ["agent.lock"]  # no journal of nobody
    assert call("pair", hub.url, GOOD_CODE).exit_code == 0
    failure("pair", hub.url, "NOPE-NOPE")
    assert identity_in(data_dir) is not None


def test_a_wrong_setting_stops_every_command(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A setting that does not exist or makes no sense is named, and nothing is made."""
    monkeypatch.setenv("SAK_AGENT_DRIVER", "carrier-pigeon")
    for command in (["status"], ["run"], ["logs"], ["pair", "http://127.0.0.1:1", "X"]):
        code, message = failure(*command)
        assert code == "settings"
        assert "SAK_AGENT_DRIVER" in message
    assert not data_dir.exists()


def test_a_damaged_journal_is_named_with_the_remedy_and_moved_aside(data_dir: Path) -> None:
    """The remedy in the sentence works, and keeps the old file."""
    data_dir.mkdir()
    (data_dir / FILE_NAME).write_bytes(b"no database at all, and long enough to look like one" * 9)
    code, message = failure("status")
    assert code == "journal_damaged"
    assert "doctor --move-journal-aside" in message
    moved = facts("doctor", "--move-journal-aside")["moved_to"]
    assert Path(moved).read_bytes().startswith(b"no database")
    assert facts("status")["paired"] is False
    assert failure("doctor", "--move-journal-aside")[0] == "no_journal"


def test_status_before_pairing_and_before_running(data_dir: Path, hub: SmallHub) -> None:
    """It says what is missing and how to get it, and makes nothing."""
    assert "sak-agent pair" in call("status").stdout
    assert not data_dir.exists()
    call("pair", hub.url, GOOD_CODE)
    assert "sak-agent run" in call("status").stdout
    told = facts("status")
    assert (told["paired"], told["running"], told["whatsapp"]) == (True, False, "stopped")


def test_usage_errors_are_json_too(data_dir: Path) -> None:
    """A missing argument and an unknown command fail as every failure does."""
    assert failure("pair")[0] == "usage"
    assert failure("dance")[0] == "usage"
    assert call("dance").exit_code == 2
    assert call("--help").exit_code == 0


def test_running_without_pairing_says_so(memory: Path) -> None:
    """The first mistake everybody makes has the remedy in its sentence."""
    with agent("run", "--json") as process:
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 2
    assert last_object(output)["error"]["code"] == "not_paired"
    assert not (memory / FILE_NAME).exists()


def test_a_place_that_cannot_be_used_is_named(
    memory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file where a directory should be, for the data or the outgoing messages."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SAK_AGENT_MEMORY_OUT", str(tmp_path / "file" / "out.jsonl"))
    with agent("run", "--json") as process:
        output, _ = process.communicate(timeout=30)
    assert last_object(output)["error"]["code"] == "settings"
    assert "SAK_AGENT_MEMORY_OUT" in output
    monkeypatch.setenv("SAK_AGENT_DATA_DIR", str(tmp_path / "file"))
    with agent("run", "--json") as process:
        output, _ = process.communicate(timeout=30)
    assert last_object(output)["error"]["code"] == "settings"
    assert str(tmp_path / "file") in output


def test_a_missing_browser_ends_the_run_with_its_remedy(
    data_dir: Path, hub: SmallHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nothing can heal ends the agent with one sentence; so does install-browser."""
    call("pair", hub.url, GOOD_CODE)
    monkeypatch.setenv("SAK_AGENT_BROWSER", "/nowhere/chromium")
    with agent("run", "--json") as process:
        output, logged = process.communicate(timeout=60)
    assert (process.returncode, logged) == (2, "")  # the hub was not told of it
    error = last_object(output)["error"]
    assert error["code"] == "browser_missing"
    assert "/nowhere/chromium" in error["message"]
    assert failure("install-browser")[0] == "browser_missing"
    monkeypatch.setenv("SAK_AGENT_BROWSER", sys.executable)
    assert facts("install-browser") == {"browser": sys.executable}


def test_a_running_agent_is_seen_and_stopped(memory: Path, hub: SmallHub) -> None:
    """Status and logs look at it while it runs; a second one is refused; SIGTERM ends it."""
    call("pair", hub.url, GOOD_CODE)
    with agent("run", "--json") as process:
        told = facts("status")
        while process.poll() is None and told["whatsapp"] != "ready":
            told = facts("status")
        assert (told["running"], told["pid"]) == (True, process.pid)
        person = call("status").stdout
        assert f"process {process.pid}" in person
        assert "WhatsApp  ready +919800000009" in person
        assert failure("run")[0] == "already_running"
        assert failure("pair", hub.url, GOOD_CODE)[0] == "already_running"
        assert failure("doctor", "--move-journal-aside")[0] == "already_running"
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=20)
        assert process.returncode == 0
        assert last_object(output) == {"stopped": True}
    newest = call("logs", "-n", "3", "--json").stdout.splitlines()
    assert len(newest) == 3
    assert all(json.loads(line)["level"] for line in newest)
    assert "info stopping" in call("logs").stdout
    assert facts("status")["running"] is False


def test_bytes_that_are_no_text_are_refused(data_dir: Path) -> None:
    """A terminal with another code than ours gets a sentence, and the hub no call."""
    code, message = failure("pair", "http://127.0.0.1:1", "b\udcff")
    assert (code, message[:10]) == ("usage", "Argument 3")


def test_logs_before_the_first_run_and_with_a_torn_line(data_dir: Path) -> None:
    """No log is said so; a line that is no JSON is shown as it is."""
    assert failure("logs")[0] == "no_log"
    data_dir.mkdir()
    entry = '{"n": 1, "x": null, "event": "ok", "level": "info", "at": "T", "logger": "l"}'
    (data_dir / "agent.log").write_text(f'{entry}\n{{"torn')
    assert call("logs").stdout.splitlines() == ["T info ok n=1", '{"torn']
    assert call("logs", "-n", "0").exit_code == 2


def test_the_practice_phone_is_started_found_and_stopped(data_dir: Path) -> None:
    """It serves the stand-in page while the block runs, and a second agent finds it running."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    settings = Settings(data_dir=data_dir, practice_port=port)
    with practice_phone(settings) as url:
        assert url == f"http://127.0.0.1:{port}/web"
        with practice_phone(settings) as again:
            assert again == url
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/web")
        assert connection.getresponse().status == 200
        connection.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_a_taken_port_of_the_practice_phone_is_named(data_dir: Path) -> None:
    """Another program on the port: one sentence, no agent."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = Settings(data_dir=data_dir, practice_port=port)
        with pytest.raises(Failure, match=str(port)), practice_phone(settings):
            raise AssertionError("it must not start")
