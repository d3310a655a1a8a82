"""`python -m agent.practice`: the practice phone, or the whole house around it."""

import asyncio
import os
import signal
import socket
import tempfile
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from agent.practice import demo, phone
from agent.practice.house import SHOP, House, HouseError, keep_running
from agent.practice.ledger import LedgerDamagedError

T = TypeVar("T")


@click.group()
def main() -> None:
    """Practise without WhatsApp: a stand-in on this computer."""


@main.command("phone")
@click.option("--port", type=click.IntRange(0, 65535), default=3002, show_default=True)
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File that keeps customers and chats across restarts.",
)
@click.option("--unlinked", is_flag=True, help="Start with the shop's browser asking for a link.")
def phone_command(port: int, state: Path | None, unlinked: bool) -> None:
    """Serve the customers' phones and the stand-in page on 127.0.0.1."""
    settings = phone.PhoneSettings(port=port, state=state, linked=not unlinked)
    try:
        asyncio.run(phone.serve(settings, _say_where))
    except (phone.PortTakenError, LedgerDamagedError, OSError) as error:
        click.echo(str(error), err=True)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        raise SystemExit(0) from None


@main.command("run")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=".run/practice",
    show_default=True,
    help="Where logs and data are kept from run to run.",
)
@click.option("--hub-port", type=click.IntRange(1, 65535), default=8080, show_default=True)
@click.option("--phone-port", type=click.IntRange(1, 65535), default=3002, show_default=True)
@click.option("--shop", default=SHOP, show_default=True, help="Whose customer to be.")
def run_command(folder: Path, hub_port: int, phone_port: int, shop: str) -> None:
    """Run hub, practice phone and agent with the sample shops until Ctrl-C.

    A part that dies is started again.
    """
    settings = {"SAK_AGENT_HEADLESS": "true"}
    _to_the_end(_run(House(folder, hub_port, phone_port, os.environ, settings, shop)))


async def _run(house: House) -> None:
    click.echo("Starting hub, practice phone and agent…")
    async with house.running():
        name, question = house.shop.name, house.shop.question
        click.echo(
            f"{name} is open. Be its customer at {house.phone_url}/ (a stand-in, not WhatsApp)."
        )
        click.echo(f"Ask it for example: {question}")
        others = (f"SHOP={shop.sample}" for shop in house.shops if shop != house.shop)
        click.echo(f"Other shops: make run {', '.join(others)}")
        click.echo(f"Logs and data: {house.folder}. Ctrl-C closes the shop.")
        await keep_running(house.parts, click.echo)


@main.command("demo")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Keep all files.")
def demo_command(folder: Path | None) -> None:
    """Play a conversation with two bad moments in it; exit 0 only if every step held."""
    click.echo("Starting hub, practice phone and agent…")
    with tempfile.TemporaryDirectory(prefix="sak-demo-") as scratch:
        play = demo.play_in(folder or Path(scratch), _free_port(), _free_port(), os.environ)
        summary = _to_the_end(play)
    click.echo(msgspec.json.encode(summary).decode())
    raise SystemExit(0 if summary.ok else 1)


def _to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Run `work`; Ctrl-C and SIGTERM close every part of the house before this process ends."""
    try:
        return asyncio.run(_cancelled_by_sigterm(work))
    except HouseError as error:
        click.echo(str(error), err=True)
        raise SystemExit(2) from None
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise SystemExit(0) from None


async def _cancelled_by_sigterm(work: Coroutine[Any, Any, T]) -> T:
    task = asyncio.current_task()
    if task is not None:
        with suppress(NotImplementedError):  # Windows has no SIGTERM worth the name
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await work


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _say_where(running: phone.Phone) -> None:
    click.echo(f"Practice phone (a stand-in, not WhatsApp): {running.url}")
    click.echo(f"Shop's stand-in page for the agent: {running.web_url}")


if __name__ == "__main__":
    main()
