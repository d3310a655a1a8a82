"""One agent per data directory: two would share a journal, and a WhatsApp profile.

The lock's file also says which process holds it. Windows keeps others from reading bytes that are
locked, so the locked byte lies far behind the text, where no byte has to be.
"""

import os
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

FILE_NAME: Final = "agent.lock"
_TRIES: Final = 10  # `is_held` takes the lock for a moment: a start must not fail for that
_PAUSE_S: Final = 0.05
_LOCKED_BYTE: Final = 1 << 30
_PID_MAX_CHARS: Final = 20

if sys.platform == "win32":
    import msvcrt

    def take(descriptor: int) -> None:
        """Lock an open file for this process until it is closed; OSError when another has it."""
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def give_back(descriptor: int) -> None:
        """Unlock and close it: Windows alone unlocks closed files, but some time later."""
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
        os.close(descriptor)
else:
    import fcntl

    def take(descriptor: int) -> None:
        """Lock an open file for this process until it is closed; OSError when another has it."""
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def give_back(descriptor: int) -> None:
        """Unlock and close it."""
        os.close(descriptor)


class AlreadyRunningError(Exception):
    """Another process uses the data directory; the message is one sentence for the user."""


def is_held(data_dir: Path) -> bool:
    """Whether a process holds this data directory now; nothing is created."""
    try:
        descriptor = os.open(data_dir / FILE_NAME, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        take(descriptor)
    except OSError:
        os.close(descriptor)
        return True
    give_back(descriptor)
    return False


def holder(data_dir: Path) -> int | None:
    """The process that last took this data directory; None when that is not known."""
    try:
        text = (data_dir / FILE_NAME).read_bytes()[:_PID_MAX_CHARS]
        return int(text)
    except (OSError, ValueError):
        return None


class DataDirLock:
    """Holds the data directory for this process; the system lets go of it when the process ends."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._data_dir / FILE_NAME, os.O_RDWR | os.O_CREAT, 0o600)
        for left in reversed(range(_TRIES)):
            try:
                take(descriptor)
            except OSError as error:
                if left:
                    time.sleep(_PAUSE_S)
                    continue
                os.close(descriptor)
                raise AlreadyRunningError(self._refusal()) from error
            break
        self._descriptor = descriptor
        _write_pid(descriptor)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._descriptor is not None:
            give_back(self._descriptor)
            self._descriptor = None

    def _refusal(self) -> str:
        pid = holder(self._data_dir)
        who = "" if pid is None else f" as process {pid}"
        return (
            f"An agent is already running with {self._data_dir}{who}: stop it first "
            "(`sak-agent uninstall-service` if it is the service), or give this one another "
            "directory with --profile NAME or SAK_AGENT_DATA_DIR."
        )


def _write_pid(descriptor: int) -> None:
    """Say who holds the lock; a full disk does not matter here."""
    try:
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, str(os.getpid()).encode())
    except OSError:
        return
