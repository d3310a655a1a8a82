import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from agent.journal import FILE_NAME, Identity, Journal
from agent.pairing import (
    Device,
    PairingError,
    check_address,
    check_socket,
    keep_token_fresh,
    pair,
    proxy_for,
    rotate,
)
from agent.settings import Settings
from protocol.messages import Instant, Position
from tests.agent.socks import HUB, SocksProxy, forget_proxies, socks_proxy
from tests.agent.stage import NOW_MS, welcome
from tests.fakes import FakeClock

DEVICE = Device(name="Counter PC", os="Linux", version="1.0")
PAIRED = {
    "agent_id": "a1",
    "tenant_id": "t1",
    "token": "sak_a_first",
    "socket_url": "ws://127.0.0.1:9/agent",
}
Call = tuple[str, dict[str, str], bytes]


class Desk:
    """An HTTP server with one prepared answer after the other; the last one stays."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.calls: list[Call] = []
        self.called = asyncio.Semaphore(0)

    def answer(self, status: int, body: Any = None, **headers: str) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.append((status, names, raw))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        fields = (line.split(": ", 1) for line in head[1:] if line)
        headers = {name.lower(): value for name, value in fields}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.calls.append((head[0].split(" ")[1], headers, body))
        status, more, raw = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(raw)}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in more.items()]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + raw)
        await writer.drain()
        writer.close()
        self.called.release()


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    server = await asyncio.start_server(desk.serve, "127.0.0.1", 0)
    async with server:
        desk.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield desk


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW_MS)


@pytest.fixture
async def journal(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Journal]:
    journal = await Journal.open(tmp_path / FILE_NAME, clock)
    yield journal
    await journal.close()


Pair = Callable[..., Awaitable[object]]


@pytest.fixture
def redeem(journal: Journal, clock: FakeClock) -> Pair:
    async def redeem(url: str, settings: Settings | None = None) -> object:
        return await pair(
            url,
            "ABCD-EFGH",
            device=DEVICE,
            settings=settings or Settings(open_timeout_s=5),
            journal=journal,
            clock=clock,
        )

    return redeem


# --- pairing -------------------------------------------------------------------------------------


async def test_a_good_code_makes_this_pc_an_agent(
    desk: Desk, journal: Journal, redeem: Pair
) -> None:
    """The call is what the protocol says, and the identity is on disk when it returns."""
    desk.answer(201, PAIRED | {"expires_at": str(Instant(NOW_MS + 1000))})
    await redeem(desk.url + "/")
    ((path, headers, body),) = desk.calls
    assert path == "/agent/pair"
    assert json.loads(body) == {
        "code": "ABCD-EFGH",
        "device": {"name": "Counter PC", "os": "Linux", "version": "1.0"},
    }
    assert headers["user-agent"].startswith("sak-agent/")
    assert await journal.identity() == Identity(
        hub_url=desk.url,
        socket_url="ws://127.0.0.1:9/agent",
        agent_id="a1",
        tenant_id="t1",
        token="sak_a_first",
        token_since_ms=NOW_MS,
        token_expires_ms=NOW_MS + 1000,
        paired_ms=NOW_MS,
    )


@pytest.mark.parametrize(
    ("date", "paired_ms"),
    [
        ("Sun, 15 Jun 2025 15:06:40 GMT", NOW_MS),  # as exact as its own clock, which goes on
        ("Sat, 14 Jun 2025 15:06:40 GMT", NOW_MS - 86_400_000),
        ("Mon, 16 Jun 2025 15:06:40 GMT", NOW_MS + 86_400_000),
        ("yesterday", NOW_MS),
    ],
)
async def test_a_pairing_is_dated_by_the_hub(
    desk: Desk, journal: Journal, redeem: Pair, date: str, paired_ms: int
) -> None:
    """Else a clock that was a day ahead would keep searches from finding anything for a day."""
    desk.answer(201, PAIRED, Date=date)
    await redeem(desk.url)
    identity = await journal.identity()
    assert identity is not None
    assert identity.paired_ms == paired_ms


PROBLEM = {"Content_Type": "application/problem+json"}


@pytest.mark.parametrize(
    ("status", "headers", "sentence"),
    [
        (404, PROBLEM, "does not know this code"),
        (404, {}, "answered 404 instead of pairing"),
        (410, PROBLEM, "used already or is too old"),
        (422, PROBLEM, "bring sak-agent to the hub's version"),
        (429, PROBLEM | {"Retry_After": "37"}, "try again in 37 seconds"),
        (429, PROBLEM, "try again in 60 seconds"),
        (302, {"Location": "http://127.0.0.1:1/"}, "answered 302"),
        (500, {}, "answered 500: try again in a minute"),
    ],
)
async def test_each_refusal_has_its_sentence(
    desk: Desk,
    journal: Journal,
    redeem: Pair,
    status: int,
    headers: dict[str, str],
    sentence: str,
) -> None:
    """It says what to do, and nothing is changed; redirects are not followed."""
    desk.answer(status, {}, **headers)
    with pytest.raises(PairingError, match=sentence):
        await redeem(desk.url)
    assert await journal.identity() is None
    assert len(desk.calls) == 1


@pytest.mark.parametrize(
    "body",
    [b"<html>welcome</html>", {"agent_id": "a1"}, PAIRED | {"expires_at": "soon"}],
    ids=["page", "incomplete", "bad time"],
)
async def test_an_address_that_is_no_hub_is_told(
    desk: Desk, journal: Journal, redeem: Pair, body: Any
) -> None:
    """A web site that answers 201 to everything is not taken for a hub."""
    desk.answer(201, body)
    with pytest.raises(PairingError, match="does not answer like a hub"):
        await redeem(desk.url)
    assert await journal.identity() is None


async def test_an_unreachable_hub_is_told(redeem: Pair) -> None:
    """Nobody listens on port 1."""
    with pytest.raises(PairingError, match="cannot be reached"):
        await redeem("http://127.0.0.1:1")


async def test_a_hub_without_tls_is_told_from_one_out_of_reach(redeem: Pair) -> None:
    """https:// typed for http:// is the commonest slip with a hub on this machine."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(PairingError, match="does not speak TLS"):
            await redeem(f"https://127.0.0.1:{port}")


async def test_a_socket_elsewhere_without_tls_is_refused(
    desk: Desk, journal: Journal, redeem: Pair
) -> None:
    """The hub's answer cannot make us send the token in the clear over a network."""
    desk.answer(201, PAIRED | {"socket_url": "ws://hub.example/agent"})
    with pytest.raises(PairingError, match="has no TLS"):
        await redeem(desk.url)
    assert await journal.identity() is None


@pytest.mark.parametrize(
    "url",
    [
        "hub.example",
        "ftp://hub.example",
        "https://",
        "wss://hub.example",
        "https://hub.example:99999",
        "https://[::1",
        "https://hub.example?code=1",
        "https://me:hunter2@hub.example",
    ],
)
async def test_what_is_no_address_is_refused(redeem: Pair, url: str) -> None:
    """The sentence shows how an address looks, and no password that stood in the wrong one."""
    with pytest.raises(PairingError, match=r"like https://hub\.example") as caught:
        await redeem(url)
    assert "hunter2" not in str(caught.value)


async def test_a_path_that_a_hub_does_not_have_is_no_wrong_code(desk: Desk, redeem: Pair) -> None:
    """Who typed more than the hub's address is not sent to look for another code."""
    body = {"type": "urn:sak:problem:not-found", "status": 404}
    desk.answer(404, body, **PROBLEM)
    with pytest.raises(PairingError, match="check the hub's address"):
        await redeem(f"{desk.url}/agent/pair")


async def test_a_kind_of_proxy_that_is_not_known_is_told(redeem: Pair) -> None:
    """The sentence names the setting, whoever set the proxy."""
    settings = Settings(proxy="socks4://127.0.0.1:1")
    with pytest.raises(PairingError, match="SAK_AGENT_PROXY"):
        await redeem("https://hub.example", settings)


def test_tls_is_needed_beyond_this_machine() -> None:
    """Plain addresses are for this machine, or for a network that the owner trusts by name."""
    for url in ("https://hub.example", "http://127.0.0.1:8080", "http://localhost"):
        check_address(url, "http", Settings())
    with pytest.raises(PairingError, match="SAK_AGENT_PLAIN_HUB"):
        check_address("http://hub.example", "http", Settings())
    check_address("http://hub.example", "http", Settings(plain_hub=True))


def test_a_hub_with_tls_has_a_socket_with_tls() -> None:
    """A hub behind a proxy that does not know its own address is told how to learn it."""
    check_socket("https://hub.example", "wss://hub.example/agent", Settings())
    with pytest.raises(PairingError, match="SAK_HUB_PUBLIC_URL"):
        check_socket("https://hub.example", "ws://hub.example/agent", Settings(plain_hub=True))


def test_the_proxy_is_the_settings_the_systems_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine is never reached through a proxy."""
    forget_proxies(monkeypatch)
    proxy = "http://proxy.example:3128"
    assert proxy_for("wss://hub.example", Settings()) is None
    assert proxy_for("wss://hub.example", Settings(proxy=proxy)) == proxy
    monkeypatch.setenv("ALL_PROXY", "http://other.example:3128")
    assert proxy_for("wss://hub.example", Settings()) == "http://other.example:3128"
    assert proxy_for("wss://hub.example", Settings(proxy=proxy)) == proxy
    assert proxy_for("wss://hub.example", Settings(proxy="none")) is None
    assert proxy_for("ws://127.0.0.1:80", Settings(proxy=proxy)) is None


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("ALL_PROXY", "socks5://proxy.example:1080", "socks5h://proxy.example:1080"),
        ("SOCKS_PROXY", "http://proxy.example:1080", "socks5h://proxy.example:1080"),
        ("SOCKS_PROXY", "proxy.example:1080", "socks5h://proxy.example:1080"),
        ("HTTPS_PROXY", "proxy.example:3128", "http://proxy.example:3128"),
        ("HTTP_PROXY", "http://proxy.example:3128", None),
    ],
)
def test_calls_and_socket_take_the_same_way(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, expected: str | None
) -> None:
    """However the system writes its proxy down, what pairs through it also stays connected."""
    forget_proxies(monkeypatch)
    monkeypatch.setenv(variable, value)
    for url in ("https://hub.example", "wss://hub.example/agent"):
        assert proxy_for(url, Settings()) == expected
    monkeypatch.setenv("NO_PROXY", "hub.example")
    assert proxy_for("https://hub.example", Settings()) is None


# --- through a SOCKS proxy -----------------------------------------------------------------------

BEHIND_PROXY = Settings(plain_hub=True, open_timeout_s=5)


@pytest.fixture
def socks(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[SocksProxy]:
    """The only way to the desk, which is a hub with a name then."""
    forget_proxies(monkeypatch)
    with socks_proxy() as proxy:
        proxy.leads_to = int(desk.url.rpartition(":")[2])
        desk.url = f"http://{HUB}"
        yield proxy


@pytest.mark.parametrize("by", ["setting", "system"])
async def test_pairing_and_rotation_go_through_a_socks_proxy(
    desk: Desk,
    journal: Journal,
    redeem: Pair,
    socks: SocksProxy,
    monkeypatch: pytest.MonkeyPatch,
    by: str,
) -> None:
    """The proxy is asked for the hub by its name: the PC may be unable to look it up."""
    settings = BEHIND_PROXY
    if by == "setting":
        settings = replace(settings, proxy=socks.url)
    else:
        monkeypatch.setenv("ALL_PROXY", socks.url)
    desk.answer(201, PAIRED)
    desk.answer(201, {"token": "sak_a_second"})
    await redeem(desk.url, settings)
    identity = await journal.identity()
    assert identity is not None
    await rotate(identity, settings, journal)
    assert [call[0] for call in desk.calls] == ["/agent/pair", "/agent/token"]
    assert socks.asked == [HUB, HUB]


async def test_what_is_no_socks_proxy_is_told(desk: Desk, redeem: Pair) -> None:
    """The sentence has the proxy in it; a socket left open would fail the suite."""
    desk.answer(400)
    proxy = desk.url.replace("http", "socks5")
    with pytest.raises(PairingError, match="the network and the proxy"):
        await redeem(f"http://{HUB}", replace(BEHIND_PROXY, proxy=proxy, open_timeout_s=0.5))


# --- rotation ------------------------------------------------------------------------------------


async def save(journal: Journal, desk: Desk, expires_ms: int | None) -> Identity:
    await journal.save_identity(
        hub_url=desk.url,
        socket_url="ws://127.0.0.1:9/agent",
        agent_id="a1",
        tenant_id="t1",
        token="sak_a_first",
        token_expires_ms=expires_ms,
    )
    identity = await journal.identity()
    assert identity is not None
    return identity


async def test_a_rotated_token_is_kept(desk: Desk, journal: Journal) -> None:
    """The old token makes the call, the new one is on disk when it returns."""
    identity = await save(journal, desk, None)
    desk.answer(201, {"token": "sak_a_second"})
    await rotate(identity, Settings(), journal)
    assert desk.calls[0][0] == "/agent/token"
    assert desk.calls[0][1]["authorization"] == "Bearer sak_a_first"
    identity_now = await journal.identity()
    assert identity_now is not None
    assert identity_now.token == "sak_a_second"


async def test_a_refused_rotation_keeps_the_old_token(desk: Desk, journal: Journal) -> None:
    """A hub that is being restored may refuse; the token in use is not thrown away."""
    identity = await save(journal, desk, None)
    desk.answer(401, {})
    with pytest.raises(PairingError, match="401"):
        await rotate(identity, Settings(), journal)
    assert await journal.identity() == identity


@asynccontextmanager
async def keeping(journal: Journal) -> AsyncIterator[None]:
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        task = group.create_task(keep_token_fresh(Settings(), journal))
        yield
        task.cancel()


async def test_a_token_is_rotated_at_half_its_life(
    desk: Desk, journal: Journal, clock: FakeClock
) -> None:
    """Past the half it is rotated at once; the new one has its own half life."""
    await save(journal, desk, NOW_MS + 10_000)
    clock.advance(5.1)
    desk.answer(201, {"token": "sak_a_second", "expires_at": str(Instant(NOW_MS + 20_000_000))})
    async with keeping(journal):
        await desk.called.acquire()
    assert len(desk.calls) == 1


async def test_a_failed_rotation_is_tried_again(
    desk: Desk, journal: Journal, clock: FakeClock
) -> None:
    """The hub answers 500 once; a second later it is asked again."""
    await save(journal, desk, NOW_MS + 4000)
    clock.advance(3.9)
    desk.answer(500, {})
    desk.answer(201, {"token": "sak_a_second"})
    async with keeping(journal):
        await desk.called.acquire()
        await desk.called.acquire()
    assert [call[1]["authorization"] for call in desk.calls] == ["Bearer sak_a_first"] * 2


async def test_tokens_that_are_born_old_are_not_asked_for_in_a_circle(
    desk: Desk, journal: Journal
) -> None:
    """A hub whose tokens expire at once is asked once a second, not as fast as it answers."""
    began = time.monotonic()
    await save(journal, desk, NOW_MS - 1)
    for _ in range(2):
        desk.answer(201, {"token": "sak_a_second", "expires_at": str(Instant(NOW_MS - 1))})
    async with keeping(journal):
        await desk.called.acquire()
        await desk.called.acquire()
    assert time.monotonic() - began >= 0.9


@pytest.mark.parametrize("ahead_s", [-90_000, 90_000])
async def test_half_of_a_life_is_measured_on_the_hubs_clock(
    desk: Desk, journal: Journal, clock: FakeClock, ahead_s: int
) -> None:
    """A PC whose clock is a day off neither rotates all the time nor lets its token expire."""
    hub_ms = NOW_MS + ahead_s * 1000
    await save(journal, desk, None)
    own = await journal.own_log()
    position = Position(epoch=own.epoch, seq=0)
    assert await journal.reconcile(welcome(position, hub_ms=hub_ms))
    await journal.save_token("a1", "sak_a_first", hub_ms + 10_000)
    clock.advance(4.9)
    async with keeping(journal):
        await asyncio.sleep(0)
    assert desk.calls == []
    clock.advance(0.2)
    desk.answer(201, {"token": "sak_a_second"})
    async with keeping(journal):
        await desk.called.acquire()


async def test_the_pairings_token_begins_at_the_latest_with_the_welcome(
    desk: Desk, journal: Journal
) -> None:
    """Paired by a clock that is ahead of the hub's, its life has begun all the same."""
    hub_ms = NOW_MS - 90_000_000
    await save(journal, desk, hub_ms + 10_000)
    own = await journal.own_log()
    position = Position(epoch=own.epoch, seq=0)
    assert await journal.reconcile(welcome(position, hub_ms=hub_ms))
    await journal.note_token_expiry(hub_ms + 10_000)
    identity = await journal.identity()
    assert identity is not None
    assert (identity.token_since_ms, identity.token_expires_ms) == (hub_ms, hub_ms + 10_000)


async def test_a_token_for_ever_is_left_alone(desk: Desk, journal: Journal) -> None:
    """Without an expiry the hub is never asked."""
    await save(journal, desk, None)
    async with keeping(journal):
        await asyncio.sleep(0)
    assert desk.calls == []
