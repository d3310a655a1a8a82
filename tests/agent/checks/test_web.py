"""Browser, sandbox and profile: each judged from facts, so on any machine."""

import os
import socket
import sys
from pathlib import Path

import pytest

from agent.checks.check import Check
from agent.checks.web import (
    Grounds,
    browser_version,
    check_profile,
    check_web,
    judge_browser,
    judge_sandbox,
    newest_version,
)
from agent.settings import Settings


@pytest.mark.parametrize(
    ("own", "verdict"), [("156.0.1.2", "ok"), ("120.0.1.2", "warn"), ("180.0.1.2", "warn")]
)
def test_a_browser_far_from_playwrights_is_warned_about(own: str, verdict: str) -> None:
    """An old one lacks what WhatsApp Web needs, a new one what Playwright knows."""
    found = judge_browser(Path("/opt/b"), own, "159.0.0.0")
    assert (found.verdict, own in found.finding) == (verdict, True)
    assert (found.remedy is None) == (verdict == "ok")
    assert judge_browser(Path("/opt/b"), None, "159.0.0.0").finding == "/opt/b"


def test_a_version_is_read_from_words_or_from_folders() -> None:
    """Chrome on Windows keeps its version in a folder's name: asked, it would open a window."""
    assert newest_version(["Chromium 156.0.8078.79 built on Debian"]) == "156.0.8078.79"
    assert newest_version(["99.0.1.2", "156.0.1.10", "156.0.1.9", "Dictionaries"]) == "156.0.1.10"
    assert newest_version(["Python 3.11.2"]) is None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows is not asked")
def test_a_browser_that_does_not_answer_has_no_version(tmp_path: Path) -> None:
    """Whatever it is, the doctor goes on."""
    assert browser_version(tmp_path / "nowhere") is None
    assert browser_version(Path(sys.executable)) is None


@pytest.mark.parametrize(
    ("on", "verdict"),
    [
        (Grounds(), "ok"),
        (Grounds(is_root=True), "warn"),
        (Grounds(only_named_programs=True), "warn"),
        (Grounds(only_named_programs=True, helper=True), "ok"),
        (Grounds(namespaces=False), "fail"),
        (Grounds(namespaces=False, helper=True), "ok"),
    ],
)
def test_the_sandbox_needs_a_namespace_or_a_helper(on: Grounds, verdict: str) -> None:
    """Without either Chromium does not start; as root it starts without."""
    found = judge_sandbox(on)
    assert (found.verdict, found.remedy is None) == (verdict, verdict == "ok")


def test_a_machine_without_a_browser_is_told_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing on the PATH and none downloaded: one failure, and the other checks go on."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "none"))
    monkeypatch.setattr("agent.drivers.whatsapp_web.browser._PLACES", {})
    found = {it.name: it for it in check_web(Settings(data_dir=tmp_path), running=False)}
    assert found["browser"] == Check(
        "browser",
        "fail",
        "No Chrome, Edge or Chromium was found",
        "Install one of them, or run `sak-agent install-browser`, which fetches Chromium.",
    )
    assert "sandbox" not in found
    assert found["wa-js"].verdict == "ok"


@pytest.mark.skipif(sys.platform == "win32", reason="Chromium has another lock there")
def test_a_profile_that_is_left_locked_is_explained(tmp_path: Path) -> None:
    """A lock of a dead browser is no matter, of a living one the agent's own, unless it stays."""
    profile = tmp_path / "profile"
    assert "never linked" in check_profile(profile, running=False).finding
    (profile / "chromium").mkdir(parents=True)
    profile.chmod(0o755)
    assert check_profile(profile, running=False).verdict == "warn"
    profile.chmod(0o700)
    assert check_profile(profile, running=False).verdict == "ok"
    lock = profile / "chromium" / "SingletonLock"
    for text, words in (("old-name-1", "left its lock"), (f"{socket.gethostname()}-x", "left")):
        lock.symlink_to(text)
        assert words in check_profile(profile, running=False).finding
        lock.unlink()
    lock.symlink_to(f"{socket.gethostname()}-{os.getpid()}")
    found = check_profile(profile, running=False)
    assert (found.verdict, str(os.getpid()) in found.finding) == ("warn", True)
    assert check_profile(profile, running=True).verdict == "ok"
