"""The profile directory and its one holder."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from agent.drivers.whatsapp_web.errors import ProfileInUseError
from agent.drivers.whatsapp_web.profile import Profile


def test_a_profile_is_private(tmp_path: Path) -> None:
    """Whoever copies it owns the account: nobody else may read it, even if it was open before."""
    directory = tmp_path / "a" / "profile"
    directory.mkdir(parents=True, mode=0o755)
    with Profile(directory) as profile:
        for path in (directory, profile.user_data):
            assert stat.S_IMODE(path.stat().st_mode) == 0o700
        assert stat.S_IMODE((directory / "agent.lock").stat().st_mode) == 0o600


def test_a_profile_has_one_holder_at_a_time(tmp_path: Path) -> None:
    """The second is refused with the remedy; after the first is gone the profile is free."""
    with Profile(tmp_path), pytest.raises(ProfileInUseError, match="data directory"):
        Profile(tmp_path).__enter__()
    with Profile(tmp_path):
        pass


def test_a_killed_holder_frees_the_profile(tmp_path: Path) -> None:
    """Kill -9 leaves the lock's file, not the lock."""
    script = (
        "import sys, pathlib; from agent.drivers.whatsapp_web.profile import Profile\n"
        "with Profile(pathlib.Path(sys.argv[1])):\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(ProfileInUseError):
            Profile(tmp_path).__enter__()
        holder.kill()
        holder.wait()
        with Profile(tmp_path):
            pass


def started(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_clearing_ends_leftovers_of_this_profile_only(tmp_path: Path) -> None:
    """A browser that an earlier agent left, and Chromium's stale lock, are out of the way."""
    wait = "import sys; print('up', flush=True); sys.stdin.read()"
    with Profile(tmp_path) as profile:
        (profile.user_data / "SingletonLock").symlink_to("another-computer-4242")
        mine = [sys.executable, "-c", wait, f"--user-data-dir={profile.user_data}"]
        other = [sys.executable, "-c", wait, f"--user-data-dir={profile.user_data}2"]
        with started(mine) as left, started(other) as foreign:
            for process in (left, foreign):
                assert process.stdout is not None
                assert process.stdout.readline() == b"up\n"
            profile.clear()
            left.wait(timeout=5)
            assert foreign.poll() is None
            foreign.kill()
        assert not (profile.user_data / "SingletonLock").is_symlink()


def test_that_a_whatsapp_was_linked_is_remembered(tmp_path: Path) -> None:
    """The next start knows that a QR code means an ended link."""
    with Profile(tmp_path) as profile:
        assert not profile.was_linked
        profile.note_linked()
    with Profile(tmp_path) as profile:
        assert profile.was_linked
