"""Blocks of the status table at exactly their times (SPEC §6, §8; PROTOCOL §4, §8).

As in `test_status_clock`: a real hub in frozen time. The operator's two commands are called as
functions, because a process of its own would bring a time of its own.
"""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace
from websockets.exceptions import InvalidStatus

from hub.cli.agents import _revoke, _unblock
from tests.hub.gateway.client import READY, Dialled
from tests.hub.gateway.frozen import AGENT_ID, MOMENT_S, Change, Hall, frozen

DUPLICATE_WINDOW_S: Final = 600.0
OFFLINE_AFTER_S: Final = 300.0
LOOK_S: Final = 1.0  # by then a running hub has seen what another process wrote
YEAR_S: Final = 365 * 86_400.0


async def alternate(hall: Hall, lines: AsyncExitStack) -> int:
    """Let two instances of the agent replace each other until both are kept out; the moment."""
    twins = hall.agent, hall.agent.clone()
    numbers = iter(range(10, 50, 10))
    before: Dialled | None = None
    for agent in (*twins, twins[0]):
        agent.conn_no = next(numbers)
        line = await lines.enter_async_context(agent.dial())
        await line.live()
        if before is not None:
            assert await before.over() == 4009
        before = line
        await hall.passes(2)
    twins[1].conn_no = next(numbers)
    last = await lines.enter_async_context(twins[1].dial())
    assert await last.over() == 4501
    assert before is not None
    assert await before.over() == 4501
    await hall.becomes("blocked")
    return hall.clock.now_ms()


async def refused(hall: Hall) -> int:
    """The code with which a hello is turned away now."""
    async with hall.agent.dial() as line:
        code = await line.over()
        assert line.welcome is None
        return code


@frozen
async def test_two_instances_are_blocked_for_ten_minutes(tmp_path: Path) -> None:
    """At the third takeover; offline exactly one window later, and the next hello is judged."""
    async with Hall.open(tmp_path) as hall, AsyncExitStack() as lines:
        blocked = await alternate(hall, lines)
        over = await hall.changes_after(DUPLICATE_WINDOW_S, "blocked", "offline")
        assert (await hall.history())[1:] == [
            Change("online", "blocked", "duplicate", 3, blocked),
            Change("blocked", "offline", "block_over", 4, over),
        ]
        async with hall.line():
            assert await hall.status() == "online"


@frozen
async def test_every_hello_begins_the_block_anew(tmp_path: Path) -> None:
    """The window is without a hello: one in its last millisecond is refused and starts another."""
    async with Hall.open(tmp_path) as hall, AsyncExitStack() as lines:
        await alternate(hall, lines)
        await hall.passes(DUPLICATE_WINDOW_S - MOMENT_S)
        assert await refused(hall) == 4501
        over = await hall.changes_after(DUPLICATE_WINDOW_S, "blocked", "offline")
        assert (await hall.history())[-1] == Change("blocked", "offline", "block_over", 4, over)


@frozen
async def test_a_hello_at_the_end_of_the_block_is_judged_normally(tmp_path: Path) -> None:
    """The block is over first and the welcome follows: both changes are in the history."""
    async with Hall.open(tmp_path) as hall, AsyncExitStack() as lines:
        await alternate(hall, lines)
        hall.clock.advance(DUPLICATE_WINDOW_S)
        async with hall.line():
            now = hall.clock.now_ms()
            assert (await hall.history())[2:] == [
                Change("blocked", "offline", "block_over", 4, now),
                Change("offline", "online", "welcomed", 5, now),
            ]


@frozen
async def test_a_block_outlives_the_hub(tmp_path: Path) -> None:
    """A start neither lifts nor prolongs it: it ends at the moment that was said before."""
    async with Hall.built(tmp_path) as hall, AsyncExitStack() as lines:
        async with hall.running():
            blocked = await alternate(hall, lines)
        told = len(await hall.history())
        await hall.passes(60)
        async with hall.running():
            left_s = DUPLICATE_WINDOW_S - (hall.clock.now_ms() - blocked) / 1000
            over = await hall.changes_after(left_s, "blocked", "offline")
            assert over == blocked + round(DUPLICATE_WINDOW_S * 1000)
            assert (await hall.history())[told:] == [
                Change("blocked", "offline", "block_over", 4, over)
            ]


@frozen
async def test_the_operator_lifts_a_block(tmp_path: Path) -> None:
    """Offline at that moment; nothing of the old block or the old count is left."""
    async with Hall.open(tmp_path) as hall, AsyncExitStack() as lines:
        await alternate(hall, lines)
        await hall.passes(30)
        lifted = hall.clock.now_ms()
        await hall.store.write(lambda tx: _unblock(tx, AGENT_ID, lifted))
        await hall.passes(DUPLICATE_WINDOW_S)
        async with hall.line():
            back = hall.clock.now_ms()
            assert (await hall.history())[2:] == [
                Change("blocked", "offline", "unblocked", 4, lifted),
                Change("offline", "online", "welcomed", 5, back),
            ]


async def revoke(hall: Hall) -> int:
    """Do what `sak-hub agent revoke` does, now; the moment."""
    now = hall.clock.now_ms()
    await hall.store.write(lambda tx: _revoke(tx, AGENT_ID, now))
    return now


@frozen
@pytest.mark.parametrize("was", ["offline", "online", "degraded", "lost", "blocked"])
async def test_a_revoked_agent_never_leaves_blocked(tmp_path: Path, was: str) -> None:
    """From whatever it was, at the moment of the command; no time and no hub takes it back."""
    async with Hall.built(tmp_path) as hall, AsyncExitStack() as lines:
        async with hall.running():
            await brought_to(hall, was, lines)
            told = len(await hall.history())
            generation = (await hall.row())["generation"]
            now = await revoke(hall)
            await hall.passes(LOOK_S)
            await hall.passes(YEAR_S)
            with pytest.raises(InvalidStatus) as turned_away:
                await hall.agent.dial().__aenter__()
            assert turned_away.value.response.status_code == 403
        async with hall.running():
            await hall.passes(YEAR_S)
            moved = Change(was, "blocked", "revoked", generation, now)
            assert (await hall.history())[told:] == ([] if was == "blocked" else [moved])
            assert await hall.status() == "blocked"


async def brought_to(hall: Hall, status: str, lines: AsyncExitStack) -> None:
    """Bring the agent into a status."""
    if status == "blocked":
        await alternate(hall, lines)
    elif status != "offline":
        said: dict[str, Any] = {"status": replace(READY, paused=status == "degraded")}
        line = await lines.enter_async_context(hall.line(**said))
        if status == "lost":
            await line.cut()
    await hall.becomes(status)


@frozen
async def test_what_a_revoked_agent_still_says_changes_nothing(tmp_path: Path) -> None:
    """A beat and an end that come after the command; the hub closes 4500 when it sees it."""
    async with Hall.open(tmp_path) as hall, hall.line() as line:
        now = await revoke(hall)
        await line.beat()
        await hall.settle()
        await hall.passes(LOOK_S)
        assert await line.ended() == 4500
        await hall.passes(OFFLINE_AFTER_S)
        assert (await hall.history())[1:] == [Change("online", "blocked", "revoked", 1, now)]
