"""The servers of others, as Debian packages them, told to keep what they acknowledge.

Each is started on 127.0.0.1 with a folder of its own and a configuration that stands here in full.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from bench.processes import await_port, child, free_port

NATS_CONFIG: Final = """
listen: "127.0.0.1:{port}"
jetstream {{ store_dir: "{folder}", sync_interval: always }}
"""
NATS_NEEDED: Final = (2, 10)  # the first whose sync_interval can be `always`
REDIS_OPTIONS: Final = {
    "appendonly": "yes",
    "appendfsync": "always",
    "no-appendfsync-on-rewrite": "no",
    "auto-aof-rewrite-percentage": "0",
    "save": "",
    "bind": "127.0.0.1",
    "maxclients": "10000",
}
RABBIT_PROGRAM: Final = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # Debian's, without its su
RABBIT_CONFIG: Final = """
listeners.tcp.1 = 127.0.0.1:{port}
log.console = true
log.console.level = warning
log.file = false
heartbeat = 0
"""


class Server(NamedTuple):
    """A server that takes connections."""

    port: int
    pids: tuple[int, ...]


def version(*command: str) -> str | None:
    """The first version number that the command prints; None when it is not installed."""
    program = shutil.which(command[0])
    if program is None:
        return None
    asked = subprocess.run(  # noqa: S603 - one of three fixed commands
        [program, *command[1:]], capture_output=True, text=True, check=False, timeout=30
    )
    found = re.search(r"\d+\.\d+(\.\d+)?", asked.stdout + asked.stderr)
    return found.group() if found else None


def rabbit_version() -> str | None:
    """RabbitMQ's, as its files name it: asking the program takes seconds and a running node."""
    found = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*"))
    return found[-1].name.partition("-")[2] if found and RABBIT_PROGRAM.exists() else None


@contextmanager
def nats(folder: Path, program: str) -> Iterator[Server]:
    """NATS with JetStream, every write synchronised before it is acknowledged."""
    port, config = free_port(), folder / "nats.conf"
    config.write_text(NATS_CONFIG.format(port=port, folder=folder / "jetstream"))
    with child([program, "-c", config], folder / "nats.log") as server:
        await_port(port, server)
        yield Server(port, (server.pid,))


@contextmanager
def redis(folder: Path) -> Iterator[Server]:
    """Redis, its append-only file synchronised before every answer."""
    port = free_port()
    options = [word for name, value in REDIS_OPTIONS.items() for word in (f"--{name}", value)]
    command = ["redis-server", "--port", str(port), "--dir", str(folder), *options]
    with child(command, folder / "redis.log") as server:
        await_port(port, server)
        yield Server(port, (server.pid,))


@contextmanager
def rabbit(folder: Path) -> Iterator[Server]:
    """RabbitMQ with a name service of its own, so that nothing of it stays behind."""
    port, names_port = free_port(), free_port()
    config, plugins = folder / "rabbitmq.conf", folder / "plugins"
    config.write_text(RABBIT_CONFIG.format(port=port))
    plugins.write_text("[].\n")
    environment = {
        "PATH": os.defpath + ":/usr/sbin:/sbin",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "ERL_EPMD_PORT": str(names_port),
        "RUNNING_UNDER_SYSTEMD": "1",  # the script becomes the broker instead of waiting for it
        "RABBITMQ_NODENAME": "bench@localhost",
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_CONFIG_FILE": str(config),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-start_epmd false",
    }
    names = ["epmd", "-address", "127.0.0.1", "-port", str(names_port)]
    with child(names, folder / "epmd.log") as epmd:
        await_port(names_port, epmd)
        with child([RABBIT_PROGRAM], folder / "rabbitmq.log", environment) as server:
            await_port(port, server)
            yield Server(port, (server.pid,))
