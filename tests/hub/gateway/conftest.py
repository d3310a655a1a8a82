"""A stage with a running hub, for tests that only need one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.hub.gateway.stage import Stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A hub with the usual settings."""
    async with Stage.set(tmp_path) as stage, stage.running():
        yield stage
