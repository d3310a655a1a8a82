"""The running agent serves its panel, and rings for what needs a person."""

import asyncio
from pathlib import Path

import httpx2
from msgspec.structs import replace

from agent.attention import Bell
from agent.clock import SystemClock
from agent.daemon import Daemon
from agent.drivers.driver import DriverStatus
from agent.panel.server import listen
from agent.settings import Settings
from agent.status import read_status
from tests.agent.panel.stage import WAIT_S, Phone, Shown, shown


def free_port() -> int:
    with listen(0) as listener:
        port: int = listener.getsockname()[1]
        return port


def daemon_of(stage: Shown, settings: Settings, opened: asyncio.Queue[str]) -> Daemon:
    """An agent over the stage's journal."""
    driver, clock = Phone(settings.data_dir), SystemClock()
    told = opened.put_nowait
    return Daemon(settings, stage.journal, driver, clock, stage.identity, panel_opened=told)


async def test_the_agent_serves_its_panel(tmp_path: Path) -> None:
    """The address that it tells opens the page; `sak-agent panel` finds the port in the status."""
    opened: asyncio.Queue[str] = asyncio.Queue()
    async with shown(tmp_path) as stage, asyncio.timeout(WAIT_S):
        settings = replace(stage.sources.settings, panel_port=free_port(), backoff_max_s=0.05)
        daemon = daemon_of(stage, settings, opened)
        async with asyncio.TaskGroup() as group:
            group.create_task(daemon.run())
            address = await opened.get()
            async with httpx2.AsyncClient(follow_redirects=True) as client:
                assert (await client.get(address)).status_code == 200
                view = (await client.get(address.partition("?")[0] + "api/state")).json()
            assert view["shop"] == "t1"
            daemon.stop()
        said = read_status(tmp_path)
    assert said is not None
    assert said.panel_port == 0  # it has ended


async def test_states_that_need_a_person_ring(tmp_path: Path) -> None:
    """What the driver reports rings once, and is calm again when WhatsApp is ready."""
    async with shown(tmp_path) as stage:
        settings = replace(stage.sources.settings, panel_port=0, notifications=False)
        daemon = daemon_of(stage, settings, asyncio.Queue())
        bell: Bell = daemon._bell
        await daemon.changed(DriverStatus("restricted", advice="Read why on the phone."))
        assert [(one.kind, one.text) for one in bell.open] == [
            ("restricted", "Read why on the phone.")
        ]
        await daemon.changed(DriverStatus("ready"))
        assert bell.open == ()
