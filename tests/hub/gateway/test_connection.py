"""An agent's connection with a real hub over a real socket."""

import json
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from hub.gateway import connection, custody
from protocol import codec
from protocol.ids import reply_id
from protocol.messages import (
    CommandResult,
    Event,
    HeldPosition,
    Instant,
    MessageSend,
    MessageStatus,
)
from tests.hub.gateway.client import Agent, message
from tests.hub.gateway.stage import Stage


async def test_the_first_welcome_has_explicit_zeros(stage: Stage) -> None:
    """A new agent begins at 0 in both logs; the hub's figures come along."""
    async with stage.agent().dial() as line:
        await line.live()
        assert line.welcome is not None
        assert (line.welcome.up.epoch, line.welcome.up.seq) == (stage.agent().epoch, 0)
        assert line.welcome.down.seq == 0
        assert line.welcome.heartbeat.interval_s == 20.0
        assert line.welcome.max_frame == 262_144
        assert line.welcome.token_expires_at is None
    assert await stage.status() in ("online", "lost", "offline")


async def test_an_event_is_acknowledged_when_it_is_on_disk(stage: Stage) -> None:
    """The ack and the next welcome both say what the database holds."""
    agent = stage.agent()
    async with agent.dial() as line:
        await line.live()
        row = await line.say("hi")
        stored = await stage.store.one(
            "logs.up_position", tenant_id="ten_a", agent_id="agt_a", epoch=agent.epoch
        )
        assert stored is not None
        assert (stored["seq"], stored["last_id"]) == (1, str(row.id))
    async with agent.dial() as line:
        await line.live()
        assert line.welcome is not None
        assert (line.welcome.up.seq, line.welcome.up.last_id) == (1, row.id)


async def test_what_cannot_be_stored_waits_on_its_connection(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`busy` and no ack while the store is held; beats are answered, and then all is taken."""
    monkeypatch.setattr(connection, "STORE_RETRY_S", 0.01)
    agent = stage.agent()
    async with agent.dial() as line:
        await line.live()
        with stage.held(1_000_000) as left:
            agent.write(message("hi"))
            await line.until(lambda: bool(line.pauses))
            await line.beat(outbox=1)
            assert line.acked == 0
            left[0] = 3
            await line.until(lambda: line.acked == 1)
        assert line.pauses == [connection.BUSY_S]


async def test_the_end_of_a_connection_is_noted_as_soon_as_the_store_is_free(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hub whose database was held for a while still knows who is gone."""
    monkeypatch.setattr(custody, "LEAVE_RETRY_S", 0.01)
    async with stage.agent().dial() as line:
        await line.live()
        with stage.held(2):
            await line.cut()
            await stage.becomes("lost")


async def test_a_customer_gets_an_answer(tmp_path: Path) -> None:
    """A message goes up, the reply comes down under its derived id, its fate goes up."""
    async with Stage.set(tmp_path, debounce_s=0) as stage, stage.running():
        agent = stage.agent()
        async with agent.dial() as line:
            await line.live()
            now = Instant(stage.clock.now_ms())
            asked = message("price of cups?", sent_at=now)
            agent.write(asked)
            await line.until(lambda: bool(agent.orders))
            order = agent.orders[0]
            assert isinstance(order, Event)
            assert order.id == reply_id(asked.account, asked.chat, "", asked.wa_id, 0)
            assert isinstance(order.data, MessageSend)
            assert "price of cups?" in (order.data.text or "")
            sent = agent.write(MessageStatus(ref=order.id, wa_id="3EB0", state="sent"))
            await line.until(lambda: line.acked >= sent.seq)
        stored = await stage.store.one(
            "logs.down_event", tenant_id="ten_a", agent_id="agt_a", event_id=str(order.id)
        )
        assert stored is not None
        assert stored["result"] == "sent"


async def test_an_order_waits_for_its_agent_and_comes_once(tmp_path: Path) -> None:
    """An answer that was written while the agent was away follows the next welcome."""
    async with Stage.set(tmp_path, debounce_s=0.2) as stage, stage.running():
        agent = stage.agent()
        async with agent.dial() as line:
            await line.live()
            await line.say("hi", sent_at=Instant(stage.clock.now_ms()))

        async def answered() -> bool:
            where = {"tenant_id": "ten_a", "agent_id": "agt_a"}
            return bool(await stage.store.all("logs.down_after", **where, seq=0, limit=9))

        await stage.until(answered)
        for _ in range(2):
            async with agent.dial() as line:
                await line.live()
                await line.until(lambda: bool(agent.orders))
                await line.beat()
        assert len(agent.orders) == 1


async def test_an_agent_that_lost_its_disk_gets_unfinished_orders_again(tmp_path: Path) -> None:
    """What it had acknowledged but never finished comes in a new epoch, under the same id."""
    async with Stage.set(tmp_path, debounce_s=0) as stage, stage.running():
        agent = stage.agent()
        async with agent.dial() as line:
            await line.live()
            agent.write(message("hi", sent_at=Instant(stage.clock.now_ms())))
            await line.until(lambda: bool(agent.orders))
            await line.beat()
        epoch = agent.held.epoch
        agent.held = HeldPosition(seq=0)
        async with agent.dial() as line:
            await line.live()
            await line.until(lambda: len(agent.orders) == 2)
        assert agent.orders[0].id == agent.orders[1].id
        assert agent.held.epoch != epoch


async def test_the_same_event_takes_effect_once(stage: Stage) -> None:
    """A known id at the next place moves the position on, without effect and without error."""
    agent = stage.agent()
    async with agent.dial() as line:
        await line.live()
        row = await line.say("hi")
        agent.write(message("another text under the same id"), row.id)
        await line.until(lambda: line.acked == 2)
        assert line.errors == []
    agent.epoch, agent.log = uuid4().hex, agent.log[:1]
    async with agent.dial() as line:
        await line.live()
        await line.until(lambda: line.acked == 1)


async def test_bad_data_is_kept_apart_acknowledged_and_reported_once(stage: Stage) -> None:
    """It never blocks the log: the next event is taken as ever."""
    agent = stage.agent()
    row = agent.write(message("hi"))
    bad = json.dumps({"account": "not a number"})
    agent.log[0] = type(row)(row.id, row.seq, row.ts, row.type, bad)
    async with agent.dial() as line:
        await line.live()
        await line.say("the next one")
        await line.until(lambda: bool(line.errors))
        assert [(e.code, e.ref, e.retryable) for e in line.errors] == [
            ("invalid_data", row.id, False)
        ]
    kept = await stage.store.all("logs.quarantine_list", tenant_id="ten_a", limit=9)
    assert [it["event_id"] for it in kept] == [str(row.id)]


async def test_an_unknown_type_with_unstorable_text_is_kept_apart(stage: Stage) -> None:
    """Half a surrogate pair in a name that nobody knows harms neither database nor log."""
    agent = stage.agent()
    async with agent.dial() as line:
        await line.live()
        frame = '{"type":"\\ud800","id":"%s","seq":1,"ts":"2026-01-01T00:00:00Z","data":{}}'
        await line.send_text(frame % uuid4())
        await line.until(lambda: bool(line.errors))
        assert line.errors[0].code == "unknown_type"


async def test_a_commands_result_is_recorded(stage: Stage) -> None:
    """With its data, for whoever asked."""
    ref = uuid4()
    async with stage.agent().dial() as line:
        await line.live()
        stage.agent().write(CommandResult(ref=ref, state="done", data={"chats": 3}))
        await line.until(lambda: line.acked == 1)
    row = await stage.store.one(
        "logs.command_result", tenant_id="ten_a", agent_id="agt_a", ref=str(ref)
    )
    assert row is not None
    assert (row["state"], json.loads(row["data"])) == ("done", {"chats": 3})


async def test_typing_reaches_the_agent(stage: Stage) -> None:
    """It is passed on at once and never stored."""
    async with stage.agent().dial() as line:
        await line.live()
        registry = stage.parts.services.registry
        registry.show_typing("agt_a", "+919800000009", "919800000001@c.us", True)
        registry.show_typing("agt_nobody", "+919800000009", "919800000001@c.us", True)
        await line.until(lambda: bool(line.typing))
        assert line.typing[0].composing


async def test_two_agents_do_not_see_each_other(stage: Stage) -> None:
    """The same event id and the same chat belong to each agent and shop by itself."""
    same = UUID(int=7)
    for name in ("a", "b"):
        agent = stage.agent(name)
        async with agent.dial() as line:
            await line.live()
            agent.write(message(f"for {name}", wa_id="one"), same)
            await line.until(lambda line=line: line.acked == 1)  # type: ignore[misc] # bound at once
            assert line.errors == []


async def test_a_foreign_agent_id_closes_before_anything_changes(stage: Stage) -> None:
    """The token alone decides who speaks."""
    async with stage.agent().dial(agent_id="agt_b") as line:
        assert await line.over() == 4003
    assert await stage.status("a") == "offline"
    assert await stage.status("b") == "offline"


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ('{"type":"heartbeat","data":{}}', 4003),
        ("not json", 4003),
        (b"binary", 4003),
        ("x" * 262_145, 1009),
    ],
)
async def test_a_socket_that_begins_badly_is_closed(
    stage: Stage, frame: str | bytes, code: int
) -> None:
    """Whatever is not a hello."""
    async with stage.agent().socket() as socket:
        await socket.send(frame)
        await socket.wait_closed()
        assert socket.close_code == code


async def test_a_gap_closes_and_stores_nothing(stage: Stage) -> None:
    """Event 2 without event 1."""
    agent = stage.agent()
    async with agent.dial() as line:
        await line.live()
        row = agent.write(message("lost"))
        agent.write(message("seen"))
        frame = '{"type":"message.status","id":"%s","seq":2,"ts":"2026-01-01T00:00:00Z","data":{}}'
        await line.send_text(frame % row.id)
        agent.log.clear()
        assert await line.over() == 4004
    known = await stage.store.one(
        "logs.up_event_known", tenant_id="ten_a", agent_id="agt_a", event_id=str(row.id)
    )
    assert known is None


async def test_a_second_hello_is_a_violation(stage: Stage) -> None:
    """One hello opens a connection, another one closes it."""
    async with stage.agent().dial() as line:
        await line.live()
        await line.send_text(codec.encode(stage.agent().hello()))
        assert await line.over() == 4003


async def test_no_hello_no_connection(tmp_path: Path) -> None:
    """A socket that stays silent is closed after its time."""
    async with (
        Stage.set(tmp_path, hello_timeout_s=0.05) as stage,
        stage.running(),
        stage.agent().socket() as socket,
    ):
        await socket.wait_closed()
        assert socket.close_code == 4002


async def test_silence_closes_the_connection(tmp_path: Path) -> None:
    """Beats prove life; without them the hub closes 4008 and the agent is lost."""
    settings = {"heartbeat_interval_s": 0.05, "heartbeat_timeout_s": 0.2}
    async with Stage.set(tmp_path, **settings) as stage, stage.running():
        async with stage.agent().dial() as line:
            await line.live()
            for _ in range(8):
                await line.until(lambda n=line.beats_answered: line.beats_answered > n)  # type: ignore[misc] # bound at once
            assert await stage.status() == "online"
            assert await line.ended() == 4008
        await stage.becomes("lost")


async def test_an_order_that_nobody_acknowledges_closes_the_connection(tmp_path: Path) -> None:
    """The hub's own patience rules: 4007, and the order stays for the next connection."""
    async with (
        Stage.set(tmp_path, debounce_s=0, ack_timeout_s=0.1) as stage,
        stage.running(),
        stage.agent().dial() as line,
    ):
        await line.live()
        line.holds_acks = True
        stage.agent().write(message("hi", sent_at=Instant(stage.clock.now_ms())))
        assert await line.over() == 4007


async def test_a_token_that_runs_out_closes_its_socket(tmp_path: Path) -> None:
    """An open socket ends with its token, and the welcome said when."""
    async with Stage.set(tmp_path) as stage, stage.running():
        ends = stage.clock.now_ms() + 400
        await stage.store.write(
            lambda tx: tx._connection.execute("UPDATE agent_tokens SET expires_at = ?", (ends,))
        )
        async with stage.agent().dial() as line:
            await line.live()
            assert line.welcome is not None
            assert line.welcome.token_expires_at == Instant(ends)
            assert await line.over() == 4001


async def test_a_full_inbox_asks_for_a_pause(tmp_path: Path) -> None:
    """More unworked events than the limit: `busy` with a time, and heartbeats go on."""
    async with (
        Stage.set(tmp_path, inbox_max=2, debounce_s=30) as stage,
        stage.running(),
        stage.agent().dial() as line,
    ):
        await line.live()
        now = Instant(stage.clock.now_ms())
        for n in range(3):
            await line.say("hi", chat=f"91980000000{n}@c.us", sent_at=now)
        await line.until(lambda: bool(line.pauses))
        await line.beat()
        assert line.pauses[0] > 0
        assert line.closed is None


async def test_the_window_bounds_what_is_in_flight(tmp_path: Path) -> None:
    """An agent that takes one order at a time gets the second after it acknowledged the first."""
    async with Stage.set(tmp_path, debounce_s=0) as stage, stage.running():
        agent: Agent = stage.agent()
        async with agent.dial(window=1) as line:
            await line.live()
            line.holds_acks = True
            now = Instant(stage.clock.now_ms())
            for n in range(3):
                agent.write(message("hi", chat=f"91980000000{n}@c.us", sent_at=now))
            await line.until(lambda: len(agent.orders) == 1 and line.acked == 3)
            await line.beat()
            assert len(agent.orders) == 1
            line.holds_acks = False
            line.session.committed(1)
            await line.until(lambda: len(agent.orders) == 3)


async def test_what_cannot_be_stored_is_not_acknowledged(stage: Stage) -> None:
    """1011 and nothing of the event is kept; the agent has it still and sends it again."""
    agent = stage.agent()
    async with agent.dial() as line:
        await line.live()
        await stage.store.write(
            lambda tx: tx._connection.execute("ALTER TABLE messages RENAME TO hidden")
        )
        agent.write(message("hi"))
        assert await line.over() == 1011
        assert line.acked == 0
    await stage.store.write(
        lambda tx: tx._connection.execute("ALTER TABLE hidden RENAME TO messages")
    )
    async with agent.dial() as line:
        await line.live()
        assert line.welcome is not None
        assert line.welcome.up.seq == 0
        await line.until(lambda: line.acked == 1)


async def test_what_came_before_a_goodbye_is_kept(stage: Stage) -> None:
    """An agent need not wait for the ack: the next welcome tells it."""
    agent = stage.agent()
    async with agent.dial() as line:
        await line.live()
        row = agent.write(message("one last thing"))
        await line.send_text(codec.encode_row(row))
        line.session.close(1000, "")
        await line.until(lambda: line.closed is not None)
    await stage.becomes("offline")
    async with agent.dial() as line:
        await line.live()
        assert line.welcome is not None
        assert line.welcome.up.last_id == row.id
