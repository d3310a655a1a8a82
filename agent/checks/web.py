"""The browser for WhatsApp Web, its profile and wa-js.

Playwright is imported inside: a memory agent's doctor does not wait a second for it.
"""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec
import psutil

from agent.checks.bundle import check_bundle
from agent.checks.check import Check, failed
from agent.checks.place import check_rights
from agent.settings import BROWSER_PROFILE, Settings

_FAR_VERSIONS: Final = 12  # about a year of Chromium
_VERSION: Final = re.compile(r"\b(\d+)(?:\.\d+){3}\b")
_ASK_S: Final = 10.0
_HELPERS: Final = (
    "/usr/lib/chromium/chrome-sandbox",
    "/opt/google/chrome/chrome-sandbox",
    "/opt/microsoft/msedge/msedge-sandbox",
)
_KERNEL: Final = Path("/proc/sys")


def check_web(settings: Settings, *, running: bool) -> Iterator[Check]:
    """Browser, sandbox, profile and wa-js; not inside an event loop."""
    from agent.drivers.whatsapp_web import WhatsAppWebError
    from agent.drivers.whatsapp_web.browser import find_browser

    try:
        browser = find_browser(settings.browser)
    except WhatsAppWebError as error:
        yield failed("browser", error)
    else:
        yield judge_browser(browser, browser_version(browser), _made_for())
        if sys.platform == "linux":
            yield judge_sandbox(_grounds(browser))
    yield check_profile(settings.data_dir / BROWSER_PROFILE, running=running)
    yield from check_bundle(settings.data_dir)


def judge_browser(browser: Path, own: str | None, made_for: str) -> Check:
    """Whether Playwright can be expected to know this browser."""
    if own is None:
        return Check("browser", "ok", str(browser))
    finding = f"{browser}, {own}; Playwright {version('playwright')} is made for {made_for}"
    ahead = int(own.partition(".")[0]) - int(made_for.partition(".")[0])
    if ahead < -_FAR_VERSIONS:
        return Check("browser", "warn", finding, "Let the browser update itself.")
    if ahead > _FAR_VERSIONS:
        return Check("browser", "warn", finding, "Install a newer sak-agent.")
    return Check("browser", "ok", finding)


def browser_version(browser: Path) -> str | None:
    """Its version, None when it does not tell."""
    if os.name == "nt":  # --version would open a window; the version is a folder's name
        return newest_version(path.name for path in browser.parent.iterdir() if path.is_dir())
    try:
        said = subprocess.run(  # noqa: S603 - the browser that is to be launched anyway
            [browser, "--version"], capture_output=True, timeout=_ASK_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return newest_version([said.stdout.decode(errors="replace")])


def newest_version(texts: Iterator[str] | list[str]) -> str | None:
    """The highest version of a browser that these texts name."""
    found = [match[0] for text in texts if (match := _VERSION.search(text))]
    return max(found, key=lambda it: tuple(map(int, it.split("."))), default=None)


def _made_for() -> str:
    """The Chromium that this Playwright is tested with."""
    import playwright

    path = Path(playwright.__file__).parent / "driver" / "package" / "browsers.json"
    listed = json.loads(path.read_text("utf-8"))["browsers"]
    return str(next(it["browserVersion"] for it in listed if it["name"] == "chromium"))


class Grounds(msgspec.Struct, frozen=True):
    """What Chromium's sandbox stands on in Linux: user namespaces, or a helper that is root's."""

    is_root: bool = False
    namespaces: bool = True
    only_named_programs: bool = False  # AppArmor lets no other make a namespace
    helper: bool = False


def judge_sandbox(on: Grounds) -> Check:
    """Whether the browser can shut its pages in."""
    if on.is_root:
        remedy = "Run the agent as an ordinary user."
        return Check("sandbox", "warn", "off, because root runs the agent", remedy)
    if on.helper or (on.namespaces and not on.only_named_programs):
        return Check("sandbox", "ok", "possible")
    if on.namespaces:
        remedy = "Use a browser that your distribution or its maker packs, not a downloaded one."
        return Check("sandbox", "warn", "AppArmor may keep this browser from making one", remedy)
    remedy = (
        "As root: `sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=15000`."
    )
    return Check("sandbox", "fail", "this system forbids it, so the browser will not start", remedy)


def _grounds(browser: Path) -> Grounds:
    beside = browser.resolve().with_name("chrome-sandbox")
    return Grounds(
        is_root=sys.platform != "win32" and os.geteuid() == 0,
        namespaces=_kernel("kernel/unprivileged_userns_clone", 1) > 0
        and _kernel("user/max_user_namespaces", 1) > 0,
        only_named_programs=_kernel("kernel/apparmor_restrict_unprivileged_userns", 0) > 0,
        helper=any(_is_roots(path) for path in (beside, *map(Path, _HELPERS))),
    )


def _kernel(name: str, otherwise: int) -> int:
    try:
        return int((_KERNEL / name).read_text("ascii"))
    except (OSError, ValueError):
        return otherwise


def _is_roots(path: Path) -> bool:
    """Whether it is a program that runs as root whoever starts it."""
    try:
        facts = path.stat()
    except OSError:
        return False
    return facts.st_uid == 0 and bool(facts.st_mode & 0o4000)


def check_profile(path: Path, *, running: bool) -> Check:
    """The linked session: private, and not left locked."""
    if not path.exists():
        return Check("profile", "ok", "none yet: WhatsApp was never linked here")
    rights = check_rights("profile", path)
    if rights.verdict != "ok" or running:
        return rights
    try:
        host, _, pid = _lock_of(path / "chromium")
    except OSError:  # none; on Windows there never is
        return rights
    if host == socket.gethostname() and pid.isdigit() and psutil.pid_exists(int(pid)):
        remedy = f"The agent ends it when it starts; if it does not, end process {pid}."
        return Check("profile", "warn", f"a browser still uses it, process {pid}", remedy)
    remedy = "Nothing to do: the agent removes the lock when it starts."
    return Check("profile", "ok", f"a browser on {host} that is gone left its lock", remedy)


def _lock_of(user_data: Path) -> tuple[str, str, str]:
    """Chromium's own lock: a link to nowhere whose text is computer and process."""
    return str((user_data / "SingletonLock").readlink()).rpartition("-")
