"""Nobody speaks with the panel but a browser on this PC that was given the key."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio

from tests.agent.panel.stage import KEY, Shown, shown

STATE = "/api/state"
PAUSE = "/api/pause"


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shown]:
    async with shown(tmp_path_factory.mktemp("panel")) as stage:
        yield stage


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def _resumed(stage: Shown) -> None:
    """Each test finds the agent at work."""
    await stage.journal.set_paused(paused=False)


@pytest.mark.parametrize("path", ["/", STATE, "/api/log", "/panel.js", "/no/such/page"])
async def test_without_the_key_nothing_is_told(stage: Shown, path: str) -> None:
    """Another program or another user's browser gets a page that says how to open it."""
    async with stage.client() as client:
        answer = await client.get(path)
    assert answer.status_code == 401
    assert "sak-agent panel" in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("key", ["", "wrong", KEY[:-1], KEY + "k", KEY.upper(), "ключ", "%00"])
async def test_a_wrong_key_lets_nobody_in(stage: Shown, key: str) -> None:
    """Only the whole key opens, and the answer to a wrong one tells nothing."""
    async with stage.client() as client:
        answer = await client.get("/", params={"key": key})
        assert (answer.status_code, answer.headers.get("set-cookie")) == (401, None)
        assert (await client.get(STATE)).status_code == 401


async def test_the_key_is_exchanged_for_a_pass_and_leaves_the_address(stage: Shown) -> None:
    """The cookie is out of reach of scripts and other sites, and is not the key itself."""
    async with stage.client() as client:
        answer = await client.get("/", params={"key": KEY})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert KEY not in cookie
        assert (await client.get("/")).status_code == 200
        assert (await client.get(STATE)).status_code == 200


async def test_a_pass_of_another_agent_is_none(stage: Shown) -> None:
    """Two agents on one PC share the browser's cookies, and neither opens the other."""
    async with stage.client() as client:
        client.cookies.set(f"sak_panel_{stage.panel.port}", "0" * 64, domain="127.0.0.1")
        assert (await client.get(STATE)).status_code == 401


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1",
     "127.0.0.1.evil.example:{port}", "localhost.evil.example:{port}", "[::1]:{port}",
     "0.0.0.0:{port}", ""],
)  # fmt: skip
async def test_a_foreign_host_name_is_refused(stage: Shown, host: str) -> None:
    """A name that an attacker points at this PC (DNS rebinding) reaches nothing, key or not."""
    name = host.format(port=stage.panel.port)
    async with stage.guest() as guest:
        for path in ("/", f"/?key={KEY}", STATE):
            answer = await guest.get(path, headers={"host": name})
            assert (answer.status_code, answer.headers.get("set-cookie")) == (403, None)
        answer = await guest.post(PAUSE, json={"paused": True}, headers={"host": name})
    assert answer.status_code == 403
    assert not await stage.journal.paused()


async def test_localhost_is_this_computer_too(stage: Shown) -> None:
    """People type it; its page has its own origin."""
    name = f"localhost:{stage.panel.port}"
    async with stage.guest() as guest:
        headers = {"host": name, "origin": f"http://{name}"}
        answer = await guest.post(PAUSE, json={"paused": True}, headers=headers)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "origin",
    [None, "null", "https://evil.example", "http://127.0.0.1", "http://127.0.0.1:1",
     "http://localhost:{port}", "https://127.0.0.1:{port}", "http://127.0.0.1:{port}.evil.example"],
)  # fmt: skip
async def test_another_sites_page_cannot_do_anything(stage: Shown, origin: str | None) -> None:
    """A forged form with the browser's own cookie changes nothing (CSRF)."""
    async with stage.guest() as guest:
        del guest.headers["origin"]
        headers = {} if origin is None else {"origin": origin.format(port=stage.panel.port)}
        for path in (PAUSE, "/api/check", "/api/mend", "/api/calm"):
            answer = await guest.post(path, json={"paused": True}, headers=headers)
            assert answer.status_code == 403
    assert not await stage.journal.paused()


async def test_another_sites_script_reads_nothing(stage: Shown) -> None:
    """A request that names a foreign origin is refused even when it only reads; no CORS."""
    async with stage.guest() as guest:
        answer = await guest.get(STATE, headers={"origin": "https://evil.example"})
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "TRACE", "PATCH"])
async def test_other_methods_are_refused(stage: Shown, method: str) -> None:
    """Nothing answers a preflight."""
    async with stage.guest() as guest:
        assert (await guest.request(method, STATE)).status_code == 405


@pytest.mark.parametrize("path", ["/", STATE, "/panel.css", "/panel.js", "/nothing", "/?key=wrong"])
async def test_every_answer_binds_the_browser(stage: Shown, path: str) -> None:
    """No frame, no inline script, nothing from elsewhere, nothing kept; refusals too."""

    def check(answer: httpx2.Response) -> None:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "server" not in answer.headers

    async with stage.guest() as guest, stage.client() as stranger:
        check(await guest.get(path))
        check(await stranger.get(path))
        check(await stranger.get(path, headers={"host": "evil.example"}))


async def test_only_this_computer_can_connect(stage: Shown) -> None:
    """The socket is bound to the loopback address, whatever a firewall does."""
    server = stage.panel
    assert stage.base == f"http://127.0.0.1:{server.port}"
    async with httpx2.AsyncClient() as client:
        with pytest.raises(httpx2.ConnectError):
            await client.get(f"http://127.0.0.2:{server.port}/")


async def test_the_page_names_no_other_site() -> None:
    """What is served holds no address of elsewhere and no script or style in the page itself."""
    folder = Path(__file__).parents[3] / "agent" / "panel"
    for path in (*folder.glob("*.html"), *folder.glob("*.css"), *folder.glob("*.js")):
        text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "://" not in text, path.name
        assert "style=" not in text, path.name
        assert "innerHTML" not in text, path.name
