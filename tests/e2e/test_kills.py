"""Real processes that die without a warning, and what the customers got."""

import time
from pathlib import Path
from random import Random

from protocol.messages import Instant
from tests.e2e.small_house import SmallHouse, until


def now() -> str:
    """The wall clock, as messages carry it."""
    return str(Instant(time.time_ns() // 1_000_000))


SEED = 1


async def test_every_customer_is_answered_once_whoever_is_killed(tmp_path: Path) -> None:
    """Hub and agent are killed at random moments; each of 12 customers gets exactly one answer."""
    chance = Random(SEED)  # noqa: S311 - a schedule, not a secret
    house = SmallHouse(tmp_path, SAK_AGENT_MEMORY_SEND_S="0.05")
    async with house.running():
        for customer in range(12):
            house.write(customer, now())
            if chance.random() < 0.5:
                await until(lambda c=customer: _some(house, c - 2), "nothing moves")
            victim = chance.choice([house.hub, house.agent, None])
            if victim is house.hub:
                await house.hub.kill()
                await house.start_hub()
            elif victim is house.agent:
                await house.agent.kill()
                await house.agent.start()
        await house.all_answered(12)
        await until(lambda: _settled(house), "the agent still has work")
    assert set(house.answers().values()) == {1}


async def _some(house: SmallHouse, count: int) -> bool:
    return len(house.answers()) >= count


async def _settled(house: SmallHouse) -> bool:
    status = await house.command("agent", "status")
    return bool(status["outbox"] == 0 and status["inbox"] == 0)


async def test_the_status_table_tells_a_dead_agent_from_a_living_one(tmp_path: Path) -> None:
    """Online by its beats, lost when killed, online again, offline after a clean stop."""
    house = SmallHouse(tmp_path)
    async with house.running():
        await until(lambda: _is(house, "online"), "never online")
        assert house.hub.rss_mib() < 80, "a t3.micro has 1 GiB for everything"
        await house.agent.kill()
        await until(lambda: _is(house, "lost"), "never lost")
        await house.agent.start()
        await until(lambda: _is(house, "online"), "not online again")
        await house.hub.kill()
        await house.start_hub()
        await until(lambda: _is(house, "online"), "not online after the hub's death")
        await house.agent.stop()
        await until(lambda: _is(house, "offline"), "not offline after a clean stop")


async def _is(house: SmallHouse, wanted: str) -> bool:
    return await house.status() == wanted
