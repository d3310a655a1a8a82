"""The status table under faults, with real processes: what the URL shows and what the history says.

`presence_log.history` checks each time that the history explains the present without a gap.
"""

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Final

from agent.practice.house import Part
from tests.e2e.half_open import Proxy
from tests.e2e.presence_log import Samples, history, standing
from tests.e2e.small_house import SmallHouse, until

HEARTBEAT_TIMEOUT_MS: Final = 2_000  # of SmallHouse
LATE_MS: Final = 1_500  # a busy machine's share on top of a deadline


async def becomes(house: SmallHouse, status: str) -> None:
    """Wait until the status URL says so."""

    async def holds() -> bool:
        return await house.status() == status

    await until(holds, f"never {status}", 20.0)


async def lives(samples: Samples, answers: int = 50) -> None:
    """Wait until the status URL has answered so many times more."""
    enough = len(samples.statuses) + answers

    async def holds() -> bool:
        return len(samples.statuses) >= enough

    await until(holds, "the status URL does not answer", 20.0)


async def test_a_restart_of_the_hub_never_shows_a_living_agent_as_lost(tmp_path: Path) -> None:
    """Whether by SIGTERM or kill -9: online, unknown until the next welcome, online."""
    house = SmallHouse(tmp_path)
    async with house.running():
        await becomes(house, "online")
        told = len(history(tmp_path))
        async with Samples.of(house) as samples:
            await lives(samples, 10)
            for end in (house.hub.stop, house.hub.kill):
                await end()
                await house.start_hub()
                await becomes(house, "online")
                await lives(samples)
        assert set(samples.statuses) <= {"online", "unknown"}
        assert samples.unanswered > 0
        changes = [(row.before, row.after, row.reason) for row in history(tmp_path)[told:]]
        assert changes == 2 * [
            ("online", "unknown", "hub_started"),
            ("unknown", "online", "welcomed"),
        ]


async def test_an_old_connections_late_end_leaves_the_new_one_alone(tmp_path: Path) -> None:
    """A PC that died is back; its old socket, which the hub held for alive, speaks and breaks."""
    async with Proxy.listening() as proxy:
        house = SmallHouse(
            tmp_path,
            SAK_HUB_PUBLIC_URL=f"http://127.0.0.1:{proxy.port}",
            SAK_HUB_HEARTBEAT_TIMEOUT_S="30",  # the old socket is alive as far as the hub knows
        )
        proxy.target_port = house.port
        async with house.running():
            await becomes(house, "online")
            old = standing(tmp_path)
            (link,) = proxy.links
            link.go_silent()
            await house.agent.kill()
            async with Samples.of(house) as samples:
                await house.agent.start()
                await until(lambda: _is_newer(tmp_path, old.generation), "no new connection")
                await becomes(house, "online")
                before = len(history(tmp_path))
                link.deliver_late()
                link.die()
                await lives(samples, 100)
            new, rows = standing(tmp_path), history(tmp_path)
            assert (new.status, new.generation) == ("online", old.generation + 1)
            assert new.connection_id not in (None, old.connection_id)
            assert len(rows) == before
            assert "lost" not in {row.after for row in rows}
            assert set(samples.statuses) <= {"online", "degraded"}


async def _is_newer(folder: Path, generation: int) -> bool:
    return standing(folder).generation > generation


async def test_a_stopped_agent_is_lost_at_the_timeout_and_online_when_it_goes_on(
    tmp_path: Path,
) -> None:
    """SIGSTOP leaves the socket open: only the missing beats tell, and they tell in time."""
    house = SmallHouse(tmp_path)
    async with house.running():
        await becomes(house, "online")
        assert house.agent.pid is not None
        os.kill(house.agent.pid, signal.SIGSTOP)
        try:
            await becomes(house, "lost")
            lost, last_seen = history(tmp_path)[-1], standing(tmp_path).last_seen
        finally:
            os.kill(house.agent.pid, signal.SIGCONT)
        await becomes(house, "online")
        assert (lost.before, lost.reason) == ("online", "heartbeat_timeout")
        assert last_seen is not None
        assert HEARTBEAT_TIMEOUT_MS <= lost.at - last_seen + 1 <= HEARTBEAT_TIMEOUT_MS + LATE_MS
        back = history(tmp_path)[-1]
        assert (back.before, back.after, back.reason) == ("lost", "online", "welcomed")
        assert standing(tmp_path).generation == lost.generation + 1


async def test_two_copies_of_one_agent_are_blocked_until_the_operator_helps(
    tmp_path: Path,
) -> None:
    """A copied disk: both are kept out; with the copy gone, lifting the block lets one in again."""
    house = SmallHouse(
        tmp_path,
        SAK_AGENT_REPLACED_WAIT_S="0.3",
        SAK_AGENT_STOPPED_RETRY_S="1",
        SAK_HUB_CONNECTS_PER_MIN="1000",
    )
    async with house.running():
        await becomes(house, "online")
        await house.agent.stop()
        copy = copied(house)
        try:
            await copy.start()
            await house.agent.start()
            await becomes(house, "blocked")
        finally:
            await copy.kill()
        blocked = history(tmp_path)[-1]
        assert (blocked.before, blocked.reason) == ("online", "duplicate")
        (row,) = (await house.sak_hub("agent", "list"))["agents"]
        assert row["status"] == "blocked"
        await house.sak_hub("agent", "unblock", row["agent_id"])
        await becomes(house, "online")
        last = [(it.before, it.after, it.reason) for it in history(tmp_path)[-2:]]
        assert last == [("blocked", "offline", "unblocked"), ("offline", "online", "welcomed")]


def copied(house: SmallHouse) -> Part:
    """A second agent from a copy of the first one's disk."""
    shutil.copytree(house.folder / "agent", house.folder / "copy")
    env = {k: v for k, v in house.env.items() if not k.startswith("SAK_HUB_")}
    env["SAK_AGENT_DATA_DIR"] = str(house.folder / "copy")
    return Part("copy", [sys.executable, "-m", "agent", "run"], env, house.folder / "copy.log")
