"""Many frames at once: each is answered, nobody else waits, and no timer stumbles over them."""

import asyncio
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from hub.clock import SystemClock
from hub.store.database import Store
from protocol import codec
from protocol.messages import Ack, Error, Heartbeat, HeartbeatAck
from tests.hub.gateway.client import Agent
from tests.hub.gateway.stage import Stage
from tests.hub.process import serving
from tests.hub.shops import add_agent, add_shop

BEATS = 1500  # more answers than the hub lets wait


def beats(agent: Agent, count: int) -> list[str]:
    return [codec.encode(Heartbeat(n=n, status=agent.status)) for n in range(count)]


async def answers(socket: ClientConnection, count: int) -> list[int]:
    """The numbers of the heartbeats that were answered."""
    numbers: list[int] = []
    async with asyncio.timeout(20):
        while len(numbers) < count:
            frame = codec.decode(str(await socket.recv()))
            if isinstance(frame, HeartbeatAck):
                numbers.append(frame.n)
    return numbers


async def test_a_flood_of_heartbeats_is_answered_to_the_last(tmp_path: Path) -> None:
    """Heartbeats and acks are never limited: the hub reads on when its answers got away."""
    async with Stage.set(tmp_path) as stage, stage.running():
        agent = stage.agent()
        async with agent.socket() as socket:
            await socket.send(codec.encode(agent.hello()))
            await socket.recv()
            for frame in beats(agent, BEATS):
                await socket.send(frame)
                await socket.send(codec.encode(Ack(seq=0)))
            assert await answers(socket, BEATS) == list(range(BEATS))


async def test_a_pause_of_no_time_at_all_does_not_trip_the_alarm(tmp_path: Path) -> None:
    """With uvloop a timer that is due within the millisecond is an object of another kind."""
    clock = SystemClock()
    async with Store.open(f"sqlite:///{tmp_path}/hub.db", clock) as store:
        await add_shop(store, clock)
        token = await add_agent(store, clock)
    async with serving(tmp_path) as hub:
        agent = Agent(f"ws://127.0.0.1:{hub.port}/agent", token, "agt_a")
        async with agent.socket() as socket:
            await socket.send(codec.encode(agent.hello()))
            await socket.recv()
            for pause_s in (0.0, 0.0001, 0.0004, 0.001):
                busy = Error(code="busy", message="m", retryable=True, retry_after_s=pause_s)
                burst = [codec.encode(busy), *beats(agent, 20)]
                socket.transport.writelines([_framed(frame) for frame in burst])
                assert await answers(socket, 20) == list(range(20))


def _framed(text: str) -> bytes:
    """A masked websocket text frame with a mask of zeros, so that several fit into one write."""
    payload = text.encode()
    assert 126 <= len(payload) < 65_536 or len(payload) < 126
    if len(payload) < 126:
        return bytes([0x81, 0x80 | len(payload)]) + bytes(4) + payload
    return bytes([0x81, 0x80 | 126]) + len(payload).to_bytes(2, "big") + bytes(4) + payload


async def test_a_revoked_agent_is_expelled_before_its_hello(tmp_path: Path) -> None:
    """The right to connect ends for every socket of the agent, welcomed or not."""
    async with Stage.set(tmp_path) as stage, stage.running():
        async with stage.agent().socket() as socket:
            now = stage.clock.now_ms()
            await stage.store.write(
                lambda tx: tx.run("agents.revoke", agent_id="agt_a", now_ms=now)
            )
            with pytest.raises(ConnectionClosedError) as ended:
                async with asyncio.timeout(10):
                    await socket.recv()
        assert ended.value.rcvd is not None
        assert ended.value.rcvd.code == 4500


@pytest.mark.parametrize("path", ["/agent/", "/other", "/healthz", "/agent/pair"])
async def test_a_websocket_at_another_address_is_not_found(tmp_path: Path, path: str) -> None:
    """404 with the remedy: a 403 would tell an agent that it was revoked."""
    async with Stage.set(tmp_path) as stage, stage.running():
        agent = stage.agent()
        agent.url = agent.url.removesuffix("/agent") + path
        with pytest.raises(InvalidStatus) as refused:
            async with agent.socket():
                pass
        assert refused.value.response.status_code == 404
        assert b"/agent" in refused.value.response.body
