import time
from uuid import uuid4

import pytest
from msgspec.structs import replace

from agent.link import Phase
from protocol.ids import whatsapp_key
from protocol.messages import (
    Command,
    Error,
    HeartbeatTimes,
    Instant,
    MessageStatus,
)
from tests.agent.linked import TYPING, Stage, frames, pair, with_settings
from tests.agent.stage import order, received

# --- delivery ------------------------------------------------------------------------------------


async def test_events_flow_both_ways(stage: Stage) -> None:
    """What is recorded while online goes up, what the hub orders is kept and acknowledged."""
    async with stage.running():
        await stage.online()
        await stage.told("A1")
        await stage.hub.order(order("hello"))
        await stage.hub.until(lambda: stage.heard() == ["A1"] and stage.hub.down_acked == 1)
        assert [send.order.text for send in await stage.journal.pending_sends()] == ["hello"]
    assert (await stage.journal.facts()).outbox == 0


async def test_a_lost_connection_is_resumed(stage: Stage) -> None:
    """Cut in the middle, the rest follows; nothing comes twice."""
    await stage.told("A1")
    async with stage.running():
        await stage.hub.until(lambda: stage.heard() == ["A1"])
        await stage.hub.cut()
        await stage.told("A2")
        await stage.hub.order(order("one"))
        await stage.hub.until(lambda: stage.heard() == ["A1", "A2"] and stage.hub.down_acked == 1)
    assert [hello.conn_no for hello in stage.hub.hellos] == [1, 2]
    assert len(stage.hub.received) == 2


async def test_the_hubs_window_is_kept(stage: Stage) -> None:
    """With a window of two and no ack, the third event waits in the outbox."""
    stage.hub.window, stage.hub.acks = 2, False
    await stage.told(*(f"A{n}" for n in range(5)))
    async with stage.running():
        await stage.hub.until(lambda: len(stage.hub.beats) >= 3)
        assert stage.heard() == ["A0", "A1"]
        stage.hub.acks = True
        await stage.hub.commit()
        await stage.hub.until(lambda: len(stage.hub.received) == 5)


async def test_a_long_backlog_goes_up_in_order(stage: Stage) -> None:
    """Three hundred events of a night pass through a window of 32."""
    wanted = [f"A{n}" for n in range(300)]
    await stage.told(*wanted)
    async with stage.running():
        await stage.hub.until(lambda: len(stage.hub.received) == 300)
    assert stage.heard() == wanted


@with_settings(ack_timeout_s=0.3)
async def test_every_connection_has_its_own_ack_timer(stage: Stage) -> None:
    """C03: a missed ack ends one connection with 4007; the next one has its full time."""
    stage.hub.acks = False
    await stage.told("A1")
    async with stage.running():
        await stage.hub.until(lambda: stage.hub.closes == [4007])
        stage.hub.acks = True
        await stage.hub.until(lambda: len(stage.hub.beats) >= 12 and len(stage.hub.hellos) == 2)
    assert stage.hub.closes == [4007, 1000]


async def test_a_repeated_order_is_acknowledged_again(stage: Stage) -> None:
    """C04: the same seq twice has one effect and two acks."""
    async with stage.running():
        await stage.online()
        await stage.hub.order(order())
        await stage.hub.until(lambda: stage.hub.down_acked == 1)
        before = frames(stage.hub.peer.frames).count("ack")
        await stage.hub.raw(stage.hub.frame(1))
        await stage.hub.until(lambda: frames(stage.hub.peer.frames).count("ack") == before + 1)
    assert len(await stage.journal.pending_sends()) == 1


async def test_a_gap_closes_and_stores_nothing(stage: Stage) -> None:
    """C05: seq 2 where 1 is due closes 4004."""
    async with stage.running():
        await stage.online()
        peer = stage.hub.peer
        stage.hub.welcomes = False
        one = await stage.hub.order(order())
        await stage.hub.until(lambda: stage.hub.down_acked == 1)
        gap = stage.hub.frame(1).replace('"seq":1', '"seq":3').replace(str(one.id), str(uuid4()))
        await peer.socket.send(gap)
        await stage.hub.until(lambda: stage.hub.closes == [4004])
    assert (await stage.journal.down_position()).seq == 1
    assert len(await stage.journal.pending_sends()) == 1


async def test_an_order_survives_a_crash_after_its_commit(stage: Stage) -> None:
    """C06: a new process with the same journal says what it holds and is not sent it again."""
    async with stage.running():
        await stage.online()
        one = await stage.hub.order(order())
        await stage.hub.until(lambda: stage.hub.down_acked == 1)
        await stage.hub.cut()
    stage.link = stage.new_link()
    async with stage.running():
        await stage.hub.until(lambda: len(stage.hub.hellos) >= 2)
    down = stage.hub.hellos[-1].down
    assert (down.epoch, down.seq, down.last_id) == ("F1", 1, one.id)
    assert len(await stage.journal.pending_sends()) == 1


async def test_a_hub_restored_from_a_backup_gets_the_events_again(stage: Stage) -> None:
    """C08: the welcome names an older position; the rows after it come again, in order."""
    await stage.told("A1", "A2", "A3")
    async with stage.running():
        await stage.hub.until(lambda: len(stage.hub.received) == 3)
        first = stage.hub.received[0]
        stage.hub.up = {stage.hub.hellos[0].up.epoch: (1, first.id)}
        await stage.hub.close(1012)
        await stage.hub.until(lambda: len(stage.hub.received) == 5)
    assert stage.heard() == ["A1", "A2", "A3", "A2", "A3"]


async def test_a_contradicted_position_begins_a_new_epoch(stage: Stage) -> None:
    """C09: the hub's last_id is not ours: 4005, then everything under a new epoch, same ids."""
    await stage.told("A1", "A2")
    async with stage.running():
        await stage.hub.until(lambda: len(stage.hub.received) == 2)
        stage.hub.up = {stage.hub.hellos[0].up.epoch: (2, uuid4())}
        await stage.hub.close(1012)
        await stage.hub.until(lambda: len(stage.hub.received) == 4)
    assert stage.hub.closes[:2] == [1012, 4005]
    assert len({hello.up.epoch for hello in stage.hub.hellos}) == 2
    assert [e.id for e in stage.hub.received[:2]] == [e.id for e in stage.hub.received[2:]]


async def test_a_new_down_epoch_has_no_second_effect(stage: Stage) -> None:
    """C10: the hub requeues a done order: no effect, the result is told again."""
    async with stage.running():
        await stage.online()
        one = await stage.hub.order(order())
        await stage.hub.until(lambda: stage.hub.down_acked == 1)
        status = MessageStatus(ref=one.id, wa_id=whatsapp_key(one.id), state="sent")
        await stage.journal.finish(one.id, status)
        await stage.hub.until(lambda: len(stage.hub.received) == 1)
        stage.hub.down_epoch = "F2"
        await stage.hub.close(1012)
        await stage.hub.until(lambda: len(stage.hub.received) == 2)
    assert [e.data for e in stage.hub.received] == [status, status]
    assert await stage.journal.pending_sends() == []
    assert (await stage.journal.down_position()).epoch == "F2"


async def test_an_unusable_order_is_reported_and_blocks_nothing(stage: Stage) -> None:
    """C15: an unknown type is quarantined, acknowledged, reported once; the next order flows."""
    async with stage.running():
        await stage.online()
        strange = await stage.hub.order(Command(name="pause", args={}))
        await stage.hub.until(lambda: stage.hub.down_acked == 1)
        row = stage.hub.down[0]
        stage.hub.down.append(replace(row, id=uuid4(), seq=2, type="novelty"))
        await stage.hub.order(order())
        await stage.hub.until(lambda: stage.hub.down_acked == 3)
        await stage.hub.until(lambda: len(stage.hub.errors) == 1)
    (error,) = stage.hub.errors
    assert (error.code, error.ref, error.retryable) == (
        "unknown_type",
        stage.hub.down[1].id,
        False,
    )
    assert len(await stage.journal.pending_sends()) == 1
    assert [job.event_id for job in await stage.journal.pending_jobs()] == [strange.id]


# --- life ----------------------------------------------------------------------------------------


async def test_a_silent_hub_is_left_and_found_again(stage: Stage) -> None:
    """C02: without heartbeat.ack the agent closes 4008 and resumes."""
    stage.hub.answers_beats = False
    stage.hub.heartbeat = HeartbeatTimes(interval_s=0.05, timeout_s=0.4)
    async with stage.running():
        await stage.hub.until(lambda: stage.hub.closes == [4008])
        stage.hub.answers_beats = True
        await stage.told("A1")
        await stage.hub.until(lambda: len(stage.hub.hellos) == 2 and stage.heard() == ["A1"])


async def test_beats_carry_the_present_status(stage: Stage) -> None:
    """A heartbeat tells how many events wait now, not at the hello."""
    stage.hub.window, stage.hub.acks = 1, False
    async with stage.running():
        await stage.online()
        await stage.told("A1", "A2", "A3")
        await stage.hub.until(lambda: stage.hub.beats[-1].outbox == 3)


async def test_a_busy_hub_gets_heartbeats_but_no_events(stage: Stage) -> None:
    """C14: the pause holds events back and nothing else."""
    async with stage.running():
        await stage.online()
        await stage.hub.busy(0.5)
        began = time.monotonic()
        beats = len(stage.hub.beats)
        await stage.hub.until(lambda: len(stage.hub.beats) > beats)
        await stage.told("A1")
        await stage.hub.until(lambda: stage.heard() == ["A1"])
        assert time.monotonic() - began >= 0.45
        assert len(stage.hub.beats) >= beats + 4
    assert stage.hub.closes == [1000]


@with_settings(inbox_max=2)
async def test_a_full_inbox_asks_the_hub_to_pause(stage: Stage) -> None:
    """Orders that pile up on the PC make it ask for a pause."""
    async with stage.running():
        await stage.online()
        await stage.hub.order(order())
        await stage.hub.order(order())
        await stage.hub.until(lambda: stage.hub.pauses > 0)


async def test_typing_goes_both_ways_and_is_never_kept(stage: Stage) -> None:
    """What is told without a connection is forgotten."""
    stage.link.tell_typing(TYPING)
    async with stage.running():
        await stage.online()
        assert stage.hub.typings == []
        stage.link.tell_typing(TYPING)
        await stage.hub.until(lambda: stage.hub.typings == [TYPING])
        beats = len(stage.hub.beats)
        await stage.hub.say_typing(TYPING)
        await stage.hub.until(lambda: len(stage.hub.beats) >= beats + 2)
    assert stage.typings == [TYPING]


async def test_an_error_that_the_hub_reports_changes_nothing(stage: Stage) -> None:
    """It is for the log; the connection goes on."""
    async with stage.running():
        await stage.online()
        await stage.hub.report(Error(code="invalid_data", message="test", retryable=False))
        await stage.told("A1")
        await stage.hub.until(lambda: stage.heard() == ["A1"])
    assert stage.hub.closes == [1000]


# --- the end of a connection ---------------------------------------------------------------------


@pytest.mark.alone
async def test_a_drained_agent_leaves_and_returns_inside_the_window(stage: Stage) -> None:
    """C11: what came is acknowledged, 4000, and back after half of the window at a roll of 0.5."""
    async with stage.running():
        await stage.online()
        await stage.hub.order(order())
        await stage.hub.drain(0.2, 0.6)
        await stage.hub.until(lambda: stage.hub.closes == [4000])
        began = time.monotonic()
        assert stage.hub.down_acked == 1
        await stage.hub.until(lambda: len(stage.hub.hellos) == 2)
        assert 0.3 <= time.monotonic() - began <= 1.5


@pytest.mark.parametrize(
    ("code", "least_s", "phase"),
    [(4009, 0.25, Phase.WAITING), (4500, 0.5, Phase.REFUSED), (4777, 0.5, Phase.REFUSED)],
)
async def test_the_close_code_decides_the_pause(
    stage: Stage, code: int, least_s: float, phase: Phase
) -> None:
    """C12: replaced waits, revoked and unknown codes of its range wait longer."""
    async with stage.running():
        await stage.online()
        await stage.hub.close(code)
        began = time.monotonic()
        await stage.hub.until(lambda: len(stage.hub.hellos) == 2)
        assert time.monotonic() - began >= least_s
    assert stage.reasons(phase)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("not json", 4003),
        (b"binary", 4003),
        ('{"type":"hello","data":{}}', 4003),
        ("x" * 300_000, 1009),
    ],
    ids=["not json", "binary", "wrong way", "oversized"],
)
async def test_a_hub_that_breaks_the_protocol_is_left(
    stage: Stage, frame: str | bytes, code: int
) -> None:
    """The code that PROTOCOL names, and the agent comes back."""
    async with stage.running():
        await stage.online()
        await stage.hub.raw(frame)
        await stage.hub.until(lambda: len(stage.hub.hellos) == 2)
    assert stage.hub.closes[0] == code


async def test_a_clean_stop_acknowledges_and_closes_1000(stage: Stage) -> None:
    """C16: what was committed is acknowledged before the close."""
    async with stage.running():
        await stage.online()
        for _ in range(20):
            await stage.hub.order(order())
        await stage.hub.until(lambda: stage.hub.down_acked > 0)
    await stage.hub.until(lambda: stage.hub.closes == [1000])
    assert stage.hub.down_acked == len(await stage.journal.pending_sends())
    assert stage.link.status.phase is Phase.STOPPED


async def test_a_new_pairing_ends_the_old_connection(stage: Stage) -> None:
    """Paired anew while online: the first thing to happen closes 4000, nothing is mixed up."""
    async with stage.running():
        await stage.online()
        await stage.told("A1")
        await stage.hub.until(lambda: stage.heard() == ["A1"])
        await pair(stage.journal, stage.hub.url, "sak_a_second")
        await stage.told("A2")
        await stage.hub.until(lambda: len(stage.hub.hellos) == 2 and len(stage.hub.received) == 3)
    assert stage.hub.closes[0] == 4000
    assert stage.heard() == ["A1", "A1", "A2"]


async def test_an_unusable_order_is_reported_before_a_drained_agent_leaves(stage: Stage) -> None:
    """The last order before a drain is a bad one: its error goes out with its acknowledgement."""
    async with stage.running():
        await stage.online()
        await stage.hub.order(Command(name="pause", args={}))
        await stage.hub.until(lambda: stage.hub.down_acked == 1)
        bad = replace(stage.hub.down[0], id=uuid4(), seq=2, type="novelty")
        stage.hub.down.append(bad)
        stage.hub._push(stage.hub.peer)
        await stage.hub.drain(0, 0.1)
        await stage.hub.until(lambda: 4000 in stage.hub.closes)
    assert [error.ref for error in stage.hub.errors] == [bad.id]


async def test_the_hubs_word_on_the_token_is_kept(stage: Stage) -> None:
    """An expiry that only the welcome tells is noted, so that the token is rotated in time."""
    stage.hub.token_expires_at = Instant(time.time_ns() // 10**6 + 10**8)
    async with stage.running():
        await stage.online()
    identity = await stage.journal.identity()
    assert identity is not None
    assert identity.token_expires_ms == stage.hub.token_expires_at.ms


@with_settings(send_timeout_s=0.2)
async def test_a_network_that_takes_nothing_is_left(stage: Stage) -> None:
    """Half-open connections fill up: the agent leaves in time and connects anew."""
    stage.hub.window = 1024
    async with stage.running():
        await stage.online()
        stage.hub.freeze()
        for number in range(200):
            await stage.journal.record_inbound(received(f"A{number}", text="x" * 60_000))
        await stage.hub.until(lambda: len(stage.hub.received) == 200)
    assert len(stage.hub.peers) >= 2
