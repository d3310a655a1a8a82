"""Files on their way through this PC, each under the SHA-256 of its content.

    media/down/<sha256>   what the hub wants sent, until the sending is over
    media/up/<sha256>     what customers sent, until the hub has it

A file is written under another name, brought to disk and renamed once it is whole, so that whatever
has its name is right. `Files.path` and `holds` are quick; what else is no coroutine blocks: call it
in a thread.
"""

import asyncio
import errno
import hashlib
import os
import secrets
import shutil
import sys
from collections.abc import AsyncIterator, Iterator, Set
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import BinaryIO, Final, Self

FOLDER: Final = "media"
FILE_MAX_BYTES: Final = 16_777_216  # SPEC 2.14
PIECE_BYTES: Final = 524_288
RESERVE_BYTES: Final = 64 * 2**20  # left free for the journal, without which nothing goes on
_UNFINISHED: Final = ".part"


class FileTooLargeError(Exception):
    """It is larger than the hub or this agent takes."""


class FileDiffersError(Exception):
    """It has another SHA-256 than it should have."""


class DiskError(Exception):
    """The disk does not take a file, or does not give it back; the sentence says why."""


class Files:
    """One directory of files."""

    def __init__(self, directory: Path, reserve_bytes: int = RESERVE_BYTES) -> None:
        self._directory = directory
        self._reserve_bytes = reserve_bytes

    def path(self, sha256: str) -> Path:
        """Where a file is, or would be."""
        return self._directory / sha256

    def holds(self, sha256: str) -> bool:
        """Whether the file is here."""
        return self.path(sha256).is_file()

    def draft(self) -> "Draft":
        """Begin a file; the disk is not touched before its first piece."""
        return Draft(self._directory, self._reserve_bytes)

    def names(self) -> set[str]:
        """The hashes of all that is here; DiskError."""
        if not self._directory.exists():
            return set()
        with _explained():
            paths = list(self._directory.iterdir())
        return {path.name for path in paths if path.suffix != _UNFINISHED}

    def remove(self, names: Set[str]) -> None:
        """Remove files; one that is open on Windows stays for the next time."""
        for name in names:
            _unlink(self.path(name))

    def remove_unfinished(self) -> None:
        """Remove what a crash left half written, before anything is begun."""
        for path in self._directory.glob(f"*{_UNFINISHED}"):
            _unlink(path)


class Draft:
    """A file that is being written; what is not kept when the block ends is removed.

    `write` and `keep` may run in a thread that goes on although its caller was cancelled: the lock
    makes the block's end wait for it, and nothing happens after the end.
    """

    def __init__(self, directory: Path, reserve_bytes: int) -> None:
        self._directory = directory
        self._reserve_bytes = reserve_bytes
        self._path = directory / f"{secrets.token_hex(8)}{_UNFINISHED}"
        self._file: BinaryIO | None = None
        self._is_over = False
        self._lock = Lock()
        self._hash = hashlib.sha256()
        self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._is_over = True
            if self._file is None:
                return
            with suppress(OSError):  # what was kept is closed already
                self._file.close()
            _unlink(self._path)

    @property
    def sha256(self) -> str:
        """Of what was written."""
        return self._hash.hexdigest()

    def write(self, piece: bytes) -> None:
        """Add a piece; FileTooLargeError, DiskError, also when others need the disk's last room."""
        self.size += len(piece)
        if self.size > FILE_MAX_BYTES:
            raise FileTooLargeError
        self._hash.update(piece)
        with self._lock, _explained():
            self._opened().write(piece)

    def keep(self, sha256: str | None = None) -> str:
        """Give the file its name, durably; DiskError, FileDiffersError when `sha256` is another."""
        if sha256 is not None and sha256 != self.sha256:
            raise FileDiffersError
        with self._lock, _explained():
            file = self._opened()
            file.flush()
            os.fsync(file.fileno())
            file.close()
            self._path.replace(self._directory / self.sha256)
            _sync_directory(self._directory)
        return self.sha256

    def _opened(self) -> BinaryIO:
        if self._is_over:
            raise OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))
        if self._file is None:
            for folder in (self._directory.parent, self._directory):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if shutil.disk_usage(self._directory).free < self._reserve_bytes + FILE_MAX_BYTES:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            self._file = os.fdopen(descriptor, "wb")
        return self._file


async def pieces(path: Path) -> AsyncIterator[bytes]:
    """The content of a file, piece by piece, read beside the event loop; DiskError."""
    with _opened(path) as file:
        while piece := await asyncio.to_thread(_read, file):
            yield piece


def _opened(path: Path) -> BinaryIO:
    with _explained():
        return path.open("rb")


def _read(file: BinaryIO) -> bytes:
    with _explained():
        return file.read(PIECE_BYTES)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DiskError(f"The disk refuses a file: {error.strerror or error}.") from error


def _unlink(path: Path) -> None:
    with suppress(PermissionError):  # Windows: somebody reads it
        path.unlink(missing_ok=True)


def _sync_directory(path: Path) -> None:
    """Make a rename durable. Windows cannot open a directory and needs no such call."""
    if sys.platform != "win32":
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
