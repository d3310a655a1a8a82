"""`sak-agent panel` leads into the page of the agent that runs, and nowhere else."""

import json
import webbrowser
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.cli import main
from agent.link import LinkStatus, Phase
from agent.lock import DataDirLock
from agent.panel.key import panel_key
from agent.status import StatusFile, write_status


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SAK_AGENT_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("SAK_AGENT_PANEL_PORT", raising=False)
    return tmp_path


def call(*args: str) -> Result:
    return CliRunner().invoke(main, ["panel", *args])


def refusal() -> str:
    result = call("--json")
    assert result.exit_code == 2, result.output
    code: str = json.loads(result.stdout.splitlines()[-1])["error"]["code"]
    return code


def served(data_dir: Path, port: int) -> None:
    """What an agent says whose panel is there; 0: it is not."""
    write_status(
        data_dir,
        StatusFile(
            written_ms=0,
            pid=1,
            version="0",
            agent_id="a1",
            tenant_id="t1",
            hub_url="http://127.0.0.1:1",
            hub=LinkStatus(Phase.ONLINE, 0),
            whatsapp="ready",
            account=None,
            advice="",
            paused=False,
            outbox=0,
            inbox=0,
            last_inbound_ms=None,
            last_sweep_ms=None,
            rss_mib=1,
            panel_port=port,
        ),
    )


def test_it_opens_the_page_with_its_key(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the agent says that it serves, which may be another port than the settings name now."""
    opened: list[str] = []

    def browse(address: str) -> bool:
        opened.append(address)
        return True

    monkeypatch.setattr(webbrowser, "open", browse)
    address = f"http://127.0.0.1:3777/?key={panel_key(data_dir)}"
    with DataDirLock(data_dir):
        served(data_dir, 3777)
        assert address in call().output
        assert call("--print").output.strip() == address
        assert json.loads(call("--json").stdout) == {"address": address, "opened": False}
    assert opened == [address]


def test_a_pc_without_a_browser_gets_the_address(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a person to type."""
    monkeypatch.setattr(webbrowser, "open", lambda _address: False)
    with DataDirLock(data_dir):
        served(data_dir, 3777)
        assert call().output.startswith("http://127.0.0.1:3777/?key=")


def test_another_program_on_the_port_is_not_given_the_key(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a panel that the running agent serves there is no address."""
    assert refusal() == "not_running"
    with DataDirLock(data_dir):
        assert refusal() == "no_panel"
        served(data_dir, 0)
        assert refusal() == "no_panel"
        monkeypatch.setenv("SAK_AGENT_PANEL_PORT", "0")
        assert refusal() == "panel_off"
