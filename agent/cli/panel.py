"""`sak-agent panel`: the way into the page that the running agent serves on this PC."""

import webbrowser
from typing import Final

import click

from agent.cli.command import Failure, answer, json_option, load_settings
from agent.lock import is_held
from agent.panel.key import panel_address, panel_key
from agent.settings import Settings
from agent.status import read_status

_NOT_RUNNING: Final = "No agent is running: start it with `sak-agent run`."
_OFF: Final = "The panel is switched off: give its port in SAK_AGENT_PANEL_PORT."
_NOT_SERVED: Final = (
    "The agent serves no panel: it is starting, or another program has port {port}; the log says "
    "so (`sak-agent logs`). Try again in a moment, or give another port in SAK_AGENT_PANEL_PORT."
)


@click.command()
@click.option("--print", "only_print", is_flag=True, help="Only print the address.")
@json_option
def panel(only_print: bool, as_json: bool) -> None:
    """Open the agent's page in the browser, with the key that lets it in."""
    settings = load_settings()
    address = panel_address(served_port(settings), panel_key(settings.data_dir))
    opened = False if only_print or as_json else webbrowser.open(address)
    line = f"The panel is open in the browser; else open {address}" if opened else address
    answer({"address": address, "opened": opened}, [line], as_json=as_json)


def served_port(settings: Settings) -> int:
    """Where the running agent says that it serves: another program there must not get the key."""
    if not is_held(settings.data_dir):
        raise Failure("not_running", _NOT_RUNNING)
    said = read_status(settings.data_dir)
    if said is not None and said.panel_port:
        return said.panel_port
    if not settings.panel_port:
        raise Failure("panel_off", _OFF)
    raise Failure("no_panel", _NOT_SERVED.format(port=settings.panel_port))
