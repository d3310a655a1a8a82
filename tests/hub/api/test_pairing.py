"""POST /agent/pair and POST /agent/token over HTTP."""

import json
from typing import Any

import httpx2
import pytest

from hub.api.pairing import socket_url
from tests.hub.api.conftest import Hub
from tests.hub.shops import add_agent, invite

DEVICE = {"name": "Counter PC", "os": "Test OS 1", "version": "1.0"}


async def pair(hub: Hub, code: str, client: httpx2.AsyncClient | None = None) -> httpx2.Response:
    return await (client or hub.client).post("/agent/pair", json={"code": code, "device": DEVICE})


def problem_of(answer: httpx2.Response) -> dict[str, Any]:
    """The body of a refusal, after a look at what every refusal has."""
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == answer.status_code
    assert body["type"].startswith("urn:sak:problem:")
    assert body["title"]
    assert body["detail"]
    return body


async def test_a_good_code_gives_an_agent_its_token(hub: Hub) -> None:
    """201 with exactly the fields of the protocol, never kept by a cache."""
    answer = await pair(hub, await invite(hub.store, hub.clock))
    body = answer.json()
    assert answer.status_code == 201
    assert set(body) == {"agent_id", "tenant_id", "token", "socket_url"}
    assert (body["tenant_id"], body["socket_url"]) == ("ten_a", "ws://hub.test/agent")
    assert body["token"].startswith("sak_a_")
    assert len(body["token"]) == len("sak_a_") + 43
    assert answer.headers["cache-control"] == "no-store"


async def test_a_time_to_live_is_told(hub: Hub) -> None:
    """With a token TTL, pairing and renewal carry when the token ends."""
    hub.serve(ttl_s=1.5)
    paired = (await pair(hub, await invite(hub.store, hub.clock))).json()
    assert paired["expires_at"] == "2027-01-15T08:00:01.500Z"
    headers = {"Authorization": f"Bearer {paired['token']}"}
    renewed = (await hub.client.post("/agent/token", headers=headers)).json()
    assert renewed["expires_at"] == "2027-01-15T08:00:01.500Z"


@pytest.mark.parametrize(
    ("base", "socket"),
    [
        ("https://shop.example", "wss://shop.example/agent"),
        ("http://shop.example:8080/", "ws://shop.example:8080/agent"),
        ("https://shop.example/hub/", "wss://shop.example/hub/agent"),
    ],
)
def test_the_socket_has_the_security_of_its_base(base: str, socket: str) -> None:
    """Http leads to ws and https to wss; a path in front is kept."""
    assert socket_url(base) == socket


async def test_the_public_url_decides_where_the_socket_is(hub: Hub) -> None:
    """Behind a proxy the setting counts; without it, where the request came to."""
    secure = hub.seen_as("192.0.2.1", "https://direct.example")
    direct = await pair(hub, await invite(hub.store, hub.clock), secure)
    assert direct.json()["socket_url"] == "wss://direct.example/agent"
    hub.serve(public_url="https://shop.example")
    public = await pair(hub, await invite(hub.store, hub.clock))
    assert public.json()["socket_url"] == "wss://shop.example/agent"


async def test_unknown_and_spent_codes(hub: Hub) -> None:
    """404 for what was never offered or cannot be a code, 410 for a spent one."""
    code = await invite(hub.store, hub.clock)
    await pair(hub, code)
    answers = [await pair(hub, text) for text in ("0000-0000", "", "no code", code)]
    assert [problem_of(answer)["status"] for answer in answers] == [404, 404, 404, 410]


async def test_the_sixth_try_waits(hub: Hub) -> None:
    """After five wrong tries 429 with Retry-After, for any request of that address."""
    for _ in range(5):
        await pair(hub, "0000-0000")
    hub.clock.advance(0.5)
    held = await pair(hub, await invite(hub.store, hub.clock))
    assert problem_of(held)["retry_after_s"] == 59.5
    assert (held.status_code, held.headers["retry-after"]) == (429, "60")
    unsound = await hub.client.post("/agent/pair", content=b"{")
    assert unsound.status_code == 429
    other = await pair(hub, await invite(hub.store, hub.clock), hub.seen_as("192.0.2.2"))
    assert other.status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 50_000,
        b'{"code":"0000-0000"}',
        b'{"code":1,"device":{"name":"a","os":"b","version":"c"}}',
        b'{"code":"0000-0000","device":{"name":"a","os":"b"}}',
        b'{"code":"0000-0000","device":{"name":"a","os":"b","version":null}}',
        b'{"code":"0000-0000","device":{"name":"\\ud800","os":"b","version":"c"}}',
        json.dumps({"code": "0", "device": {**DEVICE, "name": "x" * 201}}).encode(),
    ],
)
async def test_a_malformed_body_is_422_and_no_try(hub: Hub, body: bytes) -> None:
    """What is not the call's JSON is told so, and never counts as a guess."""
    for _ in range(6):
        answer = await hub.client.post("/agent/pair", content=body)
        assert problem_of(answer)["status"] == 422


async def test_device_fields_may_have_two_hundred_characters(hub: Hub) -> None:
    """Characters, not bytes; unknown fields are ignored."""
    device = {"name": "द" * 200, "os": "b", "version": "", "colour": "blue"}
    code = await invite(hub.store, hub.clock)
    body = {"code": code, "device": device, "more": 1}
    assert (await hub.client.post("/agent/pair", json=body)).status_code == 201


async def test_a_body_over_the_limit_is_413(hub: Hub) -> None:
    """Nobody makes the hub hold a large body."""
    answer = await hub.client.post("/agent/pair", content=b" " * 65_537)
    assert problem_of(answer)["status"] == 413


async def test_a_token_renews_itself(hub: Hub) -> None:
    """201 with a token that works, after which the old one is 401."""
    old = {"Authorization": f"Bearer {await add_agent(hub.store, hub.clock)}"}
    answer = await hub.client.post("/agent/token", headers=old)
    assert answer.status_code == 201
    assert set(answer.json()) == {"token"}
    new = {"Authorization": f"Bearer {answer.json()['token']}"}
    assert (await hub.client.post("/agent/token", headers=new)).status_code == 201
    assert (await hub.client.post("/agent/token", headers=old)).status_code == 401


async def test_renewal_without_a_good_token(hub: Hub) -> None:
    """401 names the scheme; a revoked agent gets 403."""
    missing = await hub.client.post("/agent/token")
    assert problem_of(missing)["status"] == 401
    assert missing.headers["www-authenticate"] == "Bearer"
    token = await add_agent(hub.store, hub.clock)
    await hub.store.write(lambda tx: tx.run("agents.revoke", agent_id="agt_a", now_ms=1))
    headers = {"Authorization": f"Bearer {token}"}
    assert problem_of(await hub.client.post("/agent/token", headers=headers))["status"] == 403


async def test_wrong_addresses_and_methods_are_problems_too(hub: Hub) -> None:
    """Starlette's own refusals have the same form."""
    assert problem_of(await hub.client.get("/nowhere"))["status"] == 404
    wrong = await hub.client.get("/agent/pair")
    assert problem_of(wrong)["status"] == 405
    assert wrong.headers["allow"] == "POST"
