"""Time that is skipped passes for every loop at once, and for nobody else."""

import asyncio
import time

from hub.assistant.loop_thread import LoopThread
from hub.evaluation.clockwork import Clockwork


def test_who_waits_is_woken_in_every_loop() -> None:
    """Ten minutes in two loops, one of them in a thread of its own."""
    clockwork, begun_s = Clockwork(), time.monotonic()

    async def wait() -> float:
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        await asyncio.sleep(600)
        return loop.time() - started_s

    async def both() -> list[float]:
        thread = LoopThread("elsewhere", clockwork.new_loop)
        async with asyncio.TaskGroup() as tasks:
            waiting = [
                tasks.create_task(wait(), name="here"),
                tasks.create_task(thread.run(wait), name="there"),
            ]
            while not all(task.done() for task in waiting):
                await clockwork.skip(1)
        await thread.close()
        return [task.result() for task in waiting]

    with asyncio.Runner(loop_factory=clockwork.new_loop) as runner:
        assert min(runner.run(both())) >= 600
    assert time.monotonic() - begun_s < 60
