"""Several agents on one computer, each for a shop of its own, at one hub."""

import json
import os
import sys
from pathlib import Path
from typing import Final

from agent.clock import SystemClock
from agent.practice.house import Part, run_command
from protocol.messages import Instant
from tests.e2e.small_house import CATALOG, FAST, SmallHouse, until
from tests.ports import free_port

OTHER: Final = "Other Shop"
OTHER_ACCOUNT: Final = "+919800000019"
OTHER_PRICE: Final = "77.25"


class Neighbour:
    """A second agent, told apart by its profile only."""

    def __init__(self, folder: Path) -> None:
        self.inbox, self.outbox = folder / "other-in.jsonl", folder / "other-out.jsonl"
        self.inbox.touch()
        self.data_dir = folder / "share" / "sak-agent-other"
        clean = {k: v for k, v in os.environ.items() if not k.startswith("SAK_")}  # noqa: TID251 - PATH
        ours = {k: v for k, v in FAST.items() if k.startswith("SAK_AGENT_")}
        self.env = clean | ours | {"XDG_DATA_HOME": str(folder / "share")}
        memory = {"driver": "memory", "memory_in": self.inbox, "memory_out": self.outbox}
        sets = [f"{name}={value}" for name, value in (memory | {"panel_port": free_port()}).items()]
        self.words = ["--profile", "other", *(it for one in sets for it in ("--set", one))]
        command = [sys.executable, "-m", "agent", *self.words, "run"]
        self.agent = Part("other", command, self.env, folder / "other.log")

    async def pair(self, house: SmallHouse) -> None:
        """Open the other shop at the hub, and become its agent."""
        catalog = house.folder / "other.json"
        catalog.write_text(json.dumps([{**CATALOG[0], "price": OTHER_PRICE}]))
        await house.sak_hub("tenant", "add", OTHER, "--mode", "auto")
        await house.sak_hub("tenant", "set", OTHER, "debounce_s", "0.1")
        await house.sak_hub("catalog", "import", OTHER, str(catalog))
        code = (await house.sak_hub("agent", "invite", OTHER))["code"]
        await run_command("agent", [*self.words, "pair", house.url, code, "--json"], self.env)

    def write(self, customer: int, sent_at: str) -> None:
        """The same question as the neighbours' customers ask."""
        chat = f"9198000001{customer:02d}@c.us"
        message = {
            "account": OTHER_ACCOUNT, "chat": chat, "wa_id": f"OTHER{customer:04d}",
            "sender": {"id": chat}, "from_me": False, "sent_at": sent_at, "live": True,
            "kind": "text", "text": "price of sample soap?",
        }  # fmt: skip
        with self.inbox.open("a") as lines:
            lines.write(json.dumps(message) + "\n")


def replies(outbox: Path) -> list[tuple[str, str]]:
    """Account and text of what went out."""
    if not outbox.exists():
        return []
    return [(it["account"], it["text"]) for it in map(json.loads, outbox.read_text().splitlines())]


async def test_two_agents_serve_two_shops_and_do_not_meet(tmp_path: Path) -> None:
    """Each shop answers once, with its own price, also when its neighbour died."""
    now = str(Instant(SystemClock().now_ms()))
    house, other = SmallHouse(tmp_path), Neighbour(tmp_path)
    async with house.running():
        await other.pair(house)
        await other.agent.start()
        try:
            for customer in range(3):
                house.write(customer, now)
                other.write(customer, now)
            await house.all_answered(3)
            await until(lambda: has(other.outbox, 3), "the other shop does not answer", 40.0)
            await house.agent.kill()
            other.write(3, now)
            await until(lambda: has(other.outbox, 4), "it fell silent with its neighbour", 40.0)
            refused = Part("second", other_again(other), other.env, tmp_path / "second.log")
            await refused.start()
            await until(lambda: ended(refused), "a second agent runs on one profile", 40.0)
            assert f"process {other.agent.pid}" in (tmp_path / "second.log").read_text()
        finally:
            await other.agent.stop()
    assert {account for account, _ in replies(other.outbox)} == {OTHER_ACCOUNT}
    assert len(replies(other.outbox)) == 4
    assert all(OTHER_PRICE in text for _, text in replies(other.outbox))
    assert len(replies(house.outbox)) == 3
    assert all(OTHER_PRICE not in text for _, text in replies(house.outbox))
    assert (other.data_dir / "journal.sqlite3").exists()


def other_again(other: Neighbour) -> list[str]:
    """The command of another process for the same profile."""
    return [sys.executable, "-m", "agent", *other.words, "run"]


async def has(outbox: Path, count: int) -> bool:
    return len(replies(outbox)) >= count


async def ended(part: Part) -> bool:
    return part.has_died
