"""A wall clock that is set back puts no answer off: waits are measured by the other clock."""

from tests.fakes import FakeClock
from tests.hub.conversation.scene import HOUR, Scene, running


async def test_between_the_commit_and_the_plan(scene: Scene, clock: FakeClock) -> None:
    """The quiet that a turn waits for is as long as ever."""
    async with running(scene) as hub:
        intake = await scene.says("A")
        clock.set_wall(clock.now_ms() - round(HOUR * 1000))
        hub.worker.took(intake)
        hub.later(3)
        await hub.reaches("answered")


async def test_between_the_commit_and_a_new_process(scene: Scene, clock: FakeClock) -> None:
    """A turn that is found in the store waits no longer than it was to wait from the beginning."""
    await scene.says("A")
    clock.set_wall(clock.now_ms() - round(HOUR * 1000))
    async with running(scene) as hub:
        await hub.settles()
        hub.later(3)
        await hub.reaches("answered")
