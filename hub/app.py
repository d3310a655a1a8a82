"""The composition root: settings → store → services → routes, and the life of the process.

One TaskGroup owns the server and every worker: when one of them dies the process ends, so that
nobody talks to a hub that is half dead. The hub owns SIGTERM and SIGINT: agents are asked to leave
first, the server stops after that.
"""

import asyncio
import errno
import gc
import logging
import random
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from functools import partial
from typing import Any, Final

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from hub import logs
from hub.api import routes
from hub.api.health import Phase, Readiness
from hub.api.problems import HANDLERS, problem
from hub.assistant.engine import Engine
from hub.assistant.model import HybridEngine
from hub.clock import Clock, SystemClock
from hub.gateway import socket as gate
from hub.gateway.services import Services
from hub.gateway.wire import AgentWire
from hub.parts import Parts, compose, engine_of, work
from hub.settings import Settings, SettingsError
from hub.store import serving
from hub.store.database import Store, database_path
from hub.store.errors import StoreError
from protocol.messages import FRAME_MAX_BYTES, Drain

STARTING_S: Final = 1.0  # when to knock again at a hub that starts: it takes less
FAREWELL_S: Final = 5.0  # beyond the drain's deadline, for the last writes and close frames
REQUESTS_S: Final = 2  # for requests that are being answered when the server stops
GC_THRESHOLDS: Final = (50_000, 50, 100)  # while 10,000 connect: pauses of 28 ms, not 600 ms
SWITCH_S: Final = (
    0.001  # the writer's thread waits so long for the interpreter, not 5 ms a statement
)
SILENT_PEER_MS: Final = 60_000  # a peer that confirms no byte so long is dropped by the kernel

log = structlog.get_logger(__name__)


def serve(settings: Settings) -> int:
    """Run the hub until it is told to stop; the exit code of the process.

    Raises:
        SettingsError: nobody can listen at the address; nothing was changed.
        StoreError: the database cannot be used; nothing was changed.
    """
    clock = SystemClock()
    logs.configure(settings.log_level, clock)
    listener = listen(settings.host, settings.port)
    hub = Hub(settings, clock, listener, partial(engine_of, settings, clock))
    with (
        serving.alone(database_path(settings.database_url)),
        asyncio.Runner(loop_factory=hub.loop_factory) as runner,
    ):
        return runner.run(_serve_signalled(hub))


async def _serve_signalled(hub: "Hub") -> int:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):  # Windows: Ctrl-C ends the process without a drain
            loop.add_signal_handler(number, hub.stop)
    try:
        await hub.run()
    except Exception as error:
        if (refusal := _of_the_store(error)) is not None:
            raise refusal from error
        log.exception("hub_failed")
        return 1
    return 0


def _of_the_store(error: BaseException) -> StoreError | None:
    """What the store refused, if that is what ended the hub; a worker's comes in groups."""
    if isinstance(error, BaseExceptionGroup):
        found = (_of_the_store(one) for one in error.exceptions)
        return next((one for one in found if one is not None), None)
    return error if isinstance(error, StoreError) else None


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one.

    Raises:
        SettingsError: the address is taken, not this machine's, or not ours to take.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        raise SettingsError(_why_not(error, host, port)) from error
    # Connections inherit both. Without the first a loop other than uvloop holds small frames back.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENT_PEER_MS)
    return listener


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is taken by another program. Stop it or set SAK_HUB_PORT."
    if error.errno == errno.EACCES:
        return f"This user may not listen on port {port}. Set SAK_HUB_PORT to one above 1023."
    return f"{host} is no address of this machine. Correct SAK_HUB_HOST."


class Front:
    """The whole ASGI application: the socket's door, the site, and what to say before they open."""

    def __init__(self, readiness: Readiness) -> None:
        self._health = _site(routes.health_routes(readiness))
        self._door: ASGIApp = self._not_open
        self._site: ASGIApp = self._not_open

    def open(self, door: ASGIApp, site: ASGIApp) -> None:
        """From now on everything is answered."""
        self._door, self._site = door, site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to whoever answers it."""
        match scope["path"]:
            case gate.PATH:
                await self._door(scope, receive, send)
            case _ if scope["type"] == "websocket":
                detail = f"There is no websocket at this address: agents connect to {gate.PATH}."
                await problem(404, detail)(scope, receive, send)
            case "/healthz" | "/readyz":
                await self._health(scope, receive, send)
            case _:
                await self._site(scope, receive, send)

    @staticmethod
    async def _not_open(scope: Scope, receive: Receive, send: Send) -> None:
        detail = "The hub is starting. Come back in a few seconds."
        answer = problem(503, detail, retry_after_s=STARTING_S)
        await answer(scope, receive, send)


class Server(uvicorn.Server):
    """uvicorn, which would close every socket at once if it heard a signal itself."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the hub."""
        yield


class Hub:
    """One hub from its start to its end."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        listener: socket.socket,
        engine: Callable[[Store], Engine],
    ) -> None:
        self.ready = asyncio.Event()
        self.parts: Parts | None = None
        self._settings = settings
        self._clock = clock
        self._listener = listener
        self._engine = engine
        self._readiness = Readiness(clock)
        self.front = Front(self._readiness)
        self._server = Server(_configuration(self.front, settings))
        self._stop = asyncio.Event()
        self._patience: asyncio.Timeout | None = None  # while agents are on their way out

    @property
    def loop_factory(self) -> Callable[[], asyncio.AbstractEventLoop] | None:
        """Of uvloop where it is installed."""
        return self._server.config.get_loop_factory()

    @property
    def port(self) -> int:
        """Where the hub listens."""
        port: int = self._listener.getsockname()[1]
        return port

    def stop(self) -> None:
        """Ask the agents to leave, then end; when called again, end at once."""
        if self._stop.is_set():
            self._server.force_exit = True
            if self._patience is not None:
                self._patience.reschedule(0)
        self._stop.set()

    async def run(self) -> None:
        """Serve until `stop`. Whatever a worker raises ends the hub.

        Raises:
            StoreError: alone when the database cannot be opened, in a group from a worker.
        """
        refusal: StoreError | None = None
        async with asyncio.TaskGroup() as group, AsyncExitStack() as stack:
            group.create_task(self._server.serve([self._listener]), name="http server")
            stack.callback(setattr, self._server, "should_exit", True)
            try:
                store = await stack.enter_async_context(
                    Store.open(self._settings.database_url, self._clock)
                )
            except StoreError as error:
                refusal = error
            else:
                await self._operate(store, stack)
        if refusal is not None:
            raise refusal

    async def _operate(self, store: Store, stack: AsyncExitStack) -> None:
        engine = self._engine(store)
        if isinstance(engine, HybridEngine):
            stack.push_async_callback(engine.close)
        self.parts = parts = compose(self._settings, self._clock, store, engine)
        services = parts.services
        now = self._clock.now_ms()
        services.ticker.expect(*await store.write(lambda tx: services.roster.begin(tx, now)))
        async with asyncio.TaskGroup() as group:
            works = work(parts, self._settings)
            self._open(parts)
            tasks = [group.create_task(run, name=name) for name, run in works.items()]
            await self._stop.wait()
            await self._drain(services)
            for task in tasks:
                task.cancel()

    def _open(self, parts: Parts) -> None:
        services, settings = parts.services, self._settings
        bounds = gate.Bounds(
            settings.refusals_per_min, settings.connects_per_min, settings.connections_max
        )
        door = gate.Door(services, bounds, problem, lambda: self._readiness.phase is Phase.SERVING)
        parts.files.remove_unfinished()
        answers = routes.agent_routes(services.store, services.clock, parts.files, settings)
        self.front.open(door, _site(answers))
        self._readiness.store = services.store
        self._readiness.phase = Phase.SERVING
        gc.collect()
        gc.freeze()  # what stands now stays: no collection has to look at it again
        gc.set_threshold(*GC_THRESHOLDS)
        sys.setswitchinterval(SWITCH_S)
        self.ready.set()
        log.info("hub_ready", host=self._settings.host, port=self.port)

    async def _drain(self, services: Services) -> None:
        """Let every agent go in its own time; what is committed is acknowledged until then."""
        self._readiness.phase = Phase.DRAINING
        services.roster.freeze()
        log.info("hub_draining", connections=services.registry.count)
        wait_s = 0 if self._server.force_exit else self._settings.drain_deadline_s + FAREWELL_S
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s) as self._patience:
                await services.registry.drain(partial(_farewell, self._settings))
        self._patience = None
        log.info("hub_stopping", connections=services.registry.count)


def _farewell(settings: Settings) -> Drain:
    """When an agent is to come back: a third of the whole time, anywhere within it."""
    latest = settings.drain_reconnect_max_s
    earliest = random.uniform(0, latest * 2 / 3)  # noqa: S311 - spreads load, guards nothing
    return Drain(
        reconnect_min_s=earliest,
        reconnect_max_s=earliest + latest / 3,
        deadline_s=settings.drain_deadline_s,
        reason="the hub stops",
    )


def _site(answers: list[Any]) -> Starlette:
    return Starlette(routes=answers, exception_handlers=HANDLERS)


def _configuration(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    logging.getLogger("uvicorn.error").addFilter(_is_no_denial)
    configuration = uvicorn.Config(
        app,
        http="httptools",
        ws=AgentWire,
        ws_max_size=FRAME_MAX_BYTES,
        ws_ping_interval=None,  # the protocol has heartbeats: one mechanism, not two
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=settings.behind_proxy,
        forwarded_allow_ips=settings.trusted_proxies,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
        timeout_graceful_shutdown=REQUESTS_S,
    )
    try:
        configuration.load()
    except OSError as error:  # ssl's own errors are of this kind
        raise SettingsError(
            "SAK_HUB_TLS_CERT and SAK_HUB_TLS_KEY must name a certificate and its key in PEM form."
        ) from error
    return configuration


def _is_no_denial(record: logging.LogRecord) -> bool:
    """Whether a line says something: uvicorn takes every refused upgrade for a defect."""
    return "without completing handshake" not in record.getMessage()
