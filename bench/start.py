"""How long the hub takes from its start to /readyz, with a million stored messages and without."""

import http.client
import os
import shutil
import statistics
import sys
import time
from pathlib import Path
from typing import Final

from bench.plan import Facts, Plan, table
from bench.processes import Child, ChildError, child, free_port, module
from bench.stored import Stored, make, size_mib
from bench.weight import cpu_s, rss_mib

SHOPS: Final = 1_000
FULL: Final = Stored(messages=1_000_000, shops=SHOPS, chats=100_000)
READY_TIMEOUT_S: Final = 120.0
LOOK_S: Final = 0.005  # between two questions whether it is ready


def measure(plan: Plan) -> Facts:
    """Start after start, an empty and a full database in turn; medians."""
    return compared(plan, FULL, max(3, plan.rounds))


def compared(plan: Plan, full: Stored, rounds: int) -> Facts:
    """The same shops without any message, and with all of them.

    Raises:
        ChildError: a hub did not become ready.
    """
    stored = {"empty": Stored(messages=0, shops=full.shops, chats=full.chats), "full": full}
    folders = {name: plan.folder / f"start-{name}" for name in stored}
    seen: dict[str, list[Facts]] = {name: [] for name in stored}
    try:
        for name, content in stored.items():
            make(folders[name], content)
            print(f"{name}: {size_mib(folders[name])} MiB", file=sys.stderr, flush=True)
        sizes = {name: size_mib(folder) for name, folder in folders.items()}
        for _ in range(rounds):
            for name, folder in folders.items():
                seen[name].append(started(folder))
                print(f"{name}: {seen[name][-1]}", file=sys.stderr, flush=True)
    finally:
        for folder in folders.values():
            shutil.rmtree(folder, ignore_errors=True)
    facts: Facts = {
        name: {"messages": stored[name].messages, "database_mib": sizes[name]} | medians(rounds_of)
        for name, rounds_of in seen.items()
    }
    ratio = facts["full"]["ready_s"] / facts["empty"]["ready_s"]
    return facts | {"ratio": round(ratio, 2)}


def medians(seen: list[Facts]) -> Facts:
    """Of every figure; also each start's time, to show the spread."""
    middle = {name: round(statistics.median(one[name] for one in seen), 3) for name in seen[0]}
    return middle | {"rounds": [one["ready_s"] for one in seen]}


def started(folder: Path) -> Facts:
    """Start the hub as its users do, on the folder's database, until it is ready."""
    port = free_port()
    environment = {
        "PATH": os.defpath,
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "SAK_HUB_DATABASE_URL": f"sqlite:///{folder}/hub.db",
        "SAK_HUB_PORT": str(port),
        "SAK_HUB_LOG_LEVEL": "warning",
    }
    since = time.monotonic()
    with child(module("hub", "serve"), folder / "hub.log", environment) as hub:
        await_ready(port, hub, since + READY_TIMEOUT_S)
        return {
            "ready_s": round(time.monotonic() - since, 3),
            "cpu_s": round(cpu_s(hub.pid), 3),
            "rss_mib": round(rss_mib(hub.pid), 1),
        }


def await_ready(port: int, hub: Child, end: float) -> None:
    """Ask until the hub says that it can do its work.

    Raises:
        ChildError: it ended, or did not say so in time.
    """
    while time.monotonic() < end and hub.alive():
        if is_ready(port):
            return
        time.sleep(LOOK_S)  # between two looks at the condition
    raise ChildError(f"the hub is not ready: {hub.tail()}")


def is_ready(port: int) -> bool:
    """What /readyz says; False while nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10.0)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()


def show(facts: Facts) -> list[str]:
    """One row a database."""
    heads = ["stored messages", "database MiB", "ready after s", "CPU s", "RSS MiB"]
    rows = [
        [
            f"{seen['messages']:,}",
            f"{seen['database_mib']:,.0f}",
            f"{seen['ready_s']:.2f}",
            f"{seen['cpu_s']:.2f}",
            f"{seen['rss_mib']:.0f}",
        ]
        for seen in (facts["empty"], facts["full"])
    ]
    return [*table(heads, rows), "", f"- full to empty: {facts['ratio']}"]
