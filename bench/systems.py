"""The compared systems: how each is started, loaded, and why one may be missing."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

from bench import servers
from bench.processes import child, module

READY_TIMEOUT_S: Final = 120.0  # 1,000 shops are prepared in it


class Running(NamedTuple):
    """A started system: the processes that count as the hub, and how to begin its load."""

    pids: tuple[int, ...]
    load: list[str]


class System(NamedTuple):
    """One contestant."""

    name: str
    title: str
    version: Callable[[], str | None]
    missing: Callable[[], str | None]
    start: Callable[[Path, int], AbstractContextManager[Running]]


@contextmanager
def our_hub(folder: Path, agents: int) -> Iterator[Running]:
    """The real hub with an echo for an assistant."""
    with child(module("bench.hub", folder, agents), folder / "hub.log") as hub:
        said = hub.line(READY_TIMEOUT_S)
        tokens = folder / "tokens.json"
        load = module("bench.agents", "--port", said["port"], "--tokens", tokens)
        yield Running((hub.pid,), load)


@contextmanager
def polling_hub(folder: Path, agents: int) -> Iterator[Running]:  # noqa: ARG001 - any token is taken
    """The design that this project replaces."""
    with child(module("bench.polling", folder), folder / "polling.log") as hub:
        said = hub.line(READY_TIMEOUT_S)
        yield Running((hub.pid,), module("bench.polling_agents", "load", "--port", said["port"]))


def with_responder(
    name: str, server: Callable[[Path], AbstractContextManager[servers.Server]]
) -> Callable[[Path, int], AbstractContextManager[Running]]:
    """A server of others, and a process that does the hub's work on it."""

    @contextmanager
    def start(folder: Path, agents: int) -> Iterator[Running]:
        with server(folder) as broker:
            command = module(name, "respond", "--port", broker.port, "--agents", agents)
            with child(command, folder / "responder.log") as responder:
                responder.line(READY_TIMEOUT_S)
                load = module(name, "load", "--port", broker.port)
                yield Running((*broker.pids, responder.pid), load)

    return start


def lacks(package: str, client: str | None, found: str | None) -> str | None:
    """Why a system cannot be measured; None when it can."""
    if found is None:
        return f"{package} is not installed (apt-get install {package})"
    if client is not None and find_spec(client) is None:
        return f"the Python package {client} is not installed (requirements-bench.lock)"
    return None


def jetstream(program: str) -> System:
    """NATS JetStream, from the named program."""

    def found() -> str | None:
        return servers.version(program, "--version")

    def missing() -> str | None:
        number = found()
        if number is not None and tuple(map(int, number.split(".")[:2])) < servers.NATS_NEEDED:
            return f"nats-server {number} cannot synchronise every write; 2.10 can (--nats-server)"
        return lacks("nats-server", "nats", number)

    start = with_responder("bench.jetstream", lambda folder: servers.nats(folder, program))
    return System("jetstream", "NATS JetStream, sync always", found, missing, start)


def every_system(nats_program: str) -> tuple[System, ...]:
    """All that are compared; ours first."""
    return (
        System("ours", "this hub", lambda: None, lambda: None, our_hub),
        System(
            "polling", "polling HTTP, commit per request", lambda: None, lambda: None, polling_hub
        ),
        jetstream(nats_program),
        System(
            "redis",
            "Redis Streams, appendfsync always",
            lambda: servers.version("redis-server", "--version"),
            lambda: lacks("redis-server", "hiredis", servers.version("redis-server", "--version")),
            with_responder("bench.redis_streams", servers.redis),
        ),
        System(
            "rabbitmq",
            "RabbitMQ, durable queues, confirms",
            servers.rabbit_version,
            lambda: lacks("rabbitmq-server", None, servers.rabbit_version()),
            with_responder("bench.rabbitmq", servers.rabbit),
        ),
    )
