"""`sak-agent logs`: what the agent has written, and what it writes now."""

import time
from collections import deque
from typing import Any, Final

import click
import msgspec

from agent import logs
from agent.cli.command import Failure, json_option, load_settings

_POLL_S: Final = 0.25


@click.command("logs")
@click.option("-n", "--lines", type=click.IntRange(1, 100_000), default=50, show_default=True)
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written, until Ctrl-C.")
@json_option
def show_logs(lines: int, follow: bool, as_json: bool) -> None:
    """Show the newest lines of the agent's log; with --json as they stand in the file."""
    data_dir = load_settings().data_dir
    tail = logs.Tail(data_dir)
    newest = deque(tail.read(), maxlen=lines)
    if tail.rest and not follow:
        newest.append(tail.rest.decode("utf-8", "replace"))
    if not newest and not follow:
        raise Failure(
            "no_log", f"There is no log in {data_dir} yet: start it with `sak-agent run`."
        )
    for line in newest:
        _show(line, as_json=as_json)
    try:
        while follow:
            for line in tail.read():
                _show(line, as_json=as_json)
            time.sleep(_POLL_S)
    except KeyboardInterrupt:
        pass  # how a person ends it


def _show(line: str, *, as_json: bool) -> None:
    click.echo(line if as_json else readable(line))


def readable(line: str) -> str:
    """A line of the log for a person; one that is no JSON stays as it is."""
    try:
        entry = msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.MsgspecError:
        return line
    head = [str(entry.pop(name, "")) for name in ("at", "level", "event")]
    entry.pop("logger", None)
    return " ".join(
        head + [f"{name}={value}" for name, value in entry.items() if value is not None]
    )
