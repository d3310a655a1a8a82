"""What the store refuses, each with a sentence for the person who has to act.

    StoreError
    ├── StoreUnavailable    no database can be opened at this address
    ├── StoreDamaged        the file is no sound database of this program
    ├── SchemaTooNew        a later version of this program wrote it
    ├── StoreBusy           another process held the write lock for too long: try again
    ├── StoreFull           no room left on its file system, or not for this user: try again
    └── StoreClosed         used after the store was closed, as when the hub stops

Errors that a statement itself causes (a constraint, a wrong name) stay sqlite3's own.
"""

# ruff: noqa: N818 - they name conditions, and `StoreError` says that they are errors
import sqlite3
from typing import ClassVar


class StoreError(Exception):
    """Base of all; `code` is its stable name for programs."""

    code: ClassVar[str] = "store"


class StoreUnavailable(StoreError):
    code = "store_unavailable"


class StoreDamaged(StoreError):
    code = "store_damaged"


class SchemaTooNew(StoreError):
    code = "schema_too_new"


class StoreBusy(StoreError):
    code = "store_busy"


class StoreFull(StoreError):
    code = "store_full"


class StoreClosed(StoreError):
    code = "store_closed"


DAMAGED = (
    "The database is damaged. Stop the hub and put a backup copy of the file in its place, "
    "or move the file away to start with an empty one."
)
_FULL = (
    StoreFull,
    "The disk that holds the database is full, or its quota. Free some space; nothing was changed.",
)
_BY_CODE: dict[int, tuple[type[StoreError], str]] = {
    sqlite3.SQLITE_BUSY: (
        StoreBusy,
        "The database is held by another process. Wait until that one is done, then try again.",
    ),
    sqlite3.SQLITE_FULL: _FULL,
    # A quota or a limit on the size of files comes as a failed write, not as a full disk; where
    # readers and writer meet (-shm), a full disk does so too.
    sqlite3.SQLITE_IOERR_WRITE: _FULL,
    sqlite3.SQLITE_IOERR_SHMSIZE: _FULL,
    sqlite3.SQLITE_CORRUPT: (StoreDamaged, DAMAGED),
    sqlite3.SQLITE_NOTADB: (StoreDamaged, DAMAGED),
    sqlite3.SQLITE_CANTOPEN: (
        StoreUnavailable,
        "The database cannot be opened. Check that this user may write in its folder.",
    ),
    sqlite3.SQLITE_READONLY: (
        StoreUnavailable,
        "The database may not be written. Check the rights of the file and of its folder.",
    ),
    sqlite3.SQLITE_IOERR: (
        StoreUnavailable,
        "The disk that holds the database reported an error. Check its free space and its health.",
    ),
}


def translated(error: Exception) -> Exception:
    """The store's own error for a condition of the database; any other error as it is."""
    code = getattr(error, "sqlite_errorcode", None)
    known = _BY_CODE.get(code, _BY_CODE.get(code & 0xFF)) if isinstance(code, int) else None
    if known is None:
        return error
    kind, sentence = known
    own = kind(sentence)
    own.__cause__ = error
    return own
