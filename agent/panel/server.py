"""The panel's server inside the agent: it may fail to begin, and never ends the agent."""

import asyncio
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import structlog
import uvicorn

from agent.panel.app import build_app
from agent.panel.guard import Guard
from agent.panel.key import panel_address, panel_key
from agent.panel.view import Sources

log = structlog.get_logger(__name__)

TRY_AGAIN_S: Final = 30.0  # a port that is taken may become free
_CLOSE_S: Final = 1  # until open requests are cut
_BACKLOG: Final = 16


class Panel:
    """The page of one agent. `port` is where it is served now, 0 while it is not."""

    def __init__(
        self, sources: Sources, opened: Callable[[str], None] | None, changed: Callable[[], None]
    ) -> None:
        """`opened` hears the address with its key; `changed` that `port` is another."""
        self._sources = sources
        self._opened = opened
        self._changed = changed
        self._said = ""
        self.port = 0

    async def run(self) -> None:
        """Serve until cancelled; without a port, or with one that is taken, only wait."""
        wanted = self._sources.settings.panel_port
        if not wanted:
            await asyncio.Event().wait()
        while True:
            try:
                listener = listen(wanted)
                key = panel_key(self._sources.settings.data_dir)
            except OSError as error:
                self._complain(wanted, error)
                await asyncio.sleep(TRY_AGAIN_S)
                continue
            await self.serve(listener, key)

    async def serve(self, listener: socket.socket, key: str) -> None:
        """Serve on a socket that listens, until cancelled."""
        port = listener.getsockname()[1]
        app = Guard(build_app(self._sources), port, key)
        with listener, self._announced(port, key):  # closed even if cancelled before it began
            await _Server(app, listener).serve(sockets=[listener])

    @contextmanager
    def _announced(self, port: int, key: str) -> Iterator[None]:
        self.port = port
        self._changed()
        log.info("panel", address=panel_address(port))
        if self._opened is not None:
            self._opened(panel_address(port, key))
        try:
            yield
        finally:
            self.port = 0

    def _complain(self, port: int, error: OSError) -> None:
        reason = error.strerror or type(error).__name__
        if reason != self._said:
            log.warning(
                "no panel: give another port in SAK_AGENT_PANEL_PORT; all else works",
                port=port,
                reason=reason,
            )
        self._said = reason


def listen(port: int) -> socket.socket:
    """A socket that listens on this PC only, and shares its port with nobody.

    Raises:
        OSError: the port is taken, or not ours to take.
    """
    listener = socket.socket()
    try:
        if sys.platform == "win32":  # there SO_REUSEADDR would let a second program in
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


class _Server(uvicorn.Server):
    """uvicorn without what belongs to a process of its own: signals, a tick, its logs."""

    def __init__(self, app: Guard, listener: socket.socket) -> None:
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            access_log=False,  # addresses may hold the key
            log_config=None,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=_CLOSE_S,
        )
        super().__init__(config)
        self._listener = listener

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the agent."""
        yield

    async def main_loop(self) -> None:
        """Wait to be cancelled; the original wakes ten times a second."""
        try:
            await asyncio.Event().wait()
        finally:
            await self.shutdown([self._listener])
