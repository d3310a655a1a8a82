"""How much memory the hub takes when every agent sends as fast as it can, and what bounds it.

The hub runs with the settings it comes with. `obeying` agents pause when they are asked to, as the
protocol wants; `deaf` ones never do: then the window alone holds them back.
"""

import shutil
import sqlite3
import sys
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from bench import agents
from bench.flood_agents import WINDOW
from bench.plan import Facts, Plan, table
from bench.processes import Child, child, module
from bench.stored import Stored, make
from bench.weight import Curve, cannot_open, cpu_s, rss_mib
from hub.conversation.agenda import Agenda, Due
from hub.conversation.turns import ChatKey
from hub.settings import Settings
from hub.store.held import WriterConnection
from protocol import codec
from protocol.messages import Instant

AGENTS: Final = 1_000
SECONDS: Final = 60.0
BEAT_S: Final = 20.0
READY_TIMEOUT_S: Final = 60.0
CONNECT_TIMEOUT_S: Final = 120.0
COUNT: Final = 1_000  # of things that the size of one is taken from
SHOWN_EVERY: Final = 10  # points of the curve: every five seconds


def measure(plan: Plan) -> Facts:
    """A flood of agents that pause when asked to, then one of agents that do not."""
    if (why := cannot_open(AGENTS)) is not None:
        return {"skipped": why}
    return flooded(plan, AGENTS, SECONDS, BEAT_S)


def flooded(plan: Plan, crowd: int, seconds: float, beat_s: float) -> Facts:
    """Both floods, and the bound."""
    facts: Facts = {"agents": crowd, "window": WINDOW, "seconds": seconds}
    for name in ("obeying", "deaf"):
        facts[name] = one(plan, crowd, seconds, beat_s, deaf=name == "deaf")
        said = {key: value for key, value in facts[name].items() if key != "curve"}
        print(f"{name}: {said}", file=sys.stderr, flush=True)
    connected = max(facts[name]["rss_before_mib"] for name in ("obeying", "deaf"))
    return facts | {"bound": bound(crowd, connected)}


def one(plan: Plan, crowd: int, seconds: float, beat_s: float, *, deaf: bool) -> Facts:
    """A flood on a hub of its own.

    Raises:
        ChildError: hub or agents did not do their part.
    """
    folder = plan.folder / f"flood-{'deaf' if deaf else 'obeying'}"
    try:
        make(folder, Stored(messages=0, shops=crowd, chats=1))
        with child(module("bench.flood_hub", folder), folder / "hub.log") as hub:
            port = hub.line(READY_TIMEOUT_S)["port"]
            work = ["--port", port, "--tokens", folder / "tokens.json", "--agents", crowd]
            work += ["--seconds", seconds, "--beat", beat_s, *(["--deaf"] if deaf else [])]
            with child(module("bench.flood_agents", *work), folder / "agents.log") as load:
                return watched(hub, load, seconds) | waiting(folder / "hub.db")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def watched(hub: Child, load: Child, seconds: float) -> Facts:
    """The hub's figures from the moment that all are connected."""
    load.line(CONNECT_TIMEOUT_S)
    before_mib, cpu_before = rss_mib(hub.pid), cpu_s(hub.pid)
    with Curve(hub.pid) as curve:
        said = load.line(seconds + CONNECT_TIMEOUT_S)
    used_s = cpu_s(hub.pid) - cpu_before
    return said | {
        "cpu_share": round(used_s / seconds, 3),
        "rss_before_mib": round(before_mib, 1),
        "rss_max_mib": max(held for _, held in curve.points),
        "curve": curve.points,
    }


def waiting(database: Path) -> Facts:
    """What the hub took and has not worked on yet."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        turns, events = connection.execute(
            "SELECT count(*), coalesce(sum(version), 0) FROM turns WHERE state = 'pending'"
        ).fetchone()
    return {"open_turns": turns, "unworked_events": events}


def bound(crowd: int, connected_mib: float) -> Facts:
    """What the rules let the hub hold beyond what it held when all were connected.

    Of each agent at most a window of events was received and not acknowledged - one more closes
    with 4006 - and at most a window of orders sent and not acknowledged, each no longer than the
    message that it echoes. From SAK_HUB_INBOX_MAX unworked events on agents are asked to pause; a
    window of each is still taken then, and every event may have opened a turn, which is planned in
    memory. To that come the pages that SQLite keeps.
    """
    texts = frames()
    place = held_bytes(lambda: [codec.decode(text) for text in texts]) + max(map(len, texts))
    turn = held_bytes(planned)
    turns_max = round(Settings().inbox_max) + crowd * WINDOW
    parts = {
        "connected_mib": connected_mib,
        "window_mib": round(crowd * WINDOW * place / 2**20, 1),
        "turns_mib": round(turns_max * turn / 2**20, 1),
        "pages_mib": round(pages_kib() / 1024, 1),
    }
    sizes = {"bytes_per_place": place, "turns_max": turns_max, "bytes_per_turn": turn}
    return sizes | parts | {"mib": round(sum(parts.values()), 1)}


def pages_kib() -> int:
    """The pages that SQLite keeps for the writer."""
    sizes = [name for name in WriterConnection.PRAGMAS if name.startswith("cache_size")]
    return int(sizes[0].split("-")[1])


def frames() -> list[str]:
    """Messages as the agents send them."""
    ts, account, chat = str(Instant(0)), "+919800000000", "910000000000@c.us"
    return [
        agents.MESSAGE % (event_id(n), n, ts, account, chat, f"3A{n:018X}", chat, ts)
        for n in range(1, COUNT + 1)
    ]


def event_id(number: int) -> str:
    """Some UUID."""
    return f"00000000-0000-4000-8000-{number:012x}"


def planned() -> Agenda:
    """Turns as the hub's worker keeps them in mind, all texts their own."""
    agenda = Agenda()
    for n in range(COUNT):
        key = ChatKey(f"ten_{n:05d}", f"+9198{n:08d}", f"91{n:010d}@c.us")
        agenda.put(Due(key, event_id(n), n / 10, n / 10 + 15))
    return agenda


def held_bytes(make_them: Callable[[], Any]) -> int:
    """Of one of COUNT things that are made."""
    make_them()  # what is made only once is not theirs
    tracemalloc.start()
    things = make_them()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del things
    return size // COUNT


def show(facts: Facts) -> list[str]:
    """Both floods, the curves in steps of five seconds, and the bound."""
    if "skipped" in facts:
        return [f"- not measured: {facts['skipped']}"]
    heads = ["flood", "events/s", "replies/s", "heartbeat p99 ms", "ack p99 ms"]
    heads += ["CPU of one core", "not worked at the end", "RSS MiB before", "most"]
    floods = {name: facts[name] for name in ("obeying", "deaf")}
    rows = [
        [
            name,
            f"{seen['events_per_s']:,.0f}",
            f"{seen['replies_per_s']:,.0f}",
            f"{seen['heartbeat_p99_ms']:.0f}",
            f"{seen['ack_p99_ms']:.0f}",
            f"{seen['cpu_share']:.0%}",
            f"{seen['unworked_events']:,}",
            f"{seen['rss_before_mib']:.0f}",
            f"{seen['rss_max_mib']:.0f}",
        ]
        for name, seen in floods.items()
    ]
    lines = [*table(heads, rows), ""]
    for name, seen in floods.items():
        steps = ", ".join(f"{held:.0f}" for _, held in seen["curve"][::SHOWN_EVERY])
        lines.append(f"- {name}, RSS in MiB every 5 s: {steps}")
    it = facts["bound"]
    lines.append(
        f"- bound: {it['connected_mib']:.0f} MiB connected + {it['window_mib']:.0f} MiB in windows "
        f"({facts['agents']:,} agents x {facts['window']} x {it['bytes_per_place']:,} bytes) + "
        f"{it['turns_mib']:.0f} MiB of turns ({it['turns_max']:,} x {it['bytes_per_turn']:,}) + "
        f"{it['pages_mib']:.0f} MiB of the database's pages = {it['mib']:.0f} MiB"
    )
    return lines
