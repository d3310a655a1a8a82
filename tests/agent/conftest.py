"""A journal on a clock of the test's own, and a link towards a scripted hub."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.clock import SystemClock
from agent.journal import FILE_NAME, Journal
from agent.settings import Settings
from tests.agent.linked import SETTINGS, Stage, pair
from tests.agent.scripted_hub import scripted_hub
from tests.agent.stage import NOW_MS
from tests.fakes import FakeClock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / FILE_NAME


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW_MS)


@pytest.fixture
async def journal(path: Path, clock: FakeClock) -> AsyncIterator[Journal]:
    journal = await Journal.open(path, clock)
    yield journal
    await journal.close()


@pytest.fixture
def settings() -> Settings:
    return SETTINGS


@pytest.fixture
async def stage(tmp_path: Path, settings: Settings) -> AsyncIterator[Stage]:
    async with scripted_hub() as hub:
        journal = await Journal.open(tmp_path / FILE_NAME, SystemClock())
        await pair(journal, hub.url)
        yield Stage(hub, journal, settings)
        await journal.close()
