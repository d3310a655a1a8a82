import asyncio
import time
from pathlib import Path
from uuid import UUID

import pytest
from msgspec.structs import replace
from websockets.asyncio.server import ServerConnection, serve

from agent.clock import SystemClock
from agent.journal import FILE_NAME, Journal
from agent.link import Phase
from agent.settings import Settings
from tests.agent.linked import SETTINGS, Stage, frames, pair, with_settings
from tests.agent.scripted_hub import WAIT_S, ScriptedHub, scripted_hub
from tests.agent.socks import HUB, forget_proxies, socks_proxy

# --- opening -------------------------------------------------------------------------------------


async def test_the_upgrade_is_what_the_protocol_asks_for(stage: Stage) -> None:
    """Bearer token, subprotocol, our name; no compression and no token in the address."""
    async with stage.running():
        await stage.online()
    request = stage.hub.requests[0]
    assert request.path == "/agent"
    assert request.headers["Authorization"] == "Bearer sak_a_first"
    assert request.headers["Sec-WebSocket-Protocol"] == "sak.agent.v1"
    assert request.headers["User-Agent"].startswith("sak-agent/")
    assert "Sec-WebSocket-Extensions" not in request.headers


async def test_the_socket_goes_through_the_systems_socks_proxy(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ALL_PROXY holds for the socket as it does for pairing; the proxy looks the name up."""
    forget_proxies(monkeypatch)
    port = int(stage.hub.url.rpartition(":")[2].partition("/")[0])
    await pair(stage.journal, f"ws://{HUB}/agent")
    with socks_proxy() as proxy:
        proxy.leads_to = port
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        async with stage.running():
            await stage.online()
        assert proxy.asked == [HUB]


async def test_the_hello_names_who_and_where(stage: Stage) -> None:
    """Agent, process, rising number and both positions."""
    await stage.told("A1", "A2")
    async with stage.running():
        await stage.online()
    (hello,) = stage.hub.hellos
    own = await stage.journal.own_log()
    assert (hello.agent_id, hello.instance_id, hello.conn_no) == ("a1", UUID(int=7), 1)
    assert (hello.up.epoch, hello.up.head, hello.down.epoch) == (own.epoch, 2, None)
    assert stage.heard() == ["A1", "A2"]


@with_settings(welcome_timeout_s=0.2)
async def test_nothing_is_sent_before_the_welcome(stage: Stage) -> None:
    """C01: a hub that withholds its welcome gets a hello, no event, and then 4008."""
    stage.hub.welcomes = False
    await stage.told("A1")
    async with stage.running():
        await stage.hub.until(lambda: stage.hub.closes != [])
    assert stage.hub.closes[0] == 4008
    assert frames(stage.hub.peers[0].frames) == ["hello"]


@with_settings(open_timeout_s=0.2)
async def test_a_server_that_never_answers_is_left(tmp_path: Path, settings: Settings) -> None:
    """A connection that does not come about in time counts as a failure."""
    calls: list[float] = []

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(time.monotonic())
        second.set() if len(calls) > 1 else None
        await reader.read()
        writer.close()

    second = asyncio.Event()
    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    journal = await Journal.open(tmp_path / FILE_NAME, SystemClock())
    await pair(journal, f"ws://127.0.0.1:{port}/agent")
    stage = Stage(ScriptedHub(), journal, settings)
    async with server, stage.running():
        async with asyncio.timeout(WAIT_S):
            await second.wait()
    assert stage.link.status.phase is Phase.STOPPED
    await journal.close()


async def test_stopping_while_the_hub_does_not_answer_is_quick(tmp_path: Path) -> None:
    """A stop does not wait for the end of the time in which a connection may open."""

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        called.set()
        await reader.read()
        writer.close()

    called = asyncio.Event()
    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    journal = await Journal.open(tmp_path / FILE_NAME, SystemClock())
    await pair(journal, f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/agent")
    stage = Stage(ScriptedHub(), journal, replace(SETTINGS, open_timeout_s=300))
    async with server, stage.running():
        await called.wait()
    await journal.close()


async def test_an_unreachable_hub_is_tried_again(tmp_path: Path) -> None:
    """C13: nobody listens; when the hub comes up at the same address, nothing is lost."""
    async with scripted_hub() as hub:
        url = hub.url
    port = int(url.split(":")[2].split("/")[0])
    journal = await Journal.open(tmp_path / FILE_NAME, SystemClock())
    await pair(journal, url)
    stage = Stage(ScriptedHub(), journal, SETTINGS)
    await stage.told("A1")
    async with stage.running():
        async with asyncio.timeout(WAIT_S):
            for _ in range(3):
                await stage.waits.acquire()
        async with scripted_hub(port, stage.hub):
            await stage.hub.until(lambda: stage.heard() == ["A1"])
    await journal.close()


# --- refusals ------------------------------------------------------------------------------------


async def test_refusals_leave_the_outbox_intact(stage: Stage) -> None:
    """C13: ten times 503, then the events arrive, once each."""
    stage.hub.refusals = [(503, {"Retry-After": "0"})] * 10
    await stage.told("A1", "A2")
    async with stage.running():
        await stage.hub.until(lambda: len(stage.hub.received) == 2)
    assert len(stage.hub.requests) == 11
    assert stage.heard() == ["A1", "A2"]


@pytest.mark.parametrize(
    ("status", "sentence"),
    [(400, "does not speak"), (401, "sak-agent pair"), (403, "revoked")],
)
async def test_a_refused_agent_waits_and_says_why(stage: Stage, status: int, sentence: str) -> None:
    """400, 401 and 403 mean a long pause, and a sentence for the person who can act."""
    stage.hub.refusals = [(status, {})]
    async with stage.running():
        await stage.hub.until(lambda: len(stage.hub.requests) == 1)
        began = time.monotonic()
        await stage.hub.until(lambda: len(stage.hub.requests) == 2)
        assert time.monotonic() - began > 0.5
    assert sentence in stage.reasons(Phase.REFUSED)[0]


async def test_a_pause_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    """A proxy may add its own Retry-After to the hub's: the first counts, nothing breaks."""
    asked = asyncio.Semaphore(0)

    async def busy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        named = b"Retry-After: 0\r\nRetry-After: 50\r\n"
        writer.write(b"HTTP/1.1 503 Busy\r\n" + named + b"Content-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()
        asked.release()

    server = await asyncio.start_server(busy, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    journal = await Journal.open(tmp_path / FILE_NAME, SystemClock())
    await pair(journal, f"ws://127.0.0.1:{port}/agent")
    stage = Stage(ScriptedHub(), journal, SETTINGS)
    async with server, stage.running():
        await asked.acquire()
        await asked.acquire()
    await journal.close()


@with_settings(stopped_retry_s=3600)
async def test_a_new_pairing_ends_the_pause(stage: Stage) -> None:
    """A PC that was refused is back seconds after it was paired anew, without a restart."""
    stage.hub.refusals = [(401, {})]
    async with stage.running():
        await stage.hub.until(lambda: len(stage.hub.requests) == 1)
        await pair(stage.journal, stage.hub.url, "sak_a_second")
        await stage.online()
    assert stage.hub.requests[-1].headers["Authorization"] == "Bearer sak_a_second"


async def test_a_server_without_our_subprotocol_is_no_hub(tmp_path: Path) -> None:
    """It accepts everything and is left at once, for a long pause."""

    async def accept(socket: ServerConnection) -> None:
        await socket.wait_closed()

    journal = await Journal.open(tmp_path / FILE_NAME, SystemClock())
    async with serve(accept, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        await pair(journal, f"ws://127.0.0.1:{port}/agent")
        stage = Stage(ScriptedHub(), journal, SETTINGS)
        async with stage.running():
            await stage.refused.acquire()
    assert "update it" in stage.reasons(Phase.REFUSED)[0]
    await journal.close()


async def test_an_unpaired_link_waits_for_its_pairing(tmp_path: Path) -> None:
    """It says so, and connects as soon as the command line has paired the PC."""
    journal = await Journal.open(tmp_path / FILE_NAME, SystemClock())
    async with scripted_hub() as hub:
        stage = Stage(hub, journal, SETTINGS)
        async with stage.running():
            await stage.refused.acquire()
            await pair(journal, hub.url)
            await stage.online()
    assert "not paired" in stage.reasons(Phase.REFUSED)[0]
    await journal.close()
