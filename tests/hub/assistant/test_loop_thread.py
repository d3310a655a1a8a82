"""The thread in which the model's SDK works."""

import asyncio
import threading
import time

import pytest

from hub.assistant.loop_thread import LoopThread


async def test_work_is_done_elsewhere_and_ends_with_its_caller() -> None:
    """Results and errors come back, a cancelled caller ends the work, `close` ends the thread."""
    thread, begun, ended = LoopThread("elsewhere"), threading.Event(), threading.Event()

    async def name() -> str:
        return threading.current_thread().name

    async def fail() -> None:
        raise ValueError("of the work")

    async def wait() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    assert await thread.run(name) == "elsewhere"
    with pytest.raises(ValueError, match="of the work"):
        await thread.run(fail)
    async with asyncio.TaskGroup() as group:
        caller = group.create_task(thread.run(wait))
        await asyncio.to_thread(begun.wait, 5)
        caller.cancel()
    assert await asyncio.to_thread(ended.wait, 5)
    await thread.close()
    assert "elsewhere" not in [each.name for each in threading.enumerate()]


async def test_the_callers_loop_goes_on() -> None:
    """However long the work holds its own."""
    thread, over = LoopThread("busy"), threading.Event()

    async def hold() -> None:
        over.wait(5)

    async with asyncio.TaskGroup() as group:
        caller = group.create_task(thread.run(hold))
        since = time.monotonic()
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert not caller.done()
        assert time.monotonic() - since < 4
        over.set()
    await thread.close()
    await thread.close()
