"""The real hub with an echo in place of the assistant.

    python -m bench.hub FOLDER AGENTS

prepares `FOLDER/hub.db` with that many paired agents (their tokens stand in `FOLDER/tokens.json`),
listens on a free port, and prints one JSON line when it is ready. SIGTERM ends it.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from hub import logs
from hub.app import Hub, listen
from hub.assistant.engine import Answer, Turn
from hub.clock import SystemClock
from hub.gateway.pairing import Device, new_code, offer_in, pair_in
from hub.gateway.tokens import IssuedToken, new_token
from hub.settings import Settings
from hub.store.database import Store
from hub.store.tx import Tx

DEVICE = Device("Bench PC", "Bench OS 1", "1.0")
POLICY = {"debounce_s": 0.0, "debounce_max_s": 0.0, "disclosure": ""}
SHOP = {
    "mode": "auto",
    "contact_policy": "everyone",
    "currency": "INR",
    "exponent": 2,
    "locale": "en_IN",
    "timezone": "Asia/Kolkata",
}


class Echo:
    """Answers at once with as much as was said."""

    async def answer(self, turn: Turn) -> Answer:
        """The customer's own words behind another beginning each time: the same are a loop."""
        text = turn.messages[-1].text
        return Answer(text=f"{turn.turn_id}{text[len(turn.turn_id) :]}", path="echo")


async def prepare(folder: Path, agents: int, clock: SystemClock) -> None:
    """Make the database: a shop for each agent."""
    tokens = [{"agent_id": f"agt_{n:05d}", "token": new_token()} for n in range(agents)]
    now_ms = clock.now_ms()

    def furnish(tx: Tx, number: int) -> None:
        tenant_id, code = f"ten_{number:05d}", new_code()
        shop = SHOP | {"name": f"Sample Shop {number}"}
        tx.run("tenants.insert", tenant_id=tenant_id, created_at=now_ms, **shop)
        tx.run("tenants.update", tenant_id=tenant_id, **shop, settings=json.dumps(POLICY))
        offer_in(tx, tenant_id, code, now_ms, 900.0)
        paired = tokens[number]
        pair_in(tx, code, DEVICE, paired["agent_id"], IssuedToken(paired["token"]), now_ms)

    def furnish_all(tx: Tx) -> None:
        for number in range(agents):
            furnish(tx, number)

    async with Store.open(f"sqlite:///{folder}/hub.db", clock) as store:
        await store.write(furnish_all)
    (folder / "tokens.json").write_text(json.dumps(tokens))


def hub_of(folder: Path) -> Hub:
    """A hub over the folder's database, with no limit that a load would meet."""
    settings = Settings(
        port=0,
        database_url=f"sqlite:///{folder}/hub.db",
        connects_per_min=1e9,
        connections_max=20_000,
        inbox_max=1e9,
    )
    return Hub(settings, SystemClock(), listen("127.0.0.1", 0), lambda _: Echo())


async def serve(hub: Hub) -> None:
    """Be the hub until SIGTERM."""
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, hub.stop)
    async with asyncio.TaskGroup() as group:
        group.create_task(hub.run(), name="hub")
        await hub.ready.wait()
        print(json.dumps({"port": hub.port, "pid": os.getpid()}), flush=True)


def main() -> None:
    """Prepare what is not there, then serve."""
    folder, agents = Path(sys.argv[1]), int(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    logs.configure("warning", SystemClock())
    if not (folder / "tokens.json").exists():
        asyncio.run(prepare(folder, agents, SystemClock()))
    hub = hub_of(folder)
    with asyncio.Runner(loop_factory=hub.loop_factory) as runner:
        runner.run(serve(hub))


if __name__ == "__main__":
    main()
