"""A systemd unit: for a person's own manager, or for the system's on a server.

Forms: systemd.syntax(7) for quoting, systemd.service(5) and systemd.exec(5) for the settings. The
`:` before the command keeps `$` what it is; `%` is doubled everywhere.
"""

import re
from typing import Final

from agent.service.plan import DESCRIPTION, RESTART_S, STOP_S, Plan, UnfitError

_UNSAFE: Final = re.compile(r"""["'\\]""")  # systemd takes no program with such a name
_COMMAND: Final = re.compile(r'^ExecStart=:"((?:[^"\\]|\\.)*)"', re.MULTILINE)


def render(plan: Plan, *, for_system: bool = False) -> str:
    """The unit's file.

    Raises:
        UnfitError: systemd has no form for one of the paths.
    """
    program, directory = plan.command[0], str(plan.data_dir)
    if _UNSAFE.search(program):
        raise UnfitError(
            f"systemd runs no program with a quote or a backslash in its path ({program}): "
            "move it, then install the service."
        )
    if directory.endswith(("\\", " ")):  # it would be joined with the next line, or cut
        raise UnfitError(f"systemd cannot name {directory!r}: give another data directory.")
    lines = [
        "[Unit]",
        f"Description={DESCRIPTION}",
        *_order(plan, for_system=for_system),
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        "Type=exec",
        f"ExecStart=:{' '.join(quoted(word) for word in plan.command)}",
        f"WorkingDirectory=-{directory.replace('%', '%%')}",
        *(f"Environment={quoted(f'{name}={text}')}" for name, text in _sorted(plan)),
        "Restart=on-failure",
        f"RestartSec={RESTART_S}",
        f"TimeoutStopSec={STOP_S}",
        "KillMode=mixed",
        "OOMPolicy=continue",
        "UMask=0077",
        f"SyslogIdentifier={plan.name}",
        *_confined(plan, for_system=for_system),
        "",
        "[Install]",
        f"WantedBy={_target(plan, for_system=for_system)}",
    ]
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """One word of a command or an assignment, as it stands in a unit."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def program_in(unit: str) -> str | None:
    """The program that a unit of ours runs."""
    found = _COMMAND.search(unit)
    return None if found is None else found[1].replace("%%", "%")


def _sorted(plan: Plan) -> list[tuple[str, str]]:
    return sorted(plan.environment.items())


def _target(plan: Plan, *, for_system: bool) -> str:
    """What it is started with: a window needs the person's desktop."""
    if for_system:
        return "multi-user.target"
    return "graphical-session.target" if plan.has_window else "default.target"


def _order(plan: Plan, *, for_system: bool) -> list[str]:
    if for_system:
        return ["Wants=network-online.target", "After=network-online.target"]
    if plan.has_window:
        return ["PartOf=graphical-session.target", "After=graphical-session.target"]
    return []


def _confined(plan: Plan, *, for_system: bool) -> list[str]:
    """Who it is on a server, and what is kept from it: no more, for the browser's sandbox."""
    return [f"User={plan.user}", "PrivateTmp=yes", "ProtectSystem=full"] if for_system else []
