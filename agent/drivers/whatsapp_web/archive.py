"""From npm's archive of wa-js to the one file that we use. Nothing else of it touches the disk.

The archive is believed only as far as the SHA-512 that the registry gave for it; even then its
members are judged by their names, and it may not grow beyond what wa-js could ever be.
"""

import gzip
import hashlib
import hmac
import io
import tarfile
import zlib
from base64 import b64decode
from pathlib import PurePosixPath
from typing import Final

import msgspec

from agent.drivers.whatsapp_web.bundle import NAME, version_of
from agent.drivers.whatsapp_web.errors import BundleRefusedError
from agent.drivers.whatsapp_web.selftest import needs

PACKAGE: Final = "@wppconnect/wa-js"
ARCHIVE_MAX_BYTES: Final = 16 * 2**20  # wa-js 4.6 has a quarter of one MiB
_UNPACKED_MAX_BYTES: Final = 64 * 2**20
_SHA512_BYTES: Final = 64
_AGAIN: Final = "nothing was changed; try again, or give another --version."
_DEFECTS: Final = (tarfile.TarError, EOFError, OSError, zlib.error, ValueError)


class _About(msgspec.Struct, frozen=True):
    """package.json."""

    name: str
    version: str


def check_integrity(archive: bytes, integrity: str) -> None:
    """BundleRefusedError unless these are the bytes that the registry's SHA-512 names."""
    wanted = [_sha512(word) for word in integrity.split() if word.startswith("sha512-")]
    if not wanted or not all(wanted):
        raise BundleRefusedError(
            f"The registry gives no SHA-512 for {PACKAGE}, so nobody can tell whether it is "
            f"genuine: {_AGAIN}"
        )
    found = hashlib.sha512(archive).digest()
    if not any(hmac.compare_digest(found, one) for one in wanted):
        raise BundleRefusedError(
            "What came is not what the registry's SHA-512 names; it was cut off or changed on "
            f"the way: {_AGAIN}"
        )


def _sha512(word: str) -> bytes:
    """The bytes of `sha512-…`, empty when there are none."""
    try:
        digest = b64decode(word.removeprefix("sha512-").partition("?")[0], validate=True)
    except ValueError:
        return b""
    return digest if len(digest) == _SHA512_BYTES else b""


def unpack(archive: bytes, version: str) -> bytes:
    """The bundle of this version; BundleRefusedError. Check the integrity before."""
    members = _members(archive)
    try:
        about = msgspec.json.decode(members.get("package.json", b""), type=_About)
    except msgspec.MsgspecError:
        about = _About("", "")
    bundle = members.get(f"dist/{NAME}", b"")
    if about != _About(PACKAGE, version) or version_of(bundle) != version:
        raise _refused(f"it does not hold wa-js {version}")
    if lost := [event for event in needs().events if event.encode() not in bundle]:
        raise _refused(f"wa-js {version} has no event {', '.join(lost)} any more")
    return bundle


def _members(archive: bytes) -> dict[str, bytes]:
    """The two files that matter, by their names below the package's folder."""
    try:
        with tarfile.open(fileobj=io.BytesIO(_unzipped(archive)), mode="r:") as tar:
            members = tar.getmembers()
            if strange := next((one.name for one in members if _leads_away(one.name)), None):
                raise _refused(f"it has a member that leads out of it ({strange[:60]!r})")
            wanted = {"package.json", f"dist/{NAME}"}
            return {
                name: file.read()
                for one in members
                if (name := one.name.partition("/")[2]) in wanted
                and one.isreg()
                and (file := tar.extractfile(one)) is not None
            }
    except _DEFECTS as error:
        raise _refused("it is no sound archive") from error


def _unzipped(archive: bytes) -> bytes:
    with gzip.open(io.BytesIO(archive)) as zipped:
        content = zipped.read(_UNPACKED_MAX_BYTES + 1)
    if len(content) > _UNPACKED_MAX_BYTES:
        raise _refused("it grows without measure when it is unpacked")
    return content


def _leads_away(name: str) -> bool:
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name


def _refused(why: str) -> BundleRefusedError:
    return BundleRefusedError(f"The archive of wa-js is refused, because {why}: {_AGAIN}")
