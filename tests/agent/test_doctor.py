"""What the doctor finds, and that each finding brings its remedy."""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from agent.cli import main
from agent.doctor import Check, examine
from agent.journal import FILE_NAME, Journal
from agent.lock import DataDirLock, is_held
from agent.settings import Settings
from tests.agent.small_hub import SmallHub, small_hub
from tests.agent.socks import HUB, forget_proxies, socks_proxy
from tests.fakes import FakeClock


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home without services."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


@pytest.fixture
def hub() -> Iterator[SmallHub]:
    with small_hub() as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A memory agent whose files exist."""
    (tmp_path / "in.jsonl").touch()
    return Settings(
        data_dir=tmp_path / "data",
        driver="memory",
        memory_in=tmp_path / "in.jsonl",
        memory_out=tmp_path / "out.jsonl",
    )


def now_clock(ahead_s: float = 0) -> FakeClock:
    """A clock that stands at the real time, or off it."""
    return FakeClock(round((time.time_ns() / 1e9 + ahead_s) * 1000))


def checks(settings: Settings, ahead_s: float = 0) -> dict[str, Check]:
    """Every check by its name."""
    return {check.name: check for check in examine(settings, now_clock(ahead_s))}


def pair(settings: Settings, hub_url: str) -> None:
    """Write an identity into the journal."""

    async def save() -> None:
        journal = await Journal.open(settings.data_dir / FILE_NAME, now_clock())
        await journal.save_identity(
            hub_url=hub_url,
            socket_url=hub_url.replace("http", "ws") + "/agent",
            agent_id="a1",
            tenant_id="t1",
            token="sak_a_invented",
            token_expires_ms=None,
        )
        await journal.close()

    asyncio.run(save())


def test_a_sound_agent_has_nothing_to_mend(settings: Settings, hub: SmallHub) -> None:
    """Paired, running, hub there: every check is ok, and none leaves a trace."""
    pair(settings, hub.url)
    before = {path.name for path in settings.data_dir.iterdir()}
    with DataDirLock(settings.data_dir):
        found = checks(settings)
    assert found.pop("service").verdict == "warn"  # nothing is installed for a test
    assert {check.verdict for check in found.values()} == {"ok"}
    assert set(found) == {
        "settings", "versions", "data directory", "disk", "agent", "journal", "hub", "clock",
        "driver",
    }  # fmt: skip
    assert {path.name for path in settings.data_dir.iterdir()} == before | {"agent.lock"}


def test_before_anything_stands_it_says_what_to_do(settings: Settings) -> None:
    """No directory, no journal, no agent: remedies instead of errors, and nothing is made."""
    found = checks(settings)
    assert found["journal"].remedy is not None
    assert "sak-agent pair" in found["journal"].remedy
    assert "sak-agent run" in (found["agent"].remedy or "")
    assert found["data directory"].finding.endswith("will be made")
    assert not settings.data_dir.exists()
    assert "hub" not in found


def test_an_unusable_directory_ends_the_examination(settings: Settings, tmp_path: Path) -> None:
    """Where nothing can be written nothing else is worth a look."""
    (tmp_path / "file").touch()
    lost = Settings(data_dir=tmp_path / "file" / "data", driver=settings.driver)
    found = checks(lost)
    assert list(found) == ["settings", "versions", "data directory"]
    assert found["data directory"].verdict == "fail"


def test_a_directory_open_to_others_is_warned_about(settings: Settings) -> None:
    """The WhatsApp session lies in it: only its owner may read it."""
    settings.data_dir.mkdir(mode=0o755)
    settings.data_dir.chmod(0o755)
    assert checks(settings)["data directory"].verdict == "warn"
    settings.data_dir.chmod(0o700)
    assert checks(settings)["data directory"].verdict == "ok"


def test_a_damaged_journal_fails_with_the_way_out(settings: Settings) -> None:
    """The journal's own sentence is split into finding and remedy."""
    settings.data_dir.mkdir(mode=0o700)
    (settings.data_dir / FILE_NAME).write_bytes(b"not a database, not even nearly " * 40)
    journal = checks(settings)["journal"]
    assert journal.verdict == "fail"
    assert "--move-journal-aside" in (journal.remedy or "")


def test_a_journal_without_identity_asks_for_pairing(settings: Settings) -> None:
    """Sound but unpaired is a warning, and no hub is asked."""

    async def make() -> None:
        await (await Journal.open(settings.data_dir / FILE_NAME, now_clock())).close()

    asyncio.run(make())
    found = checks(settings)
    assert (found["journal"].verdict, "hub" in found) == ("warn", False)


def test_a_hub_that_is_away_or_ill_fails(settings: Settings, hub: SmallHub) -> None:
    """Unreachable and answering an error are told apart."""
    pair(settings, hub.url)
    hub.health = 503
    assert "503" in checks(settings)["hub"].finding
    pair(settings, "http://127.0.0.1:9")
    away = checks(settings)["hub"]
    assert (away.verdict, "cannot be reached" in away.finding) == ("fail", True)


@pytest.mark.parametrize("by", ["setting", "system"])
def test_the_hub_is_asked_through_a_socks_proxy(
    settings: Settings, hub: SmallHub, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """The way that the agent itself takes, and none besides."""
    forget_proxies(monkeypatch)
    pair(settings, f"http://{HUB}")
    with socks_proxy() as proxy:
        proxy.leads_to = hub.server_port
        if by == "setting":
            settings = replace(settings, proxy=proxy.url)
        else:
            monkeypatch.setenv("ALL_PROXY", proxy.url)
        assert checks(settings)["hub"].verdict == "ok"
        assert proxy.asked == [HUB]


def test_a_proxy_of_an_unknown_kind_is_named(settings: Settings) -> None:
    """The finding is the proxy, not the hub; the doctor goes on with the other checks."""
    pair(settings, "https://hub.example")
    found = checks(replace(settings, proxy="socks4://127.0.0.1:1"))
    assert (found["hub"].verdict, "proxy" in found["hub"].finding) == ("fail", True)
    assert "SAK_AGENT_PROXY" in (found["hub"].remedy or "")
    assert found["driver"].verdict == "ok"


@pytest.mark.parametrize(("ahead_s", "word"), [(0, "agrees"), (-120, "behind"), (4000, "ahead of")])
def test_the_clock_is_compared_with_the_hubs(
    settings: Settings, hub: SmallHub, ahead_s: float, word: str
) -> None:
    """More than half a minute off is a warning that says which way."""
    pair(settings, hub.url)
    clock = checks(settings, ahead_s)["clock"]
    assert word in clock.finding
    assert clock.verdict == ("warn" if ahead_s else "ok")


def test_missing_input_of_the_memory_driver_is_warned_about(
    settings: Settings, tmp_path: Path
) -> None:
    """A file that nobody has made yet is no fault, but worth knowing."""
    (tmp_path / "in.jsonl").unlink()
    assert checks(settings)["driver"].verdict == "warn"


def test_the_browser_and_the_bundle_are_looked_for(settings: Settings, tmp_path: Path) -> None:
    """Present: where and which version; a configured browser that is missing fails."""
    web = Settings(data_dir=settings.data_dir, browser=Path(sys.executable))
    found = checks(web)
    assert found["browser"].finding == sys.executable
    assert found["wa-js"].verdict == "ok"
    assert found["wa-js"].finding[0].isdigit()
    for path in (tmp_path / "nowhere", tmp_path / "in.jsonl"):  # the latter cannot be run
        lost = checks(Settings(data_dir=settings.data_dir, browser=path))["browser"]
        assert (lost.verdict, lost.remedy is not None) == ("fail", True)


def test_only_a_held_lock_means_running(tmp_path: Path) -> None:
    """A lock file that a dead agent left behind does not count."""
    assert not is_held(tmp_path)
    with DataDirLock(tmp_path):
        assert is_held(tmp_path)
    assert not is_held(tmp_path)


def test_the_command_fails_when_a_check_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2 and an error in the JSON; the remedy stands under its finding for a person."""
    monkeypatch.setenv("SAK_AGENT_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("SAK_AGENT_TYPNG_MAX_S", "1")
    result = CliRunner().invoke(main, ["doctor", "--json"])
    told = json.loads(result.stdout)
    assert (result.exit_code, told["ok"], told["error"]["code"]) == (2, False, "unhealthy")
    monkeypatch.delenv("SAK_AGENT_TYPNG_MAX_S")
    result = CliRunner().invoke(main, ["doctor"])
    assert "warn  journal: none yet" in result.stdout
    assert "\n      Run `sak-agent pair URL CODE`" in result.stdout
