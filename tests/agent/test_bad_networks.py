"""Networks that are in the way of the hub: their pages, their proxies, and their short patience."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from msgspec.structs import replace

from agent.clock import SystemClock
from agent.journal import FILE_NAME, Journal
from agent.link import Phase
from agent.practice.cable import Cable
from tests.agent.linked import SETTINGS, Stage, pair
from tests.agent.scripted_hub import WAIT_S, ScriptedHub, scripted_hub

PAGE = "<!doctype html><title>Welcome to our WiFi</title>"
TRIES = 6


def answers(status: str, *headers: str, body: str = PAGE) -> bytes:
    """What a network says of its own to every address."""
    head = (f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}")
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()


@asynccontextmanager
async def network(answer: bytes, port: int = 0) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that has one answer for all; its port, and the requests that came."""
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    async with server:
        yield server.sockets[0].getsockname()[1], requests


@asynccontextmanager
async def linked(tmp_path: Path, socket_url: str, **settings: Any) -> AsyncIterator[Stage]:
    """A link that is told this address of its hub."""
    journal = await Journal.open(tmp_path / FILE_NAME, SystemClock())
    await pair(journal, socket_url)
    yield Stage(ScriptedHub(), journal, replace(SETTINGS, **settings))
    await journal.close()


@pytest.mark.parametrize(
    "answer",
    [
        answers("200 OK", "Content-Type: text/html"),
        answers("200 OK"),
        answers("302 Found", "Location: http://login.example/", body=""),
        answers("302 Found", "Location: /login", body=""),
        answers("511 Network Authentication Required", "Content-Type: text/html"),
        answers("404 Not Found", "Content-Type: text/html", "Content-Type: text/plain"),
    ],
)
async def test_a_networks_log_in_page_is_said_and_waited_for(tmp_path: Path, answer: bytes) -> None:
    """Nothing is lost, no redirect is followed, and once the hub is there all goes on."""
    async with scripted_hub() as hub:
        url = hub.url
    port = urlsplit(url).port
    assert port is not None
    async with linked(tmp_path, url, backoff_max_s=0.2) as stage:
        await stage.told("A1")
        async with stage.running():
            async with network(answer, port) as (_, requests), asyncio.timeout(WAIT_S):
                for _ in range(TRIES):
                    await stage.waits.acquire()
                assert len(requests) == TRIES
            assert all("log in to the network" in why for why in stage.reasons(Phase.WAITING))
            async with scripted_hub(port, stage.hub):
                await stage.hub.until(lambda: stage.heard() == ["A1"])


async def test_a_page_that_forbids_is_no_word_of_the_hub(tmp_path: Path) -> None:
    """403 with a web page comes from a proxy: nobody is told to pair again; the pause is long."""
    async with network(answers("403 Forbidden", "Content-Type: text/html")) as (port, requests):
        async with linked(tmp_path, f"ws://127.0.0.1:{port}/agent") as stage, stage.running():
            await stage.refused.acquire()
        assert len(requests) == 1
        assert "log in to the network" in stage.reasons(Phase.REFUSED)[0]


@pytest.mark.parametrize("status", ["403 Forbidden", "407 Proxy Authentication Required", "405 No"])
async def test_a_proxy_that_refuses_the_way_is_said(tmp_path: Path, status: str) -> None:
    """It takes no CONNECT: the sentence names the setting, and the tries go on."""
    async with network(answers(status, "Content-Type: text/html")) as (port, requests):
        proxy = f"http://127.0.0.1:{port}"
        async with linked(tmp_path, "ws://hub.example/agent", proxy=proxy) as stage:
            await stage.told("A1")
            async with stage.running(), asyncio.timeout(WAIT_S):
                for _ in range(3):
                    await stage.waits.acquire()
            assert (await stage.journal.facts()).outbox == 1
    assert requests[0].startswith(b"CONNECT hub.example:80")
    why = stage.reasons(Phase.WAITING)[0]
    assert f"({status[:3]})" in why
    assert "SAK_AGENT_PROXY" in why


def own_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate that nobody vouches for, and its key."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    made = ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt"]
    made += ["ec_paramgen_curve:P-256", "-subj", "/CN=hub.example", "-days", "1"]
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate with")
async def test_a_certificate_that_is_not_accepted_points_to_the_clock(tmp_path: Path) -> None:
    """So a clock that is a year off looks, and a network that reads along: both are said."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*await asyncio.to_thread(own_certificate, tmp_path))
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=tls)
    async with server:
        url = f"wss://127.0.0.1:{server.sockets[0].getsockname()[1]}/agent"
        async with linked(tmp_path, url) as stage, stage.running(), asyncio.timeout(WAIT_S):
            await stage.waits.acquire()
        assert "date and time" in stage.reasons(Phase.WAITING)[0]


async def test_a_server_that_speaks_no_http_is_waited_for(tmp_path: Path) -> None:
    """Somebody else's program listens there: tries with pauses, and a sentence."""
    async with network(b"220 mail.example ESMTP\r\n") as (port, requests):
        url = f"ws://127.0.0.1:{port}/agent"
        async with linked(tmp_path, url) as stage, stage.running(), asyncio.timeout(WAIT_S):
            for _ in range(3):
                await stage.waits.acquire()
        assert len(requests) <= 4
        assert "cannot be reached" in stage.reasons(Phase.WAITING)[0]


async def test_a_proxy_that_cuts_every_connection_costs_nothing(tmp_path: Path) -> None:
    """A minute is scaled to a third of a second: each message is told once, and in order."""
    names = [f"A{n:02d}" for n in range(12)]
    async with scripted_hub() as hub:
        async with Cable(urlsplit(hub.url).port or 0).running() as cable:
            url = f"ws://127.0.0.1:{cable.port}/agent"
            async with linked(tmp_path, url, backoff_max_s=0.05) as stage:
                stage.hub = hub
                async with stage.running():
                    for number, name in enumerate(names):
                        await stage.told(name)
                        if number % 3 == 2:
                            await cut(cable, hub)
                    await hub.until(lambda: stage.heard() == names)
        assert len(hub.hellos) == 5


async def cut(cable: Cable, hub: ScriptedHub) -> None:
    """Let the proxy's patience end, a third of a second after the connection began."""
    seen = len(hub.hellos)
    await asyncio.sleep(0.3)
    cable.pull()
    cable.plug_in()
    await hub.until(lambda: len(hub.hellos) > max(seen, 1))
