"""Whatever an agent sends, the hub names it with a code, goes on, and serves the others."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from protocol import codec
from protocol.messages import Heartbeat
from tests.hub.gateway.client import READY, Agent, Dialled, message
from tests.hub.gateway.stage import Stage

CODES = {1002, 1007, 1009, 4003, 4004, 4006}
"""What bad frames may lead to: the websocket's own codes, then the protocol's."""

VALID: list[dict[str, Any]] = [
    {"type": "heartbeat", "data": {"n": 1, "status": json.loads(codec._encoder.encode(READY))}},
    {"type": "ack", "data": {"seq": 0}},
    {
        "type": "typing",
        "data": {"account": "+919800000009", "chat": "919800000001@c.us", "composing": True},
    },
    {
        "type": "error",
        "data": {"code": "busy", "message": "", "retryable": True, "retry_after_s": 0},
    },
    {"type": "a later one", "data": None},
    {
        "type": "message.received",
        "id": str(uuid4()),
        "seq": 1,
        "ts": "2026-01-01T00:00:00Z",
        "data": json.loads(codec.encode_data(message("hi"))),
    },
    {
        "type": "message.status",
        "id": str(uuid4()),
        "seq": 1,
        "ts": "2026-01-01T00:00:00.000Z",
        "data": {"ref": str(uuid4()), "state": "sent"},
    },
    {
        "type": "command.result",
        "id": str(uuid4()),
        "seq": 2,
        "ts": "2026-01-01T00:00:00.000Z",
        "data": {"ref": str(uuid4()), "state": "done", "data": {"deep": [1, {"er": None}]}},
    },
]

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["\ud800", "\0", "hello", "9999-12-31T23:59:59Z", [], {}, [[[]]]]),
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A valid frame with one value replaced or left out, somewhere."""
    frame = json.loads(json.dumps(draw(st.sampled_from(VALID))))
    at = frame
    while True:
        name = draw(st.sampled_from(sorted(at)))
        if not isinstance(at[name], dict) or not at[name] or draw(st.booleans()):
            break
        at = at[name]
    if draw(st.booleans()):
        at[name] = draw(ODD)
    else:
        del at[name]
    return json.dumps(frame)


@st.composite
def torn(draw: st.DrawFn) -> str:
    """A valid frame's text with a piece cut out and another put in."""
    text = json.dumps(draw(st.sampled_from(VALID)))
    start, end = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    return text[:start] + draw(st.text(max_size=5)) + text[end:]


FRAMES = st.lists(
    st.one_of(
        mutated(),
        torn(),
        st.sampled_from(VALID).map(json.dumps),
        st.text(max_size=200),
        st.binary(max_size=200),
        st.tuples(st.binary(max_size=50)),  # as a text frame
        st.integers(60, 3000).map("[".__mul__),
    ),
    min_size=1,
    max_size=6,
)


@pytest.fixture
async def others(tmp_path: Path) -> AsyncIterator[tuple[Stage, Dialled]]:
    """A hub, and the live connection of an agent that does nothing wrong."""
    generous = {"connects_per_min": 1e6, "refusals_per_min": 1e6}
    async with AsyncExitStack() as stack:
        stage = await stack.enter_async_context(Stage.set(tmp_path, **generous))
        await stack.enter_async_context(stage.running())
        line = await stack.enter_async_context(stage.agent("b").dial())
        await line.live()
        yield stage, line


async def send(socket: ClientConnection, frame: str | bytes | tuple[bytes]) -> None:
    if isinstance(frame, tuple):
        await socket.send(frame[0], text=True)
    else:
        await socket.send(frame)


async def end_of(socket: ClientConnection) -> int | None:
    """The code with which the hub closes, None when it answers a heartbeat instead."""
    beat = codec.encode(Heartbeat(n=424_242, status=READY))
    try:
        await socket.send(beat)
        while '"n":424242' not in str(await socket.recv()):
            pass
    except ConnectionClosed:
        return socket.close_code
    return None


def newborn(agent: Agent) -> str:
    """A hello that begins a new log."""
    agent.epoch, agent.log = uuid4().hex, []
    return codec.encode(agent.hello())


ONE_HUB = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@ONE_HUB
@given(frames=FRAMES)
async def test_bad_frames_from_a_live_agent(
    others: tuple[Stage, Dialled], frames: list[Any]
) -> None:
    """After a sound hello: a code that the protocol names, or business as usual."""
    stage, line = others
    agent = stage.agent("a")
    async with agent.socket() as socket:
        await socket.send(newborn(agent))
        with suppress(ConnectionClosed):
            for frame in frames:
                await send(socket, frame)
        assert await end_of(socket) in CODES | {None}
    await line.beat()


@ONE_HUB
@given(frames=FRAMES)
async def test_bad_frames_instead_of_a_hello(
    others: tuple[Stage, Dialled], frames: list[Any]
) -> None:
    """Nobody is live without one."""
    stage, line = others
    async with stage.agent("a").socket() as socket:
        with suppress(ConnectionClosed):
            for frame in frames:
                await send(socket, frame)
        assert await end_of(socket) in CODES
    await line.beat()


@ONE_HUB
@given(noise=st.binary(min_size=1, max_size=300))
async def test_noise_below_the_frames(others: tuple[Stage, Dialled], noise: bytes) -> None:
    """Bytes that are no websocket frames at all, then the end of the connection."""
    stage, line = others
    agent = stage.agent("a")
    async with agent.socket() as socket:
        await socket.send(newborn(agent))
        socket.transport.write(noise)
        await line.beat()
        socket.transport.abort()
    await line.beat()


@ONE_HUB
@given(mutation=st.tuples(st.sampled_from(["window", "conn_no", "up", "down", "status"]), ODD))
async def test_bad_hellos(others: tuple[Stage, Dialled], mutation: tuple[str, Any]) -> None:
    """A hello that does not decode closes 4003 before anything changes."""
    stage, line = others
    agent = stage.agent("a")
    hello = json.loads(newborn(agent))
    hello["data"][mutation[0]] = mutation[1]
    async with agent.socket() as socket:
        await socket.send(json.dumps(hello))
        assert await end_of(socket) in CODES | {None}
    await line.beat()
