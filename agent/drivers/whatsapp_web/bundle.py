"""wa-js on this computer: the one that came with the agent, and newer ones that were fetched.

    bundles/                 0700, in the data directory
      lock                   held while something is changed here
      chosen.json            which one is used, which one before, which ones did not work
      <version>/wppconnect-wa.js

A fetched one counts only while it is newer than the agent's own and its bytes are those that were
checked. It is *proven* once it passed the self-test on the page that it is for; before that, a
failure brings back the one before it.
"""

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
import structlog
from msgspec.structs import replace

from agent.drivers.whatsapp_web.errors import BundleBusyError, BundleMissingError
from agent.lock import give_back, take

_log = structlog.get_logger(__name__)

FOLDER: Final = "bundles"
NAME: Final = "wppconnect-wa.js"
VERSION: Final = re.compile(
    r"(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})(?:-([0-9A-Za-z.-]{1,40}))?"
)
_BANNER: Final = re.compile(rb"wa-js v(" + VERSION.pattern.encode() + rb")")
_BANNER_BYTES: Final = 400
_REFUSED_MAX: Final = 20
_CHOICE: Final = "chosen.json"


def rank(version: str) -> tuple[int, int, int, int, str]:
    """A version as what sorts; one that is none comes before all."""
    if (match := VERSION.fullmatch(version)) is None:
        return (-1, 0, 0, 0, "")
    major, minor, patch, trial = match.groups()
    return (int(major), int(minor), int(patch), trial is None, trial or "")


def version_of(content: bytes) -> str | None:
    """The version that a bundle says it has."""
    banner = _BANNER.search(content[:_BANNER_BYTES])
    return banner[1].decode() if banner else None


class Bundle(msgspec.Struct, frozen=True):
    """wa-js in one version; `version` is empty of one that does not say."""

    path: Path
    version: str
    sha256: str
    is_shipped: bool = True
    is_proven: bool = True

    @classmethod
    def at(cls, path: Path) -> "Bundle":
        """One that lies outside of the store; BundleMissingError."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise BundleMissingError(
                f"wa-js is missing ({path}): run `make setup`, or install the agent again."
            ) from error
        return cls(path, version_of(content) or "", hashlib.sha256(content).hexdigest())


class Fetched(msgspec.Struct, frozen=True):
    """What was fetched, and by which hashes it is known: the archive's and the file's."""

    version: str
    integrity: str
    sha256: str


class _Choice(msgspec.Struct, frozen=True, omit_defaults=True):
    current: Fetched | None = None
    previous: Fetched | None = None
    is_proven: bool = False
    refused: tuple[str, ...] = ()  # did not work on the page that they are for


class Bundles:
    """The store. `shipped` is the agent's own wa-js."""

    def __init__(self, directory: Path, shipped: Path) -> None:
        self._directory = directory
        self._shipped = shipped

    def choose(self) -> Bundle:
        """The one to use now; BundleMissingError when there is none at all."""
        shipped, choice = Bundle.at(self._shipped), self._choice()
        found = None if choice.current is None else self._sound(choice.current, shipped)
        if found is None:
            return shipped
        return replace(found, is_proven=choice.is_proven)

    def shipped(self) -> Bundle:
        """The agent's own; BundleMissingError."""
        return Bundle.at(self._shipped)

    def stamp(self) -> int:
        """Another number when another one may have been chosen; quick."""
        try:
            return (self._directory / _CHOICE).stat().st_mtime_ns
        except OSError:
            return 0

    def refused(self) -> tuple[str, ...]:
        """Versions that were given up on the page that they are for."""
        return self._choice().refused

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep others from changing the store; BundleBusyError when somebody does."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            take(lock)
        except OSError as error:
            os.close(lock)
            raise BundleBusyError(
                "Another update of wa-js is under way: wait until it has ended."
            ) from error
        try:
            yield
        finally:
            give_back(lock)

    def add(self, version: str, integrity: str, content: bytes) -> Fetched:
        """Keep a bundle that was checked, without using it; for the holder."""
        draft = self._directory / f".{secrets.token_hex(8)}"
        draft.mkdir(mode=0o700)
        try:
            _write(draft / NAME, content)
            self.discard(version)
            draft.rename(self._directory / version)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return Fetched(version, integrity, hashlib.sha256(content).hexdigest())

    def path(self, version: str) -> Path:
        """Where a fetched one is."""
        return self._directory / version / NAME

    def discard(self, version: str) -> None:
        """Remove a fetched one that is not used; for the holder."""
        shutil.rmtree(self._directory / version, ignore_errors=True)

    def use(self, fetched: Fetched) -> None:
        """From the next load of the page on; the one before is kept. For the holder."""
        choice = self._choice()
        before = choice.current
        if before is None or before.version == fetched.version:
            before = choice.previous
        refused = tuple(it for it in choice.refused if it != fetched.version)
        self._write(_Choice(fetched, before, refused=refused))
        self._prune({it.version for it in (fetched, before) if it is not None})

    def prove(self, bundle: Bundle) -> None:
        """It passed where it has to."""
        self._settle(bundle, lambda choice: replace(choice, is_proven=True))

    def go_back(self, bundle: Bundle) -> None:
        """It failed where it has to work: use the one before, or the agent's own."""

        def back(choice: _Choice) -> _Choice:
            refused = (*choice.refused, bundle.version)[-_REFUSED_MAX:]
            return _Choice(choice.previous, is_proven=True, refused=refused)

        self._settle(bundle, back)

    def _settle(self, bundle: Bundle, settled: Callable[[_Choice], _Choice]) -> None:
        """Change what is said of the bundle in use; where that cannot be, the next test does it."""
        try:
            with self.held():
                choice = self._choice()
                if choice.current is not None and choice.current.sha256 == bundle.sha256:
                    self._write(settled(choice))
        except (BundleBusyError, OSError) as error:
            _log.warning("whatsapp_bundle_not_settled", kind=type(error).__name__)

    def _sound(self, fetched: Fetched, shipped: Bundle) -> Bundle | None:
        """What was fetched, if it is newer than the agent's own, and whole."""
        if rank(fetched.version) <= rank(shipped.version):
            return None
        path = self.path(fetched.version)
        try:
            found = Bundle.at(path)
        except BundleMissingError:
            found = None
        if found is None or found.sha256 != fetched.sha256:
            _log.error("whatsapp_bundle_damaged", version=fetched.version)
            return None
        return replace(found, version=fetched.version, is_shipped=False)

    def _choice(self) -> _Choice:
        """What was chosen; nothing where that cannot be read."""
        try:
            choice = msgspec.json.decode((self._directory / _CHOICE).read_bytes(), type=_Choice)
        except (OSError, msgspec.MsgspecError):
            return _Choice()
        versions = [it.version for it in (choice.current, choice.previous) if it is not None]
        return choice if all(VERSION.fullmatch(it) for it in versions) else _Choice()

    def _write(self, choice: _Choice) -> None:
        draft = self._directory / f"{_CHOICE}.new"
        draft.unlink(missing_ok=True)
        _write(draft, msgspec.json.format(msgspec.json.encode(choice)))
        draft.replace(self._directory / _CHOICE)

    def _prune(self, kept: set[str]) -> None:
        """Remove versions that nobody goes back to, and what a crash left."""
        for path in self._directory.iterdir():
            if path.is_dir() and path.name not in kept:
                shutil.rmtree(path, ignore_errors=True)


def _write(path: Path, content: bytes) -> None:
    """Write a new file down to the disk, readable by its owner."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
