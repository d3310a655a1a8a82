"""install-service and uninstall-service against a systemctl of the test's own, and the real run."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agent.cli import main, running
from agent.logs import tail
from agent.service.systemd import program_in
from agent.settings import Settings
from tests.agent.service.test_systemd import unquoted, value

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux'")
FAKE = """#!/bin/sh
echo "$@" >> '{log}'
case "$*" in *{fails}*) echo 'Failed to connect to bus: No medium found' >&2; exit 1;; esac
"""


class Machine:
    """A home, and a systemctl that writes down what it was told."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.bin = folder / "bin"
        self.log = folder / "typed"
        self.home.mkdir()
        self.bin.mkdir()
        self.unit = self.home / ".config/systemd/user/sak-agent-shop.service"

    def systemctl(self, fails: str = "NOTHING") -> None:
        """Put it there; what contains `fails` fails."""
        program = self.bin / "systemctl"
        program.write_text(FAKE.format(log=self.log, fails=fails))
        program.chmod(0o755)

    def typed(self) -> list[str]:
        """What it was told since the last call."""
        lines = self.log.read_text().splitlines()
        self.log.unlink()
        return lines


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    for name in list(os.environ):  # noqa: TID251 - the test's own process
        if name.startswith(("SAK_", "XDG_")) or name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)
    made = Machine(tmp_path)
    monkeypatch.setenv("HOME", str(made.home))
    monkeypatch.setenv("PATH", f"{made.bin}:/usr/bin:/bin")
    return made


def call(*args: str) -> Result:
    """One command of the agent called `shop`."""
    return CliRunner().invoke(main, ["--profile", "shop", *args])


def facts(*args: str) -> dict[str, Any]:
    """What it tells a program."""
    told: dict[str, Any] = json.loads(call(*args, "--json").stdout.splitlines()[-1])
    return told


def test_installing_twice_is_as_once_and_the_doctor_sees_it(machine: Machine) -> None:
    """The unit is the owner's alone, the tool is told the same again, and removal leaves data."""
    machine.systemctl()
    assert "none" in service_check()["finding"]
    first = facts("install-service")
    assert first["file"] == str(machine.unit)
    assert stat.S_IMODE(machine.unit.stat().st_mode) == 0o600
    content, typed = machine.unit.read_text(), machine.typed()
    assert [line.split()[1] for line in typed] == ["daemon-reload", "reenable", "restart"]
    assert (facts("install-service"), machine.unit.read_text()) == (first, content)
    assert machine.typed() == typed
    found = service_check()
    assert (found["verdict"], sys.executable in found["finding"]) == ("ok", True)
    assert facts("uninstall-service")["removed"] is True
    assert not machine.unit.exists()
    assert (machine.home / ".local/share/sak-agent-shop").is_dir()
    assert "disable --now" in machine.typed()[0]
    assert facts("uninstall-service")["removed"] is False


def test_the_doctor_sees_a_service_of_another_program(machine: Machine) -> None:
    """One that is gone fails, one that is not this agent is warned about, both with the remedy."""
    machine.systemctl()
    call("install-service")
    for program, verdict in (("/nowhere/python", "fail"), ("/bin/sh", "warn")):
        unit = machine.unit.read_text()
        machine.unit.write_text(unit.replace(program_in(unit) or "?", program))
        found = service_check()
        assert (found["verdict"], program in found["finding"]) == (verdict, True)
        assert "install-service" in found["remedy"]


def service_check() -> dict[str, str]:
    """What the doctor says of the service."""
    memory = ("driver=memory", "memory_in=in", "memory_out=out")  # nobody waits for Playwright
    told = facts(*(word for setting in memory for word in ("--set", setting)), "doctor")
    (found,) = [check for check in told["checks"] if check["name"] == "service"]
    return dict(found)


@pytest.mark.parametrize("fails", ["daemon-reload", None])
def test_a_system_without_a_user_manager_gets_a_sentence(
    machine: Machine, fails: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No bus, or no systemctl at all: the reason is told and nothing is left behind."""
    if fails:
        machine.systemctl(fails)
    else:
        monkeypatch.setenv("PATH", str(machine.bin))
    error = facts("install-service")["error"]
    assert error["code"] == "service"
    assert "systemctl --user daemon-reload" in error["message"]
    assert not machine.unit.exists()


def test_only_showing_writes_nothing(machine: Machine) -> None:
    """`--print` shows the very file; `--system` a server's, and wants a browser without window."""
    shown = call("install-service", "--print")
    assert (shown.exit_code, list(machine.home.iterdir())) == (0, [])
    assert value(shown.stdout, "WantedBy") == "graphical-session.target"
    refused = call("install-service", "--system")
    assert (refused.exit_code, "HEADLESS=true" in refused.stderr) == (2, True)
    server = call("--set", "headless=true", "install-service", "--system")
    assert value(server.stdout, "WantedBy") == "multi-user.target"
    assert "systemctl enable --now sak-agent-shop.service" in server.stderr
    machine.systemctl()
    call("install-service")
    assert machine.unit.read_text() == shown.stdout


def test_the_rendered_command_runs(machine: Machine, tmp_path: Path) -> None:
    """What a unit would start is an agent with the settings of the moment, and its log tells."""
    data_dir = tmp_path / "Sam's shop & söhne 100%"
    shown = call("--set", f"data_dir={data_dir}", "--set", "driver=memory",
                 "--set", f"memory_in={tmp_path / 'in'}", "--set", f"memory_out={tmp_path / 'out'}",
                 "install-service", "--print")  # fmt: skip
    command = unquoted(value(shown.stdout, "ExecStart").removeprefix(":"))
    data_dir.mkdir()
    with subprocess.Popen(command, cwd=data_dir, stderr=subprocess.PIPE) as process:
        while not (lines := list(tail(data_dir, 1))) and process.poll() is None:
            pass
        process.terminate()
        process.communicate()
    assert "not paired" in lines[0]


def test_an_agent_that_cannot_run_waits_before_it_ends(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that is started anew at once must not spend the day on that."""
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    monkeypatch.setattr("agent.logs.configure", lambda *_, **__: None)
    result = call("--set", "driver=memory", "--set", "memory_in=i", "--set",
                  f"memory_out={tmp_path / 'o'}", "run", "--quiet", "--json")  # fmt: skip
    assert (result.exit_code, slept) == (2, [running.MEND_S])
    assert Settings().data_dir.parent == machine.home / ".local/share"


def test_a_setting_by_hand_beats_the_environment(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--set` is how a service is told; a wrong one is named as any other."""
    monkeypatch.setenv("SAK_AGENT_LOG_LEVEL", "error")
    assert (
        "log_level=debug" in call("--set", "log_level=debug", "install-service", "--print").stdout
    )
    assert "log_level=error" in call("install-service", "--print").stdout
    assert "no value" in call("--set", "headless", "status").stderr
    assert "did you mean" in call("--set", "headles=true", "status").stderr
