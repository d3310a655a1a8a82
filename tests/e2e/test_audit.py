"""`sak-hub audit` over real processes: what the hub lost is named, and told again."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from agent.clock import SystemClock
from protocol.messages import Instant
from tests.e2e.small_house import ACCOUNT, SHOP, SmallHouse, until
from tests.ports import free_port

LOST = "IN0001"
CHAT = "919800000101@c.us"


async def audited(house: SmallHouse) -> dict[str, Any]:
    """What it says of the shop's only number."""
    (account,) = (await house.sak_hub("audit", SHOP, "--days", "2", "--wait", "30"))["accounts"]
    assert account["account"] == ACCOUNT
    return dict(account)


def total(account: dict[str, Any], name: str) -> int | None:
    """Over both days: the test may run at midnight."""
    figures = [day[name] for day in account["days"]]
    return None if None in figures else sum(figures)


async def test_what_the_hub_lost_comes_back(tmp_path: Path) -> None:
    """The audit counts the day, names the lost message and has the agent tell it again; once."""
    house = SmallHouse(tmp_path, SAK_AGENT_PANEL_PORT=str(free_port()))
    async with house.running():
        for customer in range(3):
            house.write(customer, str(Instant(SystemClock().now_ms())))
        await house.all_answered(3)

        async def told() -> bool:
            account = await audited(house)
            return (total(account, "seen"), total(account, "answered")) == (3, 3)

        await until(told, "the audit never saw three answered messages", 40.0)
        with closing(sqlite3.connect(tmp_path / "hub.db", timeout=10)) as store, store:
            store.execute("DELETE FROM messages WHERE wa_id = ?", (LOST,))
        found = await audited(house)
        assert [(one["chat"], one["wa_id"]) for one in found["missing"]] == [(CHAT, LOST)]
        assert [total(found, name) for name in ("seen", "stored", "missing")] == [3, 2, 1]
        assert (found["asked"], found["still_missing"]) == (True, [])
        after = await audited(house)
        assert [total(after, name) for name in ("seen", "stored", "missing")] == [3, 3, 0]
        on_pc = await house.command("agent", "audit")
        (day,) = [one for one in on_pc["days"] if one["seen"]][-1:]
        assert (day["stored"], day["answered"], day["arriving"]) == (day["seen"], day["seen"], 0)
        await house.agent.stop()

        async def gone() -> bool:
            return await house.status() != "online"

        await until(gone, "the hub still takes the agent for online", 40.0)
        alone = await audited(house)
        assert alone["asked"] is False
        assert "Start it" in alone["why"]
        assert (total(alone, "stored"), total(alone, "seen")) == (3, None)
        alone_on_pc = await house.command("agent", "audit")
        assert (alone_on_pc["asked"], alone_on_pc["received"]) == (False, 3)
    assert dict(house.answers()) == {f"9198000001{n:02d}@c.us": 1 for n in range(3)}
