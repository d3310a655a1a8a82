"""`sak-agent update-bundle`: a newer wa-js, because WhatsApp changes faster than the agent."""

import click

from agent.cli.command import answer, json_option, load_settings


@click.command("update-bundle")
@click.option("--version", "wanted", metavar="V", help="This version; else the newest.")
@click.option("--check", is_flag=True, help="Only say whether there is a newer one.")
@json_option
def update_bundle(wanted: str | None, check: bool, as_json: bool) -> None:
    """Fetch the newest wa-js, the part that knows WhatsApp Web, and use it if it works."""
    from agent.cli.updating import update  # it loads the browser's driver: half a second

    facts, line = update(load_settings(), wanted, check=check)
    answer(facts, [line], as_json=as_json)
