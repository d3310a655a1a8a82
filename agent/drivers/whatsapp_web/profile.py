"""The browser profile: a private directory with one holder.

    profile_dir/         0700, made here
      agent.lock         held while an agent runs; the system frees it however the agent ends
      linked             exists once WhatsApp was linked in this profile
      chromium/          the browser's own user data

Chromium has a lock of its own, which names the computer: after a rename of the PC it would refuse
its own profile for ever. Holding `agent.lock`, leftovers of it can be removed.
"""

import contextlib
import os
from pathlib import Path
from typing import Self

import psutil

from agent.drivers.whatsapp_web.errors import ProfileInUseError, ProfileUnusableError
from agent.drivers.whatsapp_web.processes import holds_profile
from agent.lock import take

_SINGLETONS = ("SingletonLock", "SingletonSocket", "SingletonCookie")
_END_TIMEOUT_S = 3


class Profile:
    """One profile, held from `with` to its end."""

    def __init__(self, directory: Path) -> None:
        self.user_data = directory / "chromium"
        self._directory = directory
        self._linked = directory / "linked"
        self._lock: int | None = None

    def __enter__(self) -> Self:
        """Take the profile.

        Raises:
            ProfileInUseError: another agent holds it.
            ProfileUnusableError: its directory cannot be made or written.
        """
        try:
            lock = self._prepared()
        except OSError as error:
            raise ProfileUnusableError(
                f"The browser profile {self._directory} cannot be used ({error.strerror}): give it "
                "to this user, or remove it and link WhatsApp again."
            ) from error
        try:
            take(lock)
        except OSError as error:
            os.close(lock)
            raise ProfileInUseError(
                f"Another agent already runs on the browser profile {self._directory}: "
                "stop it, or give this one another data directory."
            ) from error
        self._lock = lock
        return self

    def _prepared(self) -> int:
        """Make the directories, private ones; the descriptor of the open lock file."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory.chmod(0o700)
        self.user_data.mkdir(mode=0o700, exist_ok=True)
        return os.open(self._directory / "agent.lock", os.O_RDWR | os.O_CREAT, 0o600)

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            self.clear()
            os.close(self._lock)
            self._lock = None

    @property
    def was_linked(self) -> bool:
        """Whether a WhatsApp was linked here before; then a QR code means *logged out*."""
        return self._linked.exists()

    def note_linked(self) -> None:
        """Remember that a WhatsApp is linked."""
        self._linked.touch(mode=0o600)

    def clear(self) -> None:
        """End browsers that an earlier agent left behind, and remove Chromium's stale lock.

        Only for the holder, and only while no browser of ours is meant to run.
        """
        everyone = psutil.process_iter()
        left = [process for process in everyone if holds_profile(process, self.user_data)]
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=_END_TIMEOUT_S)
        for name in _SINGLETONS:
            (self.user_data / name).unlink(missing_ok=True)
