"""Every transition of the status table at exactly its time (SPEC §6; PROTOCOL §4, §8).

A real hub with real sockets and a real database, in frozen time: no transition here is driven past
the gateway. Blocks are in `test_status_blocks`.
"""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace

from protocol import codec
from protocol.messages import AgentStatus
from tests.hub.gateway.client import READY, Dialled, message
from tests.hub.gateway.frozen import MOMENT_S, Change, Hall, frozen

GRACE_S: Final = 90.0
OFFLINE_AFTER_S: Final = 300.0
HEARTBEAT_TIMEOUT_S: Final = 45.0
DRAIN_DEADLINE_S: Final = 20.0
YEAR_S: Final = 365 * 86_400.0

NOT_WELL: Final = {
    "whatsapp is not ready": (replace(READY, whatsapp="qr"), "whatsapp_not_ready"),
    "a word of later": (replace(READY, whatsapp="dancing"), "whatsapp_not_ready"),
    "paused": (replace(READY, paused=True), "paused"),
    "outbox": (replace(READY, outbox=1_001), "backlog"),
    "inbox": (replace(READY, inbox=1_001), "backlog"),
}
not_well = pytest.mark.parametrize(("status", "reason"), NOT_WELL.values(), ids=NOT_WELL)


# --- welcome and beats ----------------------------------------------------------------------------


@frozen
async def test_an_agent_never_seen_is_offline(tmp_path: Path) -> None:
    """From its pairing on, however long, with nothing in the history."""
    async with Hall.open(tmp_path) as hall:
        await hall.passes(YEAR_S)
        row = await hall.row()
        assert (row["status"], row["last_seen"]) == ("offline", None)
        assert await hall.history() == []


@frozen
async def test_a_welcome_makes_an_agent_online(tmp_path: Path) -> None:
    """At the moment of its hello."""
    async with Hall.open(tmp_path) as hall:
        await hall.passes(7)
        async with hall.line():
            assert await hall.history() == [
                Change("offline", "online", "welcomed", 1, hall.clock.now_ms())
            ]


@frozen
@not_well
async def test_a_welcome_that_tells_of_trouble_makes_it_degraded(
    tmp_path: Path, status: AgentStatus, reason: str
) -> None:
    """By what its hello says: WhatsApp not ready, paused, or more than 1,000 queued."""
    async with Hall.open(tmp_path) as hall, hall.line(status=status):
        assert await hall.history() == [
            Change("offline", "degraded", reason, 1, hall.clock.now_ms())
        ]


@frozen
@not_well
async def test_a_beat_makes_it_degraded_and_another_online_again(
    tmp_path: Path, status: AgentStatus, reason: str
) -> None:
    """Each at the moment of the beat; a beat that says the same again leaves no trace."""
    async with Hall.open(tmp_path) as hall, hall.line() as line:
        welcomed = hall.clock.now_ms()
        for said in (READY, status, status, READY):
            await hall.passes(20)
            hall.agent.status = said
            await line.beat()
            await hall.settle()
        assert await hall.history() == [
            Change("offline", "online", "welcomed", 1, welcomed),
            Change("online", "degraded", reason, 1, welcomed + 40_000),
            Change("degraded", "online", "beat", 1, welcomed + 80_000),
        ]
        assert (await hall.row())["last_seen"] == welcomed + 80_000


@frozen
async def test_a_thousand_queued_is_still_online(tmp_path: Path) -> None:
    """The bound itself is allowed, in a hello as in a beat."""
    full = replace(READY, outbox=1_000, inbox=1_000)
    async with Hall.open(tmp_path) as hall, hall.line(status=full) as line:
        await hall.passes(20)
        await line.beat(outbox=1_000, inbox=1_000)
        await hall.settle()
        assert [change.after for change in await hall.history()] == ["online"]


# --- silence --------------------------------------------------------------------------------------


@frozen
@pytest.mark.parametrize("beats", [0, 1, 3])
async def test_silence_closes_4008_and_makes_it_lost(tmp_path: Path, beats: int) -> None:
    """45 s after the last beat, or after the welcome when there was none; offline 5 min later."""
    async with Hall.open(tmp_path) as hall, hall.line() as line:
        welcomed = hall.clock.now_ms()
        for _ in range(beats):
            await hall.passes(20)
            await line.beat()
        lost = await hall.changes_after(HEARTBEAT_TIMEOUT_S, "online", "lost")
        assert await line.ended() == 4008
        offline = await hall.changes_after(OFFLINE_AFTER_S, "lost", "offline")
        assert lost == welcomed + beats * 20_000 + 45_000
        assert await hall.history() == [
            Change("offline", "online", "welcomed", 1, welcomed),
            Change("online", "lost", "heartbeat_timeout", 1, lost),
            Change("lost", "offline", "lost_too_long", 1, offline),
        ]


@frozen
async def test_only_heartbeats_prove_life(tmp_path: Path) -> None:
    """Events until the last second are stored, and do not put off the end."""
    async with Hall.open(tmp_path) as hall, hall.line() as line:
        welcomed = hall.clock.now_ms()
        for _ in range(4):
            await hall.passes(11)
            row = hall.agent.write(message("I write all the time, and my loop is stuck"))
            await line.send_text(codec.encode_row(row))
        lost = await hall.changes_after(1, "online", "lost")
        assert lost == welcomed + 45_000
        assert (await hall.row())["last_seen"] == welcomed + 44_000


@frozen
async def test_a_lost_agent_that_comes_back_in_time_is_never_offline(tmp_path: Path) -> None:
    """A welcome one millisecond before the five minutes are over leads back to online."""
    async with Hall.open(tmp_path) as hall:
        async with hall.line() as line:
            await line.cut()
            await hall.becomes("lost")
        await hall.passes(OFFLINE_AFTER_S - MOMENT_S)
        async with hall.line() as line:
            await hall.passes(MOMENT_S)
            await line.beat()
            await hall.settle()
            assert [(c.after, c.reason) for c in await hall.history()] == [
                ("online", "welcomed"),
                ("lost", "connection_ended"),
                ("online", "welcomed"),
            ]


# --- ends -----------------------------------------------------------------------------------------


@frozen
async def test_a_goodbye_makes_it_offline(tmp_path: Path) -> None:
    """At the moment of the close with 1000, and it stays so."""
    async with Hall.open(tmp_path) as hall:
        async with hall.line() as line:
            await hall.passes(3)
            await line.stop(1000)
            await hall.becomes("offline")
            gone = hall.clock.now_ms()
        await hall.passes(YEAR_S)
        assert (await hall.history())[1:] == [Change("online", "offline", "clean_stop", 1, gone)]


@frozen
@pytest.mark.parametrize("code", [1001, 1006, 1011, 1012, 3000, 4000, 4005, 4007, 4009, 4500])
@pytest.mark.parametrize("status", [READY, replace(READY, paused=True)], ids=["well", "paused"])
async def test_any_other_end_makes_it_lost(tmp_path: Path, code: int, status: AgentStatus) -> None:
    """At the moment of the close, from online as from degraded; offline exactly 5 min later."""
    async with Hall.open(tmp_path) as hall:
        async with hall.line(status=status) as line:
            was = await hall.status()
            await hall.passes(3)
            await (line.cut() if code == 1006 else line.stop(code))
            await hall.becomes("lost")
            lost = hall.clock.now_ms()
        offline = await hall.changes_after(OFFLINE_AFTER_S, "lost", "offline")
        assert (await hall.history())[1:] == [
            Change(was, "lost", "connection_ended", 1, lost),
            Change("lost", "offline", "lost_too_long", 1, offline),
        ]


@frozen
async def test_an_end_that_the_hub_decides_is_a_loss_too(tmp_path: Path) -> None:
    """A frame against the rules closes 4003, and the agent is lost at that moment."""
    async with Hall.open(tmp_path) as hall, hall.line() as line:
        await hall.passes(3)
        await line.send_text("no frame at all")
        assert await line.ended() == 4003
        await hall.becomes("lost")
        assert (await hall.history())[1:] == [
            Change("online", "lost", "connection_ended", 1, hall.clock.now_ms())
        ]


@frozen
async def test_a_replaced_connection_says_nothing_more(tmp_path: Path) -> None:
    """A takeover is no change, and whatever the old socket does later has no effect."""
    async with Hall.open(tmp_path) as hall, hall.line() as old:
        welcomed = hall.clock.now_ms()
        await hall.passes(20)
        async with hall.line() as new:
            assert await old.over() == 4009
            await hall.settle()
            for _ in range(5):
                await hall.passes(20)
                await new.beat()
            await hall.settle()
            assert await hall.history() == [Change("offline", "online", "welcomed", 1, welcomed)]
            await new.stop(1000)
            await hall.becomes("offline")
        gone = Change("online", "offline", "clean_stop", 2, hall.clock.now_ms())
        assert (await hall.history())[1:] == [gone]


# --- the hub's own starts and ends ----------------------------------------------------------------


async def left_behind(hall: Hall, status: str, lines: AsyncExitStack) -> None:
    """Let an earlier hub die while the agent is in `status`."""
    async with hall.running():
        said = replace(READY, paused=status == "degraded")
        line = await lines.enter_async_context(hall.line(status=said))
        if status == "lost":
            await line.cut()
        await hall.becomes(status)


@frozen
@pytest.mark.parametrize("status", ["online", "degraded", "lost"])
async def test_a_starting_hub_waits_for_90_seconds(tmp_path: Path, status: str) -> None:
    """Unknown at its start, lost when the grace is over, offline 5 min after that."""
    async with Hall.built(tmp_path) as hall, AsyncExitStack() as lines:
        await left_behind(hall, status, lines)
        told = len(await hall.history())
        await hall.passes(3_600)
        started = hall.clock.now_ms()
        async with hall.running():
            assert await hall.status() == "unknown"
            lost = await hall.changes_after(GRACE_S, "unknown", "lost")
            offline = await hall.changes_after(OFFLINE_AFTER_S, "lost", "offline")
            assert (await hall.history())[told:] == [
                Change(status, "unknown", "hub_started", 1, started),
                Change("unknown", "lost", "grace_over", 1, lost),
                Change("lost", "offline", "lost_too_long", 1, offline),
            ]


@frozen
async def test_the_grace_begins_anew_with_every_hub(tmp_path: Path) -> None:
    """Time in which no hub listened is not held against the agent."""
    async with Hall.built(tmp_path) as hall, AsyncExitStack() as lines:
        await left_behind(hall, "online", lines)
        async with hall.running():
            await hall.passes(GRACE_S - 1)
        await hall.passes(3_600)
        async with hall.running():
            lost = await hall.changes_after(GRACE_S, "unknown", "lost")
            assert (await hall.history())[-1] == Change("unknown", "lost", "grace_over", 1, lost)


@frozen
@pytest.mark.parametrize("paused", [False, True])
async def test_a_welcome_within_the_grace_ends_it(tmp_path: Path, paused: bool) -> None:
    """One millisecond before its end, whatever `conn_no` it has: the agent was never lost."""
    async with Hall.built(tmp_path) as hall, AsyncExitStack() as lines:
        await left_behind(hall, "online", lines)
        async with hall.running():
            hall.agent.conn_no = 0
            await hall.passes(GRACE_S - MOMENT_S)
            async with hall.line(status=replace(READY, paused=paused)):
                back = hall.clock.now_ms()
                await hall.passes(MOMENT_S)
                after, reason = ("degraded", "paused") if paused else ("online", "welcomed")
                assert (await hall.history())[2:] == [Change("unknown", after, reason, 2, back)]


@frozen
async def test_offline_stays_over_a_start(tmp_path: Path) -> None:
    """It is no claim about now, so no start takes it back and no grace runs."""
    async with Hall.built(tmp_path) as hall:
        async with hall.running(), hall.line() as line:
            await line.stop(1000)
            await hall.becomes("offline")
        told = await hall.history()
        async with hall.running():
            await hall.passes(YEAR_S)
            assert await hall.history() == told


@frozen
@pytest.mark.parametrize("last_words", ["nothing", "1000", "4000", "cut", "beat"])
async def test_from_sigterm_on_nothing_is_written(tmp_path: Path, last_words: str) -> None:
    """However an agent leaves a stopping hub, or whatever it still says, the table stands still."""
    async with Hall.built(tmp_path) as hall, AsyncExitStack() as lines:
        async with hall.running():
            line = await lines.enter_async_context(hall.line())
            told = await hall.history()
            hall.terminate()
            await hall.settle()
            await says_goodbye(line, last_words)
            await hall.passes(DRAIN_DEADLINE_S - MOMENT_S)
            assert await hall.status() == "online"
            await hall.gone()
        assert await hall.history() == told
        started = hall.clock.now_ms()
        async with hall.running():
            assert (await hall.history())[1:] == [
                Change("online", "unknown", "hub_started", 1, started)
            ]


async def says_goodbye(line: Dialled, last_words: str) -> None:
    """End a connection in the drain, or go on with it."""
    match last_words:
        case "cut":
            await line.cut()
        case "beat":
            await line.send_text(
                '{"type":"heartbeat","data":{"n":1,"status":'
                '{"whatsapp":"qr","paused":false,"outbox":0,"inbox":0}}}'
            )
        case "1000" | "4000" as code:
            await line.stop(int(code))
        case _:
            pass


@frozen
async def test_from_sigterm_on_no_deadline_counts(tmp_path: Path) -> None:
    """An agent whose five minutes end while the hub drains is still lost for the next hub."""
    async with Hall.built(tmp_path) as hall:
        async with hall.running():
            async with hall.line() as line:
                await line.cut()
                await hall.becomes("lost")
            await hall.passes(OFFLINE_AFTER_S - MOMENT_S)
            hall.terminate()
            await hall.gone()
        await hall.passes(DRAIN_DEADLINE_S)
        assert await hall.status() == "lost"
