"""The practice phone's server: the shop's stand-in page, the customers' page and the control API.

Everything is on 127.0.0.1 and nothing here speaks with WhatsApp.
"""

import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import uvicorn

from agent.files import Files
from agent.practice.exchange import Exchange, wall_clock_ms
from agent.practice.ledger import Ledger, restore
from agent.practice.phone_app import build_app

_CLOSE_S = 1  # an open event stream would otherwise hold the server up for ever


class PortTakenError(Exception):
    """Another program listens on the port."""


class PhoneSettings(msgspec.Struct, frozen=True):
    """`state` outlives a kill; `linked` false starts with the page asking for a link (QR)."""

    port: int = 3002
    state: Path | None = None
    linked: bool = True
    customers: int = 3


class Phone(msgspec.Struct, frozen=True):
    """A running practice phone. `web_url` is what the shop's driver opens, `url` is for people."""

    url: str
    web_url: str


async def serve(settings: PhoneSettings, ready: Callable[[Phone], None]) -> None:
    """Run the practice phone until SIGINT or SIGTERM; `ready` hears where it is.

    Raises:
        PortTakenError: choose another port.
        LedgerDamagedError: the state file is not readable.
    """
    listener = _listen(settings.port)
    network = restore(settings.state)
    with Ledger(settings.state) as ledger, _files(settings.state) as files:
        exchange = Exchange(network, ledger, wall_clock_ms, files, links_by_itself=settings.linked)
        _furnish(exchange, settings)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        ready(Phone(url, f"{url}web"))
        await uvicorn.Server(_config(exchange)).serve(sockets=[listener])


@contextmanager
def _files(state: Path | None) -> Iterator[Files]:
    """Photos and documents lie beside the state, or nowhere for long."""
    if state is not None:
        yield Files(state.with_name(f"{state.name}.files"), reserve_bytes=0)
        return
    with tempfile.TemporaryDirectory(prefix="practice-phone-") as scratch:
        yield Files(Path(scratch) / "files", reserve_bytes=0)


def _listen(port: int) -> socket.socket:
    """Take the port before anything else happens."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise PortTakenError(
            f"Port {port} is taken; give the practice phone another port."
        ) from error
    listener.listen(128)
    return listener


def _furnish(exchange: Exchange, settings: PhoneSettings) -> None:
    """Give a new network its first customers, and let messages wait for the shop's browser."""
    if settings.linked:
        exchange.link()
    for _ in range(settings.customers - len(exchange.network.customers)):
        exchange.add_customer("")


def _config(exchange: Exchange) -> uvicorn.Config:
    return uvicorn.Config(
        build_app(exchange),
        ws="websockets-sansio",
        ws_max_size=262_144,
        ws_per_message_deflate=False,
        lifespan="off",
        log_level="warning",
        timeout_graceful_shutdown=_CLOSE_S,
    )
