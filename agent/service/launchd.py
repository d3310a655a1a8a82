"""A LaunchAgent for macOS: a property list, launchd.plist(5)."""

import plistlib
from collections.abc import Mapping
from typing import Any, Final
from xml.parsers.expat import ExpatError

from agent.service.plan import RESTART_S, STOP_S, Plan

PREFIX: Final = "local."
_UMASK: Final = 0o077


def label(name: str) -> str:
    """What launchd calls the service, and its file without the ending."""
    return PREFIX + name


def render(plan: Plan) -> bytes:
    """The property list's file."""
    log = str(plan.log)
    content: dict[str, Any] = {
        "Label": label(plan.name),
        "ProgramArguments": list(plan.command),
        "EnvironmentVariables": dict(plan.environment),
        "WorkingDirectory": str(plan.data_dir),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": RESTART_S,
        "ExitTimeOut": STOP_S,
        "ProcessType": "Interactive",  # the browser is one; else it is slowed down
        "LimitLoadToSessionType": "Aqua",
        "Umask": _UMASK,
        "StandardOutPath": log,
        "StandardErrorPath": log,
    }
    return plistlib.dumps(content, sort_keys=False)


def program_in(content: bytes) -> str | None:
    """The program that a property list runs."""
    try:
        found = plistlib.loads(content)
    except (plistlib.InvalidFileException, ExpatError, ValueError):
        return None
    words = found.get("ProgramArguments") if isinstance(found, Mapping) else None
    return str(words[0]) if isinstance(words, list) and words else None
