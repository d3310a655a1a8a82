"""A PC whose clock is a day off, and set while the agent runs: customers notice nothing."""

import json
import sys
from pathlib import Path

from agent.practice.house import Part
from tests.chaos.points import ENV_FILE
from tests.chaos.process_life import ENV_CLOCK, ENV_SESSION
from tests.e2e.small_house import SmallHouse
from tests.e2e.test_kills import now

DAY_S = 86_400


async def test_customers_are_answered_at_once_whatever_the_pcs_clock_says(tmp_path: Path) -> None:
    """Ahead, behind, and right again, on one run: an answer each, none late, none expired."""
    house = SmallHouse(tmp_path)
    clock = tmp_path / "agent.clock"
    wrong = house.env | {
        ENV_CLOCK: str(clock),
        ENV_FILE: str(tmp_path / "agent.crash"),
        ENV_SESSION: str(tmp_path / "agent.session"),
    }
    agent = {name: value for name, value in wrong.items() if not name.startswith("SAK_HUB_")}
    command = [sys.executable, "-m", "tests.chaos.agent"]
    house.agent = Part("agent", command, agent, tmp_path / "agent.log")
    clock.write_text(f"{DAY_S}")
    async with house.running():
        for customer, off_s in enumerate((DAY_S, -DAY_S, 0)):
            clock.write_text(f"{off_s}")
            house.write(customer, now())
            await house.all_answered(customer + 1)
        assert set(house.answers().values()) == {1}
    texts = [json.loads(line)["text"] for line in house.outbox.read_text().splitlines()]
    assert not any("Sorry for the late" in text for text in texts)
    assert "this PC's clock is wrong" in (tmp_path / "agent.log").read_text()
