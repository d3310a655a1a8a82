"""One agent per data directory: two would share a journal, and a WhatsApp profile."""

import os
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

if sys.platform == "win32":
    import msvcrt

    def take(descriptor: int) -> None:
        """Lock an open file for this process until it is closed; OSError when another has it."""
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def take(descriptor: int) -> None:
        """Lock an open file for this process until it is closed; OSError when another has it."""
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


FILE_NAME: Final = "agent.lock"
_TRIES: Final = 10  # `is_held` takes the lock for a moment: a start must not fail for that
_PAUSE_S: Final = 0.05


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
        return True
    finally:
        os.close(descriptor)
    return False


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
                raise AlreadyRunningError(
                    f"An agent is already running with {self._data_dir}: stop it first, or give "
                    "another directory in SAK_AGENT_DATA_DIR."
                ) from error
            break
        self._descriptor = descriptor
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
