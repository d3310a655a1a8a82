"""Where wa-js is fetched from: through npm, or over HTTPS from a registry that speaks npm's way.

Either tells the version, the archive's SHA-512 and the archive; nothing is run of what comes.
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote, urljoin, urlsplit

import httpx2
import msgspec

from agent.drivers.whatsapp_web.archive import ARCHIVE_MAX_BYTES, PACKAGE
from agent.drivers.whatsapp_web.bundle import VERSION
from agent.pairing import USER_AGENT, proxy_for
from agent.settings import PREFIX, Settings, is_loopback

LATEST: Final = "latest"
_SETTING: Final = f"{PREFIX}NPM_REGISTRY"
_LIST_MAX_BYTES: Final = 16 * 2**20
_HOPS_MAX: Final = 3
_NPM_S: Final = 180.0
_NPM_CODE: Final = re.compile(r"\bE[A-Z0-9]{2,20}\b")
_SHORT_LIST: Final = "application/vnd.npm.install-v1+json, application/json;q=0.5"


class RegistryError(Exception):
    """wa-js cannot be fetched; the message is one sentence for the user, with the remedy."""


class Release(msgspec.Struct, frozen=True):
    """A version that can be had, and how its archive is known and found."""

    version: str
    integrity: str
    archive: str = ""


class Source(Protocol):
    """Gives wa-js."""

    def release(self, wanted: str) -> Release:
        """The version `wanted`, or the newest; RegistryError."""
        ...

    def archive(self, release: Release) -> bytes:
        """Its archive, unchecked; RegistryError."""
        ...


def find_source(settings: Settings) -> Source:
    """The registry of the settings, else npm.

    Raises:
        RegistryError: there is neither.
    """
    if settings.npm_registry is not None:
        return Registry(settings.npm_registry, settings)
    if npm := shutil.which("npm"):
        return Npm(npm)
    raise RegistryError(
        "There is no npm on this computer to fetch wa-js with: install Node.js, or set "
        f"{_SETTING} to the address of a registry that you trust."
    )


class _Dist(msgspec.Struct, frozen=True):
    tarball: str
    integrity: str = ""


class _Version(msgspec.Struct, frozen=True):
    dist: _Dist


class _Listing(msgspec.Struct, frozen=True):
    versions: dict[str, _Version]
    tags: dict[str, str] = msgspec.field(name="dist-tags", default_factory=dict)


class _Viewed(msgspec.Struct, frozen=True):
    version: str
    integrity: str = msgspec.field(name="dist.integrity", default="")


class _Packed(msgspec.Struct, frozen=True):
    filename: str


def _checked(release: Release) -> Release:
    """Its version becomes a folder's name and an argument: nothing else may stand in it."""
    if not VERSION.fullmatch(release.version):
        raise RegistryError("The registry names a version of wa-js that is none: try again.")
    return release


class Npm:
    """npm, with all that it is set up with: registry, proxy, credentials."""

    def __init__(self, program: str) -> None:
        self._program = program

    def release(self, wanted: str) -> Release:
        """The version `wanted`, or the newest; RegistryError."""
        fields = ("version", "dist.integrity")
        said = self._run("view", f"{PACKAGE}@{wanted}", *fields, "--json", cwd=None)
        try:
            viewed = msgspec.json.decode(said, type=_Viewed)
        except msgspec.MsgspecError as error:
            raise _no_such(wanted) from error
        return _checked(Release(viewed.version, viewed.integrity))

    def archive(self, release: Release) -> bytes:
        """Its archive, unchecked; RegistryError."""
        name = f"{PACKAGE}@{release.version}"
        with tempfile.TemporaryDirectory() as folder:
            said = self._run("pack", name, "--ignore-scripts", "--json", cwd=folder)
            try:
                (packed,) = msgspec.json.decode(said, type=tuple[_Packed])
                path = Path(folder) / Path(packed.filename).name
                if path.stat().st_size > ARCHIVE_MAX_BYTES:
                    raise _too_large()
                return path.read_bytes()
            except (msgspec.MsgspecError, OSError) as error:
                raise RegistryError("npm did not fetch wa-js: update npm, or try again.") from error

    def _run(self, *arguments: str, cwd: str | None) -> bytes:
        """What npm says; elsewhere than in a project, whose settings are not ours."""
        try:
            done = subprocess.run(  # noqa: S603 - npm, with a checked version
                [self._program, *arguments],
                cwd=cwd or tempfile.gettempdir(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_NPM_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise RegistryError(
                f"npm did not do it ({type(error).__name__}): check the network, or try again."
            ) from error
        if done.returncode != 0:
            code = _NPM_CODE.search(done.stderr.decode(errors="replace"))
            if code is not None and code[0] in ("E404", "ETARGET"):
                raise _no_such(arguments[1].rpartition("@")[2])
            raise RegistryError(
                f"npm cannot fetch wa-js ({code[0] if code else done.returncode}): check the "
                f"network and npm's settings, or set {_SETTING}."
            )
        return done.stdout


class Registry:
    """A registry that is asked without npm."""

    def __init__(self, address: str, settings: Settings) -> None:
        self._base = address.rstrip("/") + "/"
        self._settings = settings

    def release(self, wanted: str) -> Release:
        """The version `wanted`, or the newest; RegistryError."""
        url = urljoin(self._base, quote(PACKAGE, safe="@"))
        content = self._get(url, _LIST_MAX_BYTES, hops=0, accept=_SHORT_LIST)
        try:
            listing = msgspec.json.decode(content, type=_Listing)
        except msgspec.MsgspecError as error:
            raise RegistryError(
                f"{self._base} does not answer like npm's registry: correct {_SETTING}."
            ) from error
        version = listing.tags.get(wanted, wanted)
        if (found := listing.versions.get(version)) is None:
            raise _no_such(wanted)
        archive = urljoin(url, found.dist.tarball)
        return _checked(Release(version, found.dist.integrity, archive))

    def archive(self, release: Release) -> bytes:
        """Its archive, unchecked; RegistryError."""
        return self._get(release.archive, ARCHIVE_MAX_BYTES, hops=_HOPS_MAX)

    def _get(self, url: str, limit: int, *, hops: int, accept: str = "*/*") -> bytes:
        """What stands there, whole; RegistryError. Each hop is judged as the first address was."""
        self._check(url)
        with self._answer(url, accept) as answer:
            if answer.is_redirect and hops:
                url = urljoin(url, answer.headers["Location"])
            elif answer.status_code != httpx2.codes.OK:
                raise RegistryError(
                    f"The registry answers {answer.status_code}: try again, or correct {_SETTING}."
                )
            else:
                return _read(answer, limit)
        return self._get(url, limit, hops=hops - 1, accept=accept)

    def _check(self, url: str) -> None:
        parts = urlsplit(url)
        is_here = is_loopback(urlsplit(self._base).hostname) and is_loopback(parts.hostname)
        if parts.scheme != "https" and not (parts.scheme == "http" and is_here):
            raise RegistryError(
                "The registry leads to an address without TLS: set "
                f"{_SETTING} to another, beginning with https://."
            )

    @contextmanager
    def _answer(self, url: str, accept: str) -> Iterator[httpx2.Response]:
        headers = {"User-Agent": USER_AGENT, "Accept": accept}
        try:
            with (
                httpx2.Client(
                    timeout=self._settings.open_timeout_s,
                    proxy=proxy_for(url, self._settings),
                    trust_env=False,
                    verify=httpx2.create_ssl_context(),
                    headers=headers,
                ) as client,
                client.stream("GET", url) as answer,
            ):
                yield answer
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            raise RegistryError(
                f"The registry cannot be reached ({type(error).__name__}): check the network, "
                f"{PREFIX}PROXY and {_SETTING}."
            ) from error


def _read(answer: httpx2.Response, limit: int) -> bytes:
    content = bytearray()
    for piece in answer.iter_bytes():
        content += piece
        if len(content) > limit:
            raise _too_large()
    return bytes(content)


def _too_large() -> RegistryError:
    return RegistryError(
        "What the registry sends is larger than wa-js could be: nothing was changed; check "
        "where it comes from."
    )


def _no_such(wanted: str) -> RegistryError:
    return RegistryError(f"The registry has no wa-js {wanted}: check the version.")
