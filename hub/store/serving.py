"""One hub serves a database: a second one would fence every agent of the first without a word."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from hub.store.errors import StoreUnavailable

TRIES: Final = 10
TRY_EVERY_S: Final = 0.05
TAKEN: Final = (
    "Another hub already serves this database. Stop it first, or set SAK_HUB_DATABASE_URL "
    "to another file."
)


@contextmanager
def alone(database: Path) -> Iterator[None]:
    """Hold `database` for serving while the block runs; the system lets go when we die.

    Raises:
        StoreUnavailable: another process holds it, or the folder cannot be written.
    """
    path = _path(database)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreUnavailable(
            f"The folder {path.parent} cannot be written. Correct its rights or set "
            "SAK_HUB_DATABASE_URL."
        ) from error
    with os.fdopen(descriptor, "rb+") as file:
        _take(file)
        yield


def _take(file: IO[bytes]) -> None:
    """Lock the file; whoever only asks `is_served` holds it for an instant."""
    for left in reversed(range(TRIES)):
        try:
            _lock(file)
        except OSError as error:
            if left == 0:
                raise StoreUnavailable(TAKEN) from error
            time.sleep(TRY_EVERY_S)
        else:
            return


def _path(database: Path) -> Path:
    return database.with_name(f"{database.name}.serving")


def is_served(database: Path) -> bool:
    """Whether a hub serves `database` now; what its status table says is only then the present."""
    path = _path(database)
    if not path.exists():
        return False
    with path.open("rb+") as file:
        try:
            _lock(file)
        except OSError:
            return True
    return False


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
