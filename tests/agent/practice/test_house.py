"""What `make run` does with a part that dies."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from agent.practice.house import House, HouseError, Part, keep_running, until

_SLEEPS = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
_FAILS = "import sys; print('x' * 3000, flush=True); sys.exit('Port 8080 is taken.')"


def part(folder: Path, name: str, program: str) -> Part:
    """A process that is no hub, but lives and dies as one."""
    return Part(name, [sys.executable, "-c", program], {}, folder / f"{name}.log")


def pids(folder: Path) -> list[int]:
    """The starts so far."""
    return [int(line) for line in (folder / "hub.log").read_text().split()]


async def started(folder: Path, count: int) -> int:
    """Wait for so many starts; the newest process."""

    async def enough() -> bool:
        return len(pids(folder)) >= count

    await until(enough, f"no start number {count}")
    return pids(folder)[-1]


async def test_a_killed_part_is_started_again_and_that_is_said(tmp_path: Path) -> None:
    """Kill -9 twice, and a third process runs; the other part was left alone."""
    hub, agent = part(tmp_path, "hub", _SLEEPS), part(tmp_path, "agent", _SLEEPS)
    said: list[str] = []
    await hub.start()
    await agent.start()
    try:
        async with asyncio.TaskGroup() as tasks:
            keeping = tasks.create_task(keep_running((hub, agent), said.append, every_s=0.01))
            for count in (1, 2):
                os.kill(await started(tmp_path, count), signal.SIGKILL)
            await started(tmp_path, 3)
            keeping.cancel()
    finally:
        await hub.kill()
        await agent.kill()
    assert said == ["The hub died; it is started again."] * 2
    assert len((tmp_path / "agent.log").read_text().split()) <= 1


async def test_a_part_that_cannot_live_ends_the_run_with_its_last_words(tmp_path: Path) -> None:
    """Five starts are enough; what it wrote last is told in whole lines."""
    hub = part(tmp_path, "hub", _FAILS)
    said: list[str] = []
    await hub.start()
    with pytest.raises(HouseError) as raised:
        async with asyncio.timeout(20):
            await keep_running((hub,), said.append, every_s=0.01)
    assert len(said) == 5
    assert str(raised.value) == "hub stopped (1):\nPort 8080 is taken.\n"


def test_another_shop_has_a_phone_and_an_agent_of_its_own(tmp_path: Path) -> None:
    """What was paired with one shop never speaks for the other; the hub is the same."""
    usual = House(tmp_path, 1, 2, {}, {})
    other = House(tmp_path, 1, 2, {}, {}, "noor")
    folders = [Path(house.agent_env["SAK_AGENT_DATA_DIR"]).name for house in (usual, other)]
    assert folders == ["agent", "agent-noor"]
    assert usual.hub_env == other.hub_env
