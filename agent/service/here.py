"""Services on this computer: installing, removing and finding one."""

import getpass
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
import platformdirs
import psutil

from agent.service import systemd
from agent.service.plan import Plan, service_name
from agent.service.steps import Homes, Manager, Step, manager_for
from agent.settings import Settings

_STEP_S: Final = 60.0
_PAUSE_S: Final = 1.0
_SYSTEM_UNITS: Final = Path("/etc/systemd/system")


class ServiceError(Exception):
    """The system did not take the service; the message is for the user, with the remedy."""


class Found(msgspec.Struct, frozen=True):
    """An installed service and the program that it runs, None when its file is not ours."""

    title: str
    path: Path
    program: str | None


def manager_here(settings: Settings) -> Manager:
    """How this computer keeps the service of this agent."""
    homes = Homes(platformdirs.user_config_path(), Path.home(), _uid())
    return manager_for(sys.platform, service_name(settings), settings.data_dir, homes)


def program_here() -> str:
    """The Python that runs us; on Windows the one that opens no window."""
    python = Path(sys.executable)
    quiet = python.with_name("pythonw.exe")
    return str(quiet if sys.platform == "win32" and quiet.exists() else python)


def user_here() -> str:
    r"""Who runs us: `COMPUTER\name` on Windows, elsewhere the name."""
    return psutil.Process().username() if sys.platform == "win32" else getpass.getuser()


def install(manager: Manager, plan: Plan) -> None:
    """Write the service's file and have it loaded and started; a second time changes nothing.

    Raises:
        ServiceError: the system's own tool is missing or refused.
        UnfitError: the plan has no form on this system; nothing was changed.
    """
    content, is_first = manager.render(plan), not manager.path.exists()
    Path(plan.data_dir).mkdir(mode=0o700, parents=True, exist_ok=True)
    manager.path.parent.mkdir(parents=True, exist_ok=True)
    draft = manager.path.with_name(f"{manager.path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    draft.replace(manager.path)
    try:
        for step in manager.load:
            _do(step)
    except ServiceError:
        if is_first:
            uninstall(manager)
        raise


def uninstall(manager: Manager) -> bool:
    """Stop and forget the service; whether there was one."""
    was_there = is_installed(manager)
    for step in manager.unload:
        _do(step)
    manager.path.unlink(missing_ok=True)
    for step in manager.forget:
        _do(step)
    return was_there


def is_installed(manager: Manager) -> bool:
    """Whether the system has this service."""
    if not manager.path.exists():
        return False
    return manager.query is None or _run(manager.query)[0] == 0


def find_service(settings: Settings) -> Found | None:
    """The service of this agent; also one of the whole system's, where root has installed it."""
    manager = manager_here(settings)
    if is_installed(manager):
        program = manager.program_in(manager.path.read_bytes())
        return Found(manager.title, manager.path, program)
    path = _SYSTEM_UNITS / f"{service_name(settings)}.service"
    with suppress(OSError):
        return Found("systemd unit", path, systemd.program_in(path.read_text("utf-8")))
    return None


def _do(step: Step) -> None:
    """Run it; ServiceError unless it may fail."""
    code, said = _run(step)
    for _ in range(step.tries - 1):
        if code == 0:
            break
        time.sleep(_PAUSE_S)
        code, said = _run(step)
    if code != 0 and not step.may_fail:
        reason = said.strip().splitlines()[-1] if said.strip() else "no reason given"
        raise ServiceError(
            f"`{' '.join(step.command)}` failed ({reason}): see docs/agent.md, or start "
            "`sak-agent run` by what starts programs here."
        )


def _run(step: Step) -> tuple[int, str]:
    """Exit code and last words."""
    try:
        done = subprocess.run(  # noqa: S603 - the system's own tools, our own words
            step.command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_STEP_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return 127, str(error)
    return done.returncode, (done.stderr or done.stdout).decode(errors="replace")


def _uid() -> int:
    number = 0
    if sys.platform != "win32":
        number = os.getuid()
    return number
