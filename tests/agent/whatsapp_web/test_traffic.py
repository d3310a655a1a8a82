"""Sendings under way, and how long nothing went through the page."""

import asyncio

from agent.drivers.whatsapp_web.traffic import Traffic
from tests.fakes import FakeClock


def test_a_sending_is_no_quiet_moment() -> None:
    """Quiet begins when the last of them is over, or a message came."""
    clock = FakeClock(0)
    traffic = Traffic(clock.monotonic)
    assert (traffic.quiet_s, traffic.send_s) == (None, None)
    with traffic.sending():
        clock.advance(30)
        assert (traffic.quiet_s, traffic.send_s) == (0.0, 30.0)
    clock.advance(5)
    assert (traffic.quiet_s, traffic.send_s) == (5.0, 35.0)
    traffic.note()
    assert traffic.quiet_s == 0.0


async def test_a_sending_is_waited_for_only_while_it_is_young() -> None:
    """What has been under way for a minute will not come to an end."""
    clock = FakeClock(0)
    traffic = Traffic(clock.monotonic)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        with traffic.sending():
            waiting = tasks.create_task(traffic.sent(60.0))
            clock.advance(60)
            await traffic.sent(60.0)
            assert not waiting.done()
