"""Where the agent's files lie: writable, private, on a disk of this computer, with room."""

import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path, PurePath
from typing import Final, TypeVar

import psutil

from agent.checks.check import Check

PathT = TypeVar("PathT", bound=PurePath)

FREE_MIN_BYTES: Final = 200 * 2**20  # below it a browser and a journal stop within the day
FREE_LOW_BYTES: Final = 2**30
_SYNCED_NAMES: Final = {
    "onedrive": "OneDrive",
    "dropbox": "Dropbox",
    "google drive": "Google Drive",
    "googledrive": "Google Drive",
    "iclouddrive": "iCloud Drive",
    "mobile documents": "iCloud Drive",
    "cloudstorage": "a cloud service of macOS",
    "nextcloud": "Nextcloud",
    "owncloud": "ownCloud",
    "pclouddrive": "pCloud",
}
_SYNCED_MARKS: Final = {
    ".dropbox": "Dropbox",
    ".dropbox.cache": "Dropbox",
    ".stfolder": "Syncthing",
    ".owncloudsync.log": "ownCloud",
    ".tmp.drivedownload": "Google Drive",
}
_FAR_SYSTEMS: Final = frozenset(
    {"9p", "afpfs", "cifs", "davfs", "fuse.rclone", "fuse.sshfs", "nfs", "nfs4", "smb3", "smbfs"}
)


def check_data_dir(path: Path) -> Check:
    """Whether the agent's files are safe there."""
    name, remedy = "data directory", "Give it to this user, or set SAK_AGENT_DATA_DIR to another."
    existing = nearest(path)
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        return Check(name, "fail", f"{existing} cannot be written: {error.strerror}", remedy)
    if who := who_copies(path, Path.exists):
        remedy = f"Set SAK_AGENT_DATA_DIR to a directory that {who} leaves alone."
        return Check(name, "warn", f"{who} copies {path}, the linked WhatsApp too", remedy)
    if is_far(path, ((part.mountpoint, part.fstype) for part in psutil.disk_partitions(all=True))):
        remedy = "Set SAK_AGENT_DATA_DIR to a directory on a disk of this computer."
        return Check(name, "warn", f"{path} is on another computer: a journal breaks there", remedy)
    if existing != path:
        return Check(name, "ok", f"{path} will be made")
    return check_rights(name, path)


def check_rights(name: str, path: Path) -> Check:
    """Whether only its owner can read a directory; Windows keeps a person's own so by itself."""
    if sys.platform != "win32" and path.stat().st_mode & 0o077:
        remedy = f"Run `chmod 700 {path}`: who can read it can be this shop's WhatsApp."
        return Check(name, "warn", f"{path} is open to other users", remedy)
    return Check(name, "ok", f"{path}, closed to other users")


def judge_disk(free_bytes: int) -> Check:
    """Whether so much free space is enough."""
    finding, remedy = f"{free_bytes / 2**30:.1f} GiB free", "Free some space."
    if free_bytes < FREE_MIN_BYTES:
        return Check("disk", "fail", finding, remedy)
    if free_bytes < FREE_LOW_BYTES:
        return Check("disk", "warn", finding, remedy)
    return Check("disk", "ok", finding)


def nearest(path: Path) -> Path:
    """The path itself, or the closest of its parents that exists."""
    return next(place for place in (path, *path.parents) if place.exists())


def who_copies(path: PathT, exists: Callable[[PathT], bool]) -> str | None:
    """The service that keeps copies of this directory elsewhere; by names and marks above it.

    Two computers that run from copies of one profile lose the link, and a copy that is made while
    the browser writes is no profile.
    """
    for folder in (path, *path.parents):
        plain = folder.name.lower()
        for name, service in _SYNCED_NAMES.items():
            if plain == name or plain.startswith(f"{name} - "):  # OneDrive - Company
                return service
        for mark, service in _SYNCED_MARKS.items():
            if exists(folder / mark):
                return service
    return None


def is_far(path: PurePath, mounts: Iterable[tuple[str, str]]) -> bool:
    r"""Whether another computer keeps this directory: a network's file system, or `\\server\…`."""
    if path.drive.startswith("\\\\"):
        return True
    kinds = {point: kind.lower() for point, kind in mounts}
    places = (str(place) for place in (path, *path.parents))
    return next((kinds[place] in _FAR_SYSTEMS for place in places if place in kinds), False)
