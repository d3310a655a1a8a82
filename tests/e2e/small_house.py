"""A hub and an agent as real processes, with the agent's WhatsApp in two files of JSON lines."""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import click
import httpx2
from click.testing import CliRunner

from agent.cli import main as sak_agent
from agent.practice.house import HouseError, Part, until
from hub.cli import main as sak_hub
from tests.ports import free_port

SHOP = "Test Shop"
ACCOUNT = "+919800000009"
CATALOG = [{"sku": "S1", "name": "Sample Soap", "price": "10.50", "unit": "piece"}]
COMMANDS = {"hub": sak_hub, "agent": sak_agent}
FAST = {
    "SAK_HUB_HEARTBEAT_INTERVAL_S": "0.2",
    "SAK_HUB_HEARTBEAT_TIMEOUT_S": "2",
    "SAK_HUB_DRAIN_DEADLINE_S": "3",
    "SAK_HUB_DRAIN_RECONNECT_MAX_S": "0.5",
    "SAK_AGENT_BACKOFF_MAX_S": "0.3",
    "SAK_AGENT_SEND_GAP_S": "0",
    "SAK_AGENT_TYPING_MAX_S": "0",
    "SAK_AGENT_PANEL_PORT": "0",
}


class SmallHouse:
    """One shop that answers by itself; each customer has a chat of their own."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.inbox = folder / "in.jsonl"
        self.outbox = folder / "out.jsonl"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        environ = os.environ  # noqa: TID251 - the processes need PATH
        self._unset = {k: None for k in environ if k.startswith("SAK_")}
        clean = {k: v for k, v in environ.items() if k not in self._unset}
        self.env = clean | FAST | settings
        self.env |= {
            "SAK_HUB_PORT": str(self.port),
            "SAK_HUB_DATABASE_URL": f"sqlite:///{folder / 'hub.db'}",
            "SAK_AGENT_DATA_DIR": str(folder / "agent"),
            "SAK_AGENT_DRIVER": "memory",
            "SAK_AGENT_MEMORY_IN": str(self.inbox),
            "SAK_AGENT_MEMORY_OUT": str(self.outbox),
        }
        self.key = ""
        self.hub = self._part("hub", "serve")
        self.agent = self._part("agent", "run")

    def _part(self, name: str, word: str) -> Part:
        env = {k: v for k, v in self.env.items() if k.startswith(f"SAK_{name.upper()}_")}
        clean = {k: v for k, v in self.env.items() if not k.startswith("SAK_")}
        command = [sys.executable, "-m", name, word]
        return Part(name, command, clean | env, self.folder / f"{name}.log")

    @asynccontextmanager
    async def running(self) -> AsyncIterator["SmallHouse"]:
        """Open the shop; close it when the block ends."""
        self.inbox.touch()
        (self.folder / "catalog.json").write_text(json.dumps(CATALOG))
        await self.sak_hub("tenant", "add", SHOP, "--mode", "auto")
        await self.sak_hub("tenant", "set", SHOP, "debounce_s", "0.1")
        await self.sak_hub("catalog", "import", SHOP, str(self.folder / "catalog.json"))
        self.key = (await self.sak_hub("key", "add", "tests"))["key"]
        try:
            await self.start_hub()
            code = (await self.sak_hub("agent", "invite", SHOP))["code"]
            await self.command("agent", "pair", self.url, code)
            await self.agent.start()
            yield self
        finally:
            await self.agent.stop()
            await self.hub.stop()

    async def start_hub(self) -> None:
        """Start it and wait until it is ready."""
        await self.hub.start()
        async with httpx2.AsyncClient() as client:
            await until(lambda: self._is_ready(client), "the hub is not ready")

    async def _is_ready(self, client: httpx2.AsyncClient) -> bool:
        self.hub.check()
        try:
            return (await client.get(f"{self.url}/readyz")).status_code == 200
        except httpx2.HTTPError:
            return False

    async def command(self, module: str, *words: str) -> Any:
        """Type a command; what its `--json` ends with."""
        prefix = f"SAK_{module.upper()}_"
        env = {**self._unset, **{k: v for k, v in self.env.items() if k.startswith(prefix)}}
        return await asyncio.to_thread(_typed, COMMANDS[module], [*words, "--json"], env)

    async def sak_hub(self, *words: str) -> Any:
        """Type a `sak-hub` command."""
        return await self.command("hub", *words)

    async def status(self) -> str:
        """The agent's status as the published URL tells it."""
        headers = {"Authorization": f"Bearer {self.key}"}
        async with httpx2.AsyncClient(headers=headers) as client:
            page = await client.get(f"{self.url}/api/desktop-agent/status/{SHOP}")
        (agent,) = page.raise_for_status().json()["agents"]
        return str(agent["status"])

    def write(self, customer: int, sent_at: str) -> None:
        """A customer asks for the price of soap."""
        chat = f"9198000001{customer:02d}@c.us"
        message = {
            "account": ACCOUNT,
            "chat": chat,
            "wa_id": f"IN{customer:04d}",
            "sender": {"id": chat},
            "from_me": False,
            "sent_at": sent_at,
            "live": True,
            "kind": "text",
            "text": "price of sample soap?",
        }
        with self.inbox.open("a") as lines:
            lines.write(json.dumps(message) + "\n")

    def answers(self) -> Counter[str]:
        """How many messages each customer got."""
        if not self.outbox.exists():
            return Counter()
        lines = self.outbox.read_text().splitlines()
        return Counter(json.loads(line)["chat"] for line in lines)

    async def all_answered(self, customers: int, timeout_s: float = 40.0) -> None:
        """Wait until every customer has an answer."""

        async def enough() -> bool:
            return len(self.answers()) >= customers

        await until(enough, f"only {len(self.answers())} of {customers} answered", timeout_s)


def _typed(command: click.Group, words: list[str], env: Mapping[str, str | None]) -> Any:
    """Run it in this process, which has loaded it already."""
    result = CliRunner().invoke(command, words, env=env)
    if result.exit_code != 0:
        raise HouseError(f"{words} failed ({result.exit_code}): {result.output}")
    return json.loads(result.stdout.splitlines()[-1])


__all__ = ["HouseError", "SmallHouse", "until"]
