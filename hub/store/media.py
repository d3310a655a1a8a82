"""Files that agents exchange with the hub, each under the SHA-256 of its content.

They lie in `<root>/<tenant_id>/<sha256>`, beside the database. A file is written under another name
and renamed once it is whole and on disk, so that whatever has its name is right.
Everything here blocks: call it in a thread.
"""

import hashlib
import os
import re
import secrets
from enum import Enum
from pathlib import Path
from typing import BinaryIO, Final

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_TENANT: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_UNFINISHED: Final = ".part"


class Kept(Enum):
    """What became of a received file."""

    NEW = "new"
    HELD = "held already"
    DIFFERENT = "not the content that its hash names"


class MediaFiles:
    """One directory of files, shared by all tenants, in which none reaches another's."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def remove_unfinished(self) -> int:
        """Delete what a crash left half written, before anything is received; how many files."""
        left = list(self._root.glob(f"*/*{_UNFINISHED}"))
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def find(self, tenant_id: str, digest: str) -> Path | None:
        """Where a tenant's file is; None when the tenant holds none of this hash."""
        path = self._path(tenant_id, digest)
        return path if path is not None and path.is_file() else None

    def receive(self, tenant_id: str, digest: str) -> "Incoming | None":
        """Begin to take a file; None when `digest` is no SHA-256 in lower-case hex."""
        path = self._path(tenant_id, digest)
        return None if path is None else Incoming(path)

    def _path(self, tenant_id: str, digest: str) -> Path | None:
        if not _TENANT.fullmatch(tenant_id) or not _SHA256.fullmatch(digest):
            return None
        return self._root / tenant_id / digest


class Incoming:
    """A file on its way in: `write` its pieces, `keep` it, `discard` what is left in any case."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._part = target.with_name(f"{target.name}.{secrets.token_hex(8)}{_UNFINISHED}")
        self._hash = hashlib.sha256()
        self._file: BinaryIO | None = None

    def write(self, piece: bytes) -> None:
        """Add a piece."""
        self._hash.update(piece)
        self._opened().write(piece)

    def keep(self) -> Kept:
        """Give the file its name, if its content is what the name says; durable on return."""
        if self._hash.hexdigest() != self._target.name:
            return Kept.DIFFERENT
        with self._opened() as file:
            file.flush()
            os.fsync(file.fileno())
        if self._target.exists():
            return Kept.HELD
        self._part.replace(self._target)
        _sync_directory(self._target.parent)
        return Kept.NEW

    def discard(self) -> None:
        """Remove what was not kept."""
        if self._file is not None:
            self._file.close()
            self._part.unlink(missing_ok=True)

    def _opened(self) -> BinaryIO:
        if self._file is None:
            self._part.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = self._part.open("xb")
        return self._file


def _sync_directory(path: Path) -> None:
    """Make a rename durable. Windows cannot open a directory and needs no such call."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
