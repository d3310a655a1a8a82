"""Finding a browser, wa-js, and the queue behind the page's events."""

from pathlib import Path

import pytest

from agent.drivers.driver import DriverStatus
from agent.drivers.whatsapp_web.browser import find_installed, install_browser, require_browser
from agent.drivers.whatsapp_web.errors import BrowserGoneError, BrowserMissingError
from agent.drivers.whatsapp_web.inject import Scripts
from agent.drivers.whatsapp_web.reports import Composing, Reports


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No browser on PATH, and a home without one."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_configured_browser_comes_first(bare_machine: Path) -> None:
    """A setting overrules what is installed, and a wrong one is an error, not a fallback."""
    program(bare_machine / "google-chrome")
    mine = program(bare_machine / "opt" / "my-browser")
    assert find_installed(mine) == mine
    with pytest.raises(BrowserMissingError, match="leave it out"):
        find_installed(bare_machine / "gone")


def test_what_cannot_be_run_is_no_browser(bare_machine: Path) -> None:
    """A text or a folder is not taken for the browser, wherever it lies."""
    text = program(bare_machine / "google-chrome")
    text.chmod(0o644)
    for path in (text, bare_machine):
        with pytest.raises(BrowserMissingError, match="correct SAK_AGENT_BROWSER"):
            find_installed(path)
    assert find_installed(None) is None


def test_an_installed_browser_is_found_chrome_before_edge_before_chromium(
    bare_machine: Path,
) -> None:
    """Any of the three serves; the one that people keep updated comes first."""
    assert find_installed(None) is None
    for name in ("chromium", "microsoft-edge", "google-chrome"):
        program(bare_machine / name)
        assert find_installed(None) == bare_machine / name


def test_playwrights_browser_is_the_last_resort(bare_machine: Path) -> None:
    """Without any browser the sentence says what to do."""
    with pytest.raises(BrowserMissingError, match="install one of them"):
        require_browser(None, bare_machine / "missing")
    downloaded = program(bare_machine / "downloaded" / "chrome")
    assert require_browser(None, downloaded) == downloaded


def test_installing_where_a_browser_is_does_nothing(tmp_path: Path) -> None:
    """Set-up may ask again and again; a wrong setting is never repaired by a download."""
    mine = program(tmp_path / "browser")
    assert install_browser(mine) == mine
    with pytest.raises(BrowserMissingError, match="correct SAK_AGENT_BROWSER"):
        install_browser(tmp_path / "gone")


def test_wa_js_never_tells_third_parties() -> None:
    """The switches stand before the bundle, which reads them once."""
    _, script = Scripts.load(None).choose()
    head, body = script.split("\n", 1)
    assert "disableGoogleAnalytics: true" in head
    assert "linkPreviewApiServers: []" in head
    assert "WPPConfig" in body


def test_reports_are_bounded() -> None:
    """A daemon that does not keep up ends the browser's life, and the driver can still say so."""
    reports = Reports(1)
    reports.put(Composing("+919800000009", "c@lid", True))
    with pytest.raises(BrowserGoneError):
        reports.put(Composing("+919800000009", "c@lid", False))
    reports.put(DriverStatus("starting"))
