"""What is written and typed to install a service, on each system: values, nothing is done here."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from agent.service import launchd, scheduler, systemd
from agent.service.plan import Plan


class Step(msgspec.Struct, frozen=True):
    """One command of the system's. `tries` are a second apart: some are done only after a while."""

    command: tuple[str, ...]
    may_fail: bool = False
    tries: int = 1


class Manager(msgspec.Struct, frozen=True, kw_only=True):
    """How one system keeps one service.

    `path` is the file that describes it; `query` succeeds when the system knows the service, None
    where the file itself says so.
    """

    title: str
    path: Path
    render: Callable[[Plan], bytes]
    program_in: Callable[[bytes], str | None]
    load: tuple[Step, ...]
    unload: tuple[Step, ...]
    forget: tuple[Step, ...] = ()
    query: Step | None = None


def manager_for(platform: str, name: str, data_dir: Path, home: "Homes") -> Manager:
    """How the service called `name` is kept on this platform (`sys.platform`)."""
    match platform:
        case "win32":
            return _scheduler(name, data_dir)
        case "darwin":
            return _launchd(name, home)
        case _:
            return _systemd(name, home)


class Homes(msgspec.Struct, frozen=True):
    """Where a person's services are described, and the person's number on POSIX."""

    config: Path
    home: Path
    uid: int = 0


def _systemd(name: str, homes: Homes) -> Manager:
    unit = f"{name}.service"

    def typed(*words: str, may_fail: bool = False) -> Step:
        return Step(("systemctl", "--user", *words), may_fail)

    return Manager(
        title="systemd user unit",
        path=homes.config / "systemd" / "user" / unit,
        render=lambda plan: systemd.render(plan).encode(),
        program_in=lambda content: systemd.program_in(content.decode(errors="replace")),
        load=(typed("daemon-reload"), typed("reenable", unit), typed("restart", unit)),
        unload=(typed("disable", "--now", unit, may_fail=True),),
        forget=(typed("daemon-reload", may_fail=True),),
    )


def _launchd(name: str, homes: Homes) -> Manager:
    label, domain = launchd.label(name), f"gui/{homes.uid}"
    path = homes.home / "Library" / "LaunchAgents" / f"{label}.plist"
    stop = Step(("launchctl", "bootout", f"{domain}/{label}"), may_fail=True)
    return Manager(
        title="LaunchAgent",
        path=path,
        render=launchd.render,
        program_in=launchd.program_in,
        load=(
            stop,
            Step(("launchctl", "enable", f"{domain}/{label}")),
            Step(("launchctl", "bootstrap", domain, str(path)), tries=20),  # bootout is slow
        ),
        unload=(stop,),
    )


def _scheduler(name: str, data_dir: Path) -> Manager:
    path = data_dir / "service.xml"

    def typed(*words: str, may_fail: bool = False) -> Step:
        return Step(("schtasks", *words), may_fail)

    return Manager(
        title="scheduled task",
        path=path,
        render=scheduler.render,
        program_in=scheduler.program_in,
        load=(
            typed("/End", "/TN", name, may_fail=True),
            typed("/Create", "/TN", name, "/XML", str(path), "/F"),
            typed("/Run", "/TN", name),
        ),
        unload=(
            typed("/End", "/TN", name, may_fail=True),
            typed("/Delete", "/TN", name, "/F", may_fail=True),
        ),
        query=typed("/Query", "/TN", name),
    )
