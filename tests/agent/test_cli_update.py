"""`sak-agent update-bundle`: what it takes, and what it leaves as it was."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.cli.command import Failure
from agent.cli.registry import Registry, RegistryError, find_source
from agent.cli.updating import Trial, update
from agent.drivers.whatsapp_web.archive import ARCHIVE_MAX_BYTES
from agent.drivers.whatsapp_web.bundle import FOLDER, Bundles
from agent.drivers.whatsapp_web.inject import find_bundle
from agent.lock import DataDirLock
from agent.settings import Settings, SettingsError
from tests.agent.npm_registry import NpmRegistry, archive, bundle, npm_registry

NEW = "99.0.0"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def registry() -> Iterator[NpmRegistry]:
    with npm_registry() as running:
        running.offer(NEW, archive(NEW, bundle(NEW)))
        yield running


@pytest.fixture
def settings(tmp_path: Path, registry: NpmRegistry) -> Settings:
    return Settings(data_dir=tmp_path / "data", npm_registry=registry.url)


def works(_path: Path) -> str | None:
    """A trial that is passed; the real one has a test of its own."""
    return None


def take(settings: Settings, wanted: str | None = None, trial: Trial = works) -> str:
    """Update, and what is in use then."""
    update(settings, wanted, check=False, trial=trial)
    return used(settings)


def used(settings: Settings) -> str:
    return Bundles(settings.data_dir / FOLDER, find_bundle(None)).choose().version


def refusal(settings: Settings, wanted: str | None = None, trial: Trial = works) -> str:
    """Why it was not taken; nothing changed."""
    before = used(settings)
    with pytest.raises(Failure) as refused:
        take(settings, wanted, trial)
    assert used(settings) == before
    return refused.value.message


def test_the_newest_is_fetched_checked_and_used(settings: Settings, registry: NpmRegistry) -> None:
    """Byte for byte what the registry has; a second time there is nothing to do."""
    assert take(settings) == NEW
    path = settings.data_dir / FOLDER / NEW / "wppconnect-wa.js"
    assert path.read_bytes() == bundle(NEW)
    facts, line = update(settings, None, check=False, trial=works)
    assert (facts["updated"], facts["version"]) == (False, NEW)
    assert line == f"wa-js {NEW} is in use already."
    assert len([it for it in registry.asked if it.endswith(".tgz")]) == 1


def test_check_only_looks(settings: Settings, registry: NpmRegistry) -> None:
    """Whether there is a newer one; nothing is fetched, and no directory is made."""
    facts, line = update(settings, None, check=True)
    assert (facts["newer"], facts["offered"], facts["updated"]) == (True, NEW, False)
    assert "run `sak-agent update-bundle`" in line
    assert registry.asked == ["/@wppconnect/wa-js"]
    assert not settings.data_dir.exists()


def test_a_running_agent_is_spoken_of(settings: Settings) -> None:
    """It takes the new one up by itself."""
    own = used(settings)
    with DataDirLock(settings.data_dir):
        facts, line = update(settings, None, check=False, trial=works)
    assert (facts["running"], facts["version"], facts["previous"]) == (True, NEW, own)
    assert "within a minute" in line


def test_what_fails_its_trial_is_not_used(settings: Settings) -> None:
    """One that does not work on the page that we know is removed again."""
    said = refusal(settings, trial=lambda _path: "it lacks chat.find.")
    assert said.startswith(f"wa-js {NEW} failed its trial (it lacks chat.find): ")
    assert not (settings.data_dir / FOLDER / NEW).exists()


def test_a_tampered_archive_is_refused(settings: Settings, registry: NpmRegistry) -> None:
    """Another content under the published hash, as somebody on the way would send it."""
    registry.swap(NEW, archive(NEW, bundle(NEW, "steal();")))
    assert "cut off or changed" in refusal(settings)
    registry.versions[NEW]["dist"].pop("integrity")
    assert "gives no SHA-512" in refusal(settings)


def test_a_transfer_that_is_cut_is_refused(settings: Settings, registry: NpmRegistry) -> None:
    """Half of it came, with and without a sign that there was more."""
    whole = archive(NEW, bundle(NEW))
    registry.swap(NEW, whole[: len(whole) // 2])
    assert "cut off or changed" in refusal(settings)
    registry.cut = True
    assert "cannot be reached" in refusal(settings)


def test_what_is_too_large_is_not_read_to_its_end(
    settings: Settings, registry: NpmRegistry
) -> None:
    """An archive without measure fills neither memory nor disk."""
    registry.offer(NEW, bytes(ARCHIVE_MAX_BYTES + 1))
    assert "larger than wa-js could be" in refusal(settings)


def test_an_archive_that_leads_out_is_refused(settings: Settings, registry: NpmRegistry) -> None:
    """Although its hash is right."""
    registry.offer(NEW, archive(NEW, bundle(NEW), ("package/../../../evil", b"x")))
    assert "leads out of it" in refusal(settings)


def test_a_version_that_is_none_is_not_followed(settings: Settings, registry: NpmRegistry) -> None:
    """Neither from the registry nor from the command line: it would become a path."""
    registry.offer("../../x", archive("../../x", bundle(NEW)))
    assert "is none" in refusal(settings)
    assert "is no version" in refusal(settings, "../x")
    assert "has no wa-js 98.0.0" in refusal(settings, "98.0.0")


def test_an_older_one_than_the_agents_own_is_not_taken(
    settings: Settings, registry: NpmRegistry
) -> None:
    """It would be ignored; between two newer ones a person may choose."""
    registry.offer("1.0.0", archive("1.0.0", bundle("1.0.0")))
    assert "came with this agent" in refusal(settings, "1.0.0")
    _, line = update(settings, None, check=False, trial=works)
    assert line.endswith("the registry has nothing newer.")
    assert take(settings, NEW) == NEW
    registry.offer("98.0.0", archive("98.0.0", bundle("98.0.0")))
    assert take(settings) == NEW
    assert take(settings, "98.0.0") == "98.0.0"


def test_one_that_was_given_up_is_only_tried_again_by_name(settings: Settings) -> None:
    """It failed on WhatsApp's page: an update every night must not bring it back each time."""
    take(settings)
    bundles = Bundles(settings.data_dir / FOLDER, find_bundle(None))
    bundles.go_back(bundles.choose())
    _, line = update(settings, None, check=False, trial=works)
    assert line.startswith(f"wa-js {NEW} did not work")
    assert take(settings, NEW) == NEW


def test_a_registry_that_is_none_is_named_with_its_setting(
    settings: Settings, registry: NpmRegistry
) -> None:
    """Nobody there, a page of something else, an error: three sentences."""
    assert "cannot be reached" in refusal(replace(settings, npm_registry="http://127.0.0.1:9"))
    registry.served["/log/in/@wppconnect/wa-js"] = b"<html>"
    log_in = replace(settings, npm_registry=f"{registry.url}/log/in")
    assert "does not answer like npm's registry" in refusal(log_in)
    lost = replace(settings, npm_registry=f"{registry.url}/elsewhere")
    assert "answers 404" in refusal(lost)


def test_the_way_never_leads_off_tls(settings: Settings, registry: NpmRegistry) -> None:
    """Redirects of an archive are followed where they are as safe, and not without an end."""
    registry.redirect = "http://registry.example/wa-js.tgz"
    assert "without TLS" in refusal(settings)
    registry.redirect = registry.url + next(iter(registry.served))
    assert "answers 302" in refusal(settings)
    far = Registry("https://registry.example", settings)
    with pytest.raises(RegistryError, match="without TLS"):
        far._get("http://127.0.0.1/wa-js.tgz", 1, hops=0)
    for address in ("http://registry.example", "ftp://127.0.0.1", "https://me:pass@r.example"):
        with pytest.raises(SettingsError, match="NPM_REGISTRY is not right"):
            Settings.load({"SAK_AGENT_NPM_REGISTRY": address})


def test_without_npm_and_without_a_registry_the_remedy_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shop's PC has no npm."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RegistryError, match=r"install Node\.js, or set SAK_AGENT_NPM_REGISTRY"):
        find_source(Settings(data_dir=tmp_path))


@pytest.mark.skipif(shutil.which("npm") is None, reason="no npm here")
def test_npm_fetches_it_with_its_own_settings(
    tmp_path: Path, registry: NpmRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real npm, towards our registry; what it cannot find or reach becomes a sentence."""
    monkeypatch.setenv("npm_config_registry", f"{registry.url}/")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    settings = Settings(data_dir=tmp_path / "data")
    assert "has no wa-js 98.0.0" in refusal(settings, "98.0.0")
    assert take(settings) == NEW
    registry.offer("99.0.1", archive("99.0.1", bundle("99.0.1")))
    registry.swap("99.0.1", archive("99.0.1", bundle("99.0.1", "steal();")))
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache-2"))
    assert "npm cannot fetch wa-js (EINTEGRITY)" in refusal(settings)


def run(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, as a person has it."""
    given = {name: value for name, value in os.environ.items() if not name.startswith("SAK_")}  # noqa: TID251 - handed on
    given["SAK_AGENT_DATA_DIR"] = str(settings.data_dir)
    given["SAK_AGENT_NPM_REGISTRY"] = settings.npm_registry or ""
    return subprocess.run(
        [sys.executable, "-m", "agent", "update-bundle", *arguments],
        env=given,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_command_tries_it_in_a_browser(settings: Settings, registry: NpmRegistry) -> None:
    """One that lacks a function fails with its name; a sound one is taken."""
    less = bundle("99.0.1", "Object.defineProperty(WPP.chat, 'getMessages', {value: 0});")
    registry.offer("99.0.1", archive("99.0.1", less))
    refused = run(settings, "--json")
    error = json.loads(refused.stdout.splitlines()[-1])["error"]
    assert (refused.returncode, error["code"]) == (2, "unfit")
    assert "chat.getMessages" in error["message"]
    taken = run(settings, "--version", NEW)
    assert (taken.returncode, used(settings)) == (0, NEW)
    assert taken.stdout.startswith(f"wa-js {NEW} is in use from the next start on;")
