"""One hub serves a database: a second one would fence every agent of the first without a word."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from hub.store.errors import StoreUnavailable

TAKEN = (
    "Another hub already serves this database. Stop it first, or set SAK_HUB_DATABASE_URL "
    "to another file."
)


@contextmanager
def alone(database: Path) -> Iterator[None]:
    """Hold `database` for serving while the block runs; the system lets go when we die.

    Raises:
        StoreUnavailable: another process holds it, or the folder cannot be written.
    """
    path = database.with_name(f"{database.name}.serving")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreUnavailable(
            f"The folder {path.parent} cannot be written. Correct its rights or set "
            "SAK_HUB_DATABASE_URL."
        ) from error
    with os.fdopen(descriptor, "rb+") as file:
        try:
            _lock(file)
        except OSError as error:
            raise StoreUnavailable(TAKEN) from error
        yield


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
