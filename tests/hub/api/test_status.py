"""GET /api/desktop-agent/status/{tenant}."""

import httpx2
import pytest

from hub.gateway.tokens import hash_secret
from tests.hub.api.conftest import Hub
from tests.hub.shops import add_agent, add_shop

URL = "/api/desktop-agent/status/"


async def add_key(hub: Hub, digit: str, tenant_id: str | None) -> str:
    """An operator's key."""
    key = "sak_k_" + digit * 43
    await hub.store.write(
        lambda tx: tx.run(
            "keys.insert",
            key_hash=hash_secret(key),
            key_id=f"key_{digit}",
            name=f"key {digit}",
            tenant_id=tenant_id,
            created_at=hub.clock.now_ms(),
        )
    )
    return key


async def ask(hub: Hub, tenant: str, secret: str | None) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    return await hub.client.get(URL + tenant, headers=headers)


async def test_the_status_table_as_an_operator_sees_it(hub: Hub) -> None:
    """Exactly the protocol's fields; what is not known yet is null, `account` is absent."""
    await add_agent(hub.store, hub.clock)
    answer = await ask(hub, "ten_a", await add_key(hub, "1", None))
    assert answer.status_code == 200
    assert answer.json() == {
        "tenant_id": "ten_a",
        "agents": [
            {
                "agent_id": "agt_a",
                "status": "offline",
                "since": "2027-01-15T08:00:00.000Z",
                "last_seen": None,
                "whatsapp": None,
            }
        ],
    }


async def test_a_tenant_without_agents_has_an_empty_table(hub: Hub) -> None:
    """No agent is no error."""
    answer = await ask(hub, "ten_a", await add_key(hub, "1", None))
    assert answer.json() == {"tenant_id": "ten_a", "agents": []}


@pytest.mark.parametrize("name", ["Shop/B 50%", "द دكان"])
async def test_the_name_is_as_good_as_the_id(hub: Hub, name: str) -> None:
    """A tenant's name, whatever its characters, leads to the same answer."""
    await add_shop(hub.store, hub.clock, "ten_b", name)
    key = await add_key(hub, "1", None)
    by_name = await hub.client.get(
        httpx2.URL("http://hub.test").copy_with(path=URL + name),
        headers={"Authorization": f"Bearer {key}"},
    )
    assert by_name.json() == {"tenant_id": "ten_b", "agents": []}


async def test_who_may_see_what(hub: Hub) -> None:
    """A key or a token of the tenant sees it; another tenant looks like none at all."""
    await add_shop(hub.store, hub.clock, "ten_b", "Shop B")
    token = await add_agent(hub.store, hub.clock)
    of_all, of_a = await add_key(hub, "1", None), await add_key(hub, "2", "ten_a")
    seen = {
        name: [(await ask(hub, tenant, secret)).status_code for tenant in ("ten_a", "ten_b", "x")]
        for name, secret in {"all": of_all, "a": of_a, "token": token}.items()
    }
    assert seen == {"all": [200, 200, 404], "a": [200, 404, 404], "token": [200, 404, 404]}
    foreign, missing = await ask(hub, "ten_b", of_a), await ask(hub, "x", of_a)
    assert foreign.content == missing.content


@pytest.mark.parametrize("secret", [None, "x", "sak_k_", "sak_k_" + "9" * 43, "sak_a_" + "9" * 43])
async def test_strangers_get_401(hub: Hub, secret: str | None) -> None:
    """Without a valid credential not even a tenant's existence is told."""
    for tenant in ("ten_a", "x"):
        answer = await ask(hub, tenant, secret)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_revoked_key_and_a_revoked_agent_see_nothing(hub: Hub) -> None:
    """A revoked key is unknown, a revoked agent is told so, and shows as blocked."""
    key, other = await add_key(hub, "1", None), await add_key(hub, "2", None)
    token = await add_agent(hub.store, hub.clock)
    await hub.store.write(lambda tx: tx.run("keys.revoke", key_id="key_1", now_ms=1))
    await hub.store.write(lambda tx: tx.run("agents.revoke", agent_id="agt_a", now_ms=1))
    assert (await ask(hub, "ten_a", key)).status_code == 401
    assert (await ask(hub, "ten_a", token)).status_code == 403
    (agent,) = (await ask(hub, "ten_a", other)).json()["agents"]
    assert agent["status"] == "blocked"
