"""The README's demo: a real Chromium, the real wa-js, and every process of the system."""

import asyncio
import json
import os
import sys

import pytest

pytestmark = pytest.mark.alone


async def test_the_demo_holds_every_step() -> None:
    """Seven replies to eight messages, each once, and a first word within 1.5 s of the debounce."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "agent.practice", "demo"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=os.environ.copy(),  # noqa: TID251 - the demo needs PATH
    )
    async with asyncio.timeout(180):
        out, _ = await process.communicate()
    lines = out.decode().splitlines()
    summary = json.loads(lines[-1])
    assert process.returncode == 0, out.decode()
    assert summary["ok"] is True
    assert (summary["messages"], summary["replies"]) == (8, 7)
    assert (summary["lost"], summary["duplicated"]) == (0, 0)
    assert summary["latency_max_ms"] < 1500
