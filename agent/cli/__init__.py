"""`sak-agent`: the agent's command line."""

import click

from agent.cli.command import Commands
from agent.cli.facts import doctor, show_logs, status
from agent.cli.running import install_browser, pair, run


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sak-hybrid", prog_name="sak-agent")
def main() -> None:
    """The agent of SAK Hybrid: holds a shop's WhatsApp on its PC and serves the hub.

    Settings come from SAK_AGENT_* variables or agent.toml in the data directory.
    """


for command in (pair, run, status, doctor, show_logs, install_browser):
    main.add_command(command)
