"""The panel may fail to begin, and never costs the agent anything."""

import asyncio
import socket
from pathlib import Path

import httpx2
import pytest
import structlog
from msgspec.structs import replace

from agent.panel import server
from agent.panel.aside import in_thread
from agent.panel.key import panel_key
from agent.panel.server import Panel, listen
from tests.agent.panel.stage import KEY, WAIT_S, Shown, shown


def panel_on(stage: Shown, port: int, opened: list[str], changed: asyncio.Event) -> Panel:
    """The same agent's panel, on a port of the settings."""
    settings = replace(stage.sources.settings, panel_port=port)
    return Panel(replace(stage.sources, settings=settings), opened.append, changed.set)


async def test_a_taken_port_is_said_once_and_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent runs on; the panel comes when the other program has gone."""
    monkeypatch.setattr(server, "TRY_AGAIN_S", 0.01)
    opened: list[str] = []
    changed = asyncio.Event()
    other = listen(0)
    port = other.getsockname()[1]
    async with shown(tmp_path) as stage, asyncio.TaskGroup() as group:
        with structlog.testing.capture_logs() as logged:
            panel = panel_on(stage, port, opened, changed)
            task = group.create_task(panel.run())
            await asyncio.sleep(0)  # its first try
            assert (len(logged), panel.port) == (1, 0)
            other.close()
            async with asyncio.timeout(WAIT_S):
                await changed.wait()
        assert opened == [f"http://127.0.0.1:{port}/?key={panel_key(tmp_path)}"]
        assert [line for line in logged if "SAK_AGENT_PANEL_PORT" in line["event"]] == logged[:1]
        assert not [line for line in logged if panel_key(tmp_path) in str(line)]
        task.cancel()
    assert panel.port == 0


async def test_without_a_port_there_is_none(tmp_path: Path) -> None:
    """Switched off, nothing listens and no key is made."""
    async with shown(tmp_path) as stage, asyncio.TaskGroup() as group:
        panel = panel_on(stage, 0, [], asyncio.Event())
        task = group.create_task(panel.run())
        await asyncio.sleep(0)
        assert (panel.port, task.done()) == (0, False)
        task.cancel()
    assert not (tmp_path / "panel.key").exists()


async def test_two_agents_do_not_share_a_port() -> None:
    """The second one hears that the port is taken."""
    with listen(0) as first:
        with pytest.raises(OSError, match="in use"):
            listen(first.getsockname()[1])
        assert first.getsockname()[0] == "127.0.0.1"


async def test_an_end_before_the_beginning_leaves_no_socket(tmp_path: Path) -> None:
    """An agent that is stopped while it starts closes what it opened."""
    async with shown(tmp_path) as stage:
        listener = listen(0)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(stage.panel.serve(listener, KEY))
            await asyncio.sleep(0)
            task.cancel()
        assert listener.fileno() == -1


async def test_open_pages_do_not_hold_up_the_end(tmp_path: Path) -> None:
    """A browser keeps its connection; the agent ends all the same."""
    async with shown(tmp_path) as stage:
        with socket.create_connection(("127.0.0.1", stage.panel.port)) as half:
            half.sendall(b"GET / HTTP/1.1\r\nHost: ")
            async with stage.guest() as guest:
                assert (await guest.get("/")).status_code == 200
    with pytest.raises(httpx2.ConnectError):
        async with stage.client() as client:
            await client.get("/")


async def test_what_a_thread_returns_and_raises_comes_back() -> None:
    """As if it had run here."""
    assert await in_thread(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 // 0)
