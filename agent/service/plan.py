"""What a system has to know to run an agent, as plain values for each system's own form."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Final

import msgspec

from agent.settings import SECRET, Settings

RESTART_S: Final = 10  # after a crash; an agent that cannot run waits by itself before it ends
STOP_S: Final = 20  # the agent ends within five, a browser on a slow disk takes longer
DESCRIPTION: Final = "Agent of SAK Hybrid: holds a shop's WhatsApp on this computer"
CARRIED: Final = frozenset(
    {"HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"}
)
_PROXIES: Final = frozenset({"HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"})
_NEVER: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")  # in no XML, on no line


class UnfitError(Exception):
    """A value cannot stand in a service's file; the message says which and what to do."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One agent as a service.

    `command` is the program's path and its arguments, each as the program shall get it.
    `user` is who runs it, as the system names that person.
    """

    name: str
    command: tuple[str, ...]
    data_dir: PurePath
    user: str
    environment: Mapping[str, str]
    has_window: bool = False

    @property
    def log(self) -> PurePath:
        """For what is said before the agent's own log begins, where the system keeps no log."""
        return self.data_dir / "service.log"


def service_name(settings: Settings) -> str:
    """What the service of this agent is called: by its profile, else by an unusual directory."""
    if settings.profile:
        return f"sak-agent-{settings.profile}"
    if settings.data_dir == Settings().data_dir:
        return "sak-agent"
    path = str(settings.data_dir).encode("utf-8", "surrogatepass")
    return f"sak-agent-{hashlib.sha256(path).hexdigest()[:8]}"


def plan_service(
    settings: Settings, environ: Mapping[str, str], given: Iterable[str], program: str, user: str
) -> Plan:
    """The service of the agent with these settings.

    `given` are the names of settings that are not in the agent's file: they go with the command.

    Raises:
        UnfitError: something cannot stand in a service's file, or should not.
    """
    carried = {name: text for name, text in environ.items() if name.upper() in CARRIED}
    command = [program, "-P", "-m", "agent"]
    if settings.profile:
        command += ["--profile", settings.profile]
    for name in sorted({"data_dir", *given} - {"profile"}):
        command += ["--set", f"{name}={_text(getattr(settings, name))}"]
    plan = Plan(
        name=service_name(settings),
        command=(*command, "run", "--quiet"),
        data_dir=settings.data_dir,
        user=user,
        environment=carried,
        has_window=settings.driver != "memory" and not settings.headless,
    )
    _check_secrets(settings, plan, given)
    _check_text(plan)
    return plan


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check_secrets(settings: Settings, plan: Plan, given: Iterable[str]) -> None:
    """A service's file and command can be read by others."""
    ours = [name for name in SECRET.intersection(given) if "@" in _text(getattr(settings, name))]
    theirs = [
        name for name, text in plan.environment.items() if name.upper() in _PROXIES and "@" in text
    ]
    if ours or theirs:
        raise UnfitError(
            f"{', '.join(ours + theirs)} may hold a password, which a service's file would show: "
            f'write proxy = "…" into {settings.data_dir / "agent.toml"} and leave it out here.'
        )


def _check_text(plan: Plan) -> None:
    for text in (*plan.command, *plan.environment.values(), plan.user):
        if _NEVER.search(text):
            raise UnfitError(
                f"{text!r} has a character that no service's file can hold: give it another name."
            )
