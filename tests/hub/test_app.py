"""The hub's life: it starts, says so, asks its agents to leave, and ends."""

import asyncio
import os
import signal
import socket
import sqlite3
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.exceptions import InvalidStatus

from hub.app import Hub, _serve_signalled, listen
from hub.assistant.engine import Engine
from hub.clock import SystemClock
from hub.settings import Settings, SettingsError
from hub.store.database import Store
from hub.store.errors import StoreFull
from protocol import codec
from tests.hub.gateway.client import Agent, Dialled, message
from tests.hub.gateway.stage import Parrot, Stage
from tests.hub.process import HubProcess, refused, serving

RSS_KIB_MAX = 80 * 1024


async def get(hub: HubProcess, path: str) -> httpx2.Response:
    async with httpx2.AsyncClient(trust_env=False) as client:
        return await client.get(f"http://127.0.0.1:{hub.port}{path}")


async def agent_of(folder: Path, hub: HubProcess) -> Agent:
    """The agent of a shop in the hub's database."""
    async with Stage.set(folder) as stage:
        return Agent(f"ws://127.0.0.1:{hub.port}/agent", stage.tokens["a"], "agt_a")


def rows(folder: Path, sql: str) -> list[Any]:
    connection = sqlite3.connect(folder / "hub.db")
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


async def test_a_hub_listens_and_is_small(tmp_path: Path) -> None:
    """Ready, healthy, under 80 MiB, and gone with code 0 as soon as it is told to."""
    async with serving(tmp_path) as hub:
        assert (await get(hub, "/healthz")).status_code == 200
        assert (await get(hub, "/readyz")).json() == {"ready": True, "reasons": []}
        assert (await get(hub, "/nowhere")).status_code == 404
        assert hub.resident_kib() < RSS_KIB_MAX
        hub.signal(signal.SIGTERM)
        assert await hub.code() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stopping_hub_asks_its_agents_to_leave(
    tmp_path: Path, number: signal.Signals
) -> None:
    """Each gets its window; until it goes, what it had sent is still committed and acknowledged."""
    async with serving(tmp_path, drain_deadline_s=60, drain_reconnect_max_s=9) as hub:
        agent = await agent_of(tmp_path, hub)
        async with agent.dial() as line:
            await line.live()
            hub.signal(number)
            await hub.logs("hub_draining")
            assert (await get(hub, "/readyz")).status_code == 503
            with pytest.raises(InvalidStatus) as turned_away:
                async with agent.socket():
                    pass
            assert turned_away.value.response.status_code == 503
            assert int(turned_away.value.response.headers["Retry-After"]) > 0
            await line.send_text(codec.encode_row(agent.write(message("under way"))))
            await line.until(lambda: bool(line.drains))
            assert await line.over() == 4000
            drain = line.drains[0].drain
            assert 0 <= drain.reconnect_min_s < drain.reconnect_max_s <= 9
            assert drain.deadline_s == 60
        assert await hub.code() == 0
    assert rows(tmp_path, "SELECT status FROM agent_status WHERE agent_id = 'agt_a'") == [
        ("online",)
    ]
    assert rows(tmp_path, "SELECT seq FROM up_positions") == [(1,)]


async def straggler(agent: Agent) -> Dialled:
    """A connection whose agent reads nothing more."""
    line = agent.dial()
    await line.__aenter__()
    return await line.live()


async def test_a_straggler_is_closed_at_the_deadline(tmp_path: Path) -> None:
    """With 1012, and the hub ends."""
    async with serving(tmp_path, drain_deadline_s=0.2) as hub:
        line = await straggler(await agent_of(tmp_path, hub))
        hub.signal(signal.SIGTERM)
        assert await hub.code() == 0
        assert await line.ended() == 1012


async def test_a_second_signal_stops_at_once(tmp_path: Path) -> None:
    """Whoever is in a hurry does not wait for the deadline."""
    async with serving(tmp_path, drain_deadline_s=600) as hub:
        line = await straggler(await agent_of(tmp_path, hub))
        hub.signal(signal.SIGTERM)
        await hub.logs("hub_draining")
        hub.signal(signal.SIGTERM)
        assert await hub.code() == 0
        await line.__aexit__()


async def test_a_killed_hub_forgets_nothing_it_acknowledged(tmp_path: Path) -> None:
    """After kill -9 the next hub welcomes the agent at the acknowledged position."""
    async with serving(tmp_path) as hub:
        agent = await agent_of(tmp_path, hub)
        async with agent.dial() as line:
            await line.live()
            row = await line.say("hi")
            hub.signal(signal.SIGKILL)
            assert await hub.code() == -signal.SIGKILL
    async with serving(tmp_path) as hub:
        agent.url = f"ws://127.0.0.1:{hub.port}/agent"
        async with agent.dial() as line:
            await line.live()
            assert line.welcome is not None
            assert (line.welcome.up.seq, line.welcome.up.last_id) == (1, row.id)


async def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    """Exit code 2, the remedy, and no database was made."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, errors = await refused(tmp_path, port=port)
    assert code == 2
    assert f"Port {port} on 127.0.0.1 is taken" in errors
    assert "Traceback" not in errors
    assert await asyncio.to_thread(os.listdir, tmp_path) == []


async def test_a_damaged_database_is_one_sentence(tmp_path: Path) -> None:
    """Exit code 2 and the remedy; the file is as it was."""
    (tmp_path / "hub.db").write_bytes(b"this is no database at all" * 100)
    code, errors = await refused(tmp_path, port=0)
    assert code == 2
    assert "damaged" in errors
    assert "Traceback" not in errors
    assert (tmp_path / "hub.db").read_bytes() == b"this is no database at all" * 100


async def test_a_database_that_fails_later_is_one_sentence_too(tmp_path: Path) -> None:
    """It may open and yet refuse to be written: what a worker's group holds comes out alone."""

    def engine(_: Store) -> Engine:
        raise StoreFull("The disk that holds the database is full.")

    settings = Settings(port=0, database_url=f"sqlite:///{tmp_path}/hub.db")
    hub = Hub(settings, SystemClock(), listen("127.0.0.1", 0), engine)
    with pytest.raises(StoreFull):
        await _serve_signalled(hub)
    hub._listener.close()


def test_an_address_of_another_machine_is_refused() -> None:
    """One sentence that names the setting."""
    with pytest.raises(SettingsError, match="SAK_HUB_HOST"):
        listen("192.0.2.1", 0)


async def test_a_dead_worker_ends_the_hub(tmp_path: Path) -> None:
    """No server stays up with its workers gone."""
    async with Stage.set(tmp_path) as stage:
        hub = Hub(stage.settings, stage.clock, listen("127.0.0.1", 0), lambda _: Parrot())
        await stage.store.write(lambda tx: tx._connection.execute("DROP TABLE turns"))
        with pytest.raises(BaseExceptionGroup) as ended:
            await asyncio.wait_for(hub.run(), 10)
        assert ended.group_contains(sqlite3.OperationalError)


async def test_before_the_database_is_open_everything_says_so(tmp_path: Path) -> None:
    """While the hub migrates it lives, but is not ready: 503 with the time to come back."""
    settings = Settings(port=0, database_url=f"sqlite:///{tmp_path}/hub.db")
    hub = Hub(settings, SystemClock(), listen("127.0.0.1", 0), lambda _: Parrot())
    transport = httpx2.ASGITransport(app=hub.front)
    async with httpx2.AsyncClient(transport=transport, base_url="http://hub") as client:
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/readyz")).status_code == 503
        for path in ("/agent", "/agent/pair", "/api/desktop-agent/status/x"):
            answer = await client.get(path)
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) > 0
    hub._listener.close()


async def test_a_second_hub_on_the_same_database_is_refused(tmp_path: Path) -> None:
    """It would fence the first one's agents; the sentence says what to stop."""
    async with serving(tmp_path):
        code, errors = await refused(tmp_path, port=0)
    assert code == 2
    assert "Another hub already serves this database" in errors


async def test_small_frames_are_not_held_back_on_any_loop() -> None:
    """Asyncio's own loop sets the option only on sockets that name their protocol."""
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
