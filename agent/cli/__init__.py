"""`sak-agent`: the agent's command line."""

import click

from agent.cli.audit import audit
from agent.cli.command import Commands
from agent.cli.facts import doctor, status
from agent.cli.link import link
from agent.cli.logs import show_logs
from agent.cli.panel import panel
from agent.cli.running import install_browser, pair, run
from agent.cli.service import install_service, uninstall_service
from agent.cli.update import update_bundle


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sak-hybrid", prog_name="sak-agent")
@click.option("--profile", metavar="NAME", help="Which agent, where several share this computer.")
@click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="One setting, by hand."
)
def main(**_: object) -> None:
    """The agent of SAK Hybrid: holds a shop's WhatsApp on its PC and serves the hub.

    Settings come from --set, SAK_AGENT_* variables or agent.toml in the data directory.
    """


for command in (
    pair,
    run,
    link,
    status,
    audit,
    doctor,
    show_logs,
    panel,
    install_browser,
    update_bundle,
    install_service,
    uninstall_service,
):
    main.add_command(command)
