"""`sak-agent install-service` and `uninstall-service`: an agent that begins at log-on."""

import platform
import sys

import click

from agent.cli.command import Failure, answer, environment, explained, json_option, load_settings
from agent.lock import is_held
from agent.service import systemd
from agent.service.here import (
    ServiceError,
    install,
    manager_here,
    program_here,
    uninstall,
    user_here,
)
from agent.service.plan import Plan, UnfitError, plan_service
from agent.settings import PREFIX, Settings


@click.command("install-service")
@click.option("--print", "show", is_flag=True, help="Only show the file that would be written.")
@click.option(
    "--system", "for_system", is_flag=True, help="Only show a unit for a server's systemd."
)
@json_option
def install_service(show: bool, for_system: bool, as_json: bool) -> None:
    """Run the agent in the background from log-on, with the settings it has now."""
    settings = load_settings()
    try:
        plan = _plan(settings)
        if show or for_system:
            _show(settings, plan, for_system=for_system)
            return
        manager, held = manager_here(settings), is_held(settings.data_dir)
        install(manager, plan)
    except (UnfitError, ServiceError) as error:
        raise explained(error) from error
    facts = {
        "service": plan.name,
        "kind": manager.title,
        "file": str(manager.path),
        "command": list(plan.command),
    }
    lines = [
        f"The agent runs as {plan.name} ({manager.title}) and starts when you log on.",
        f"Described in {manager.path}; what it says: `sak-agent logs`.",
    ]
    if held:
        lines.append("Another agent runs with this data directory: the service follows it.")
    answer(facts, lines, as_json=as_json)


def _plan(settings: Settings) -> Plan:
    environ = environment()
    given = {name.removeprefix(PREFIX).lower() for name in environ if name.startswith(PREFIX)}
    return plan_service(settings, environ, given, program_here(), user_here())


def _show(settings: Settings, plan: Plan, *, for_system: bool) -> None:
    """The file on the output, so that it can be written elsewhere."""
    if not for_system:
        content = manager_here(settings).render(plan)
        is_wide = sys.platform == "win32"
        click.echo(content.decode("utf-16" if is_wide else "utf-8"), nl=False)
        return
    if platform.system() != "Linux":
        raise Failure("usage", "--system is for Linux: leave it out here.")
    if plan.has_window:
        raise Failure("usage", f"A server shows no window: set {PREFIX}HEADLESS=true first.")
    unit = f"{plan.name}.service"
    click.echo(systemd.render(plan, for_system=True), nl=False)
    click.echo(
        f"To install it: put this into /etc/systemd/system/{unit}, "
        f"then `systemctl enable --now {unit}`, both as root.",
        err=True,
    )


@click.command("uninstall-service")
@json_option
def uninstall_service(as_json: bool) -> None:
    """Stop the agent's service and have it started no more; its data stays."""
    manager = manager_here(load_settings())
    try:
        was_there = uninstall(manager)
    except ServiceError as error:
        raise explained(error) from error
    line = "The service is gone; the data stays." if was_there else "There was no such service."
    answer({"removed": was_there, "file": str(manager.path)}, [line], as_json=as_json)
