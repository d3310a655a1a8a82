"""The door at /agent: who is let in, and how the others are refused."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.exceptions import InvalidStatus

from hub.store.database import Store
from hub.store.errors import StoreBusy
from hub.store.tx import Row, Tx
from tests.hub.gateway.client import Agent
from tests.hub.gateway.stage import Stage


async def refusal(agent: Agent, **options: Any) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, body and headers of an upgrade that is refused."""
    with pytest.raises(InvalidStatus) as refused:
        async with agent.socket(**options):
            pass
    response = refused.value.response
    assert response.headers["Content-Type"] == "application/problem+json"
    body = json.loads(response.body or b"")
    assert body["status"] == response.status_code
    assert body["detail"].endswith(".")
    return response.status_code, body, dict(response.headers.raw_items())


@pytest.mark.parametrize(
    "header",
    [None, "Bearer sak_a_wrong", "Bearer sak_a_" + "x" * 43, "Basic abc", "Bearer ", "Bearer é"],
)
async def test_without_a_known_token_nobody_enters(stage: Stage, header: str | None) -> None:
    """401, with the scheme that is wanted; the answer never repeats the token."""
    headers = {} if header is None else {"Authorization": header}
    status, body, sent = await refusal(stage.agent(), additional_headers=headers)
    assert status == 401
    assert sent["www-authenticate"] == "Bearer"
    assert "sak_a_" not in json.dumps(body)


async def test_a_revoked_agent_is_told_so(stage: Stage) -> None:
    """403."""
    await stage.store.write(lambda tx: tx.run("agents.revoke", agent_id="agt_a", now_ms=1))
    status, _, _ = await refusal(stage.agent())
    assert status == 403


@pytest.mark.parametrize("offered", [None, ["sak.agent.v2"], ["chat"]])
async def test_another_subprotocol_is_not_spoken(stage: Stage, offered: list[str] | None) -> None:
    """400, and the body lists what is."""
    status, body, _ = await refusal(stage.agent(), subprotocols=offered)
    assert status == 400
    assert body["supported"] == ["sak.agent.v1"]


async def test_the_version_is_chosen_among_several(stage: Stage) -> None:
    """An agent may offer a later one, too; deflate is never agreed on."""
    offered = ["sak.agent.v2", "sak.agent.v1"]
    async with stage.agent().socket(subprotocols=offered, compression="deflate") as socket:
        assert socket.subprotocol == "sak.agent.v1"
        assert socket.response is not None
        assert "Sec-WebSocket-Extensions" not in socket.response.headers
        assert "Server" not in socket.response.headers


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_without_an_upgrade_there_is_nothing_here(stage: Stage, method: str) -> None:
    """426, which says what to do."""
    async with httpx2.AsyncClient(trust_env=False) as client:
        response = await client.request(method, f"{stage.http_url}/agent")
    assert response.status_code == 426
    assert response.headers["Upgrade"] == "websocket"
    assert "sak.agent.v1" in response.json()["detail"]


async def test_an_address_that_is_refused_too_often_has_to_wait(tmp_path: Path) -> None:
    """Then even a good token gets 429 and the seconds to wait."""
    async with Stage.set(tmp_path, refusals_per_min=2) as stage, stage.running():
        for _ in range(2):
            status, _, _ = await refusal(stage.agent(), additional_headers={})
            assert status == 401
        status, body, sent = await refusal(stage.agent())
        assert status == 429
        assert 0 < body["retry_after_s"] <= 60
        assert 1 <= int(sent["retry-after"]) <= 60


async def test_an_agent_that_connects_too_often_has_to_wait(tmp_path: Path) -> None:
    """429 after so many accepted upgrades a minute; other agents are not concerned."""
    async with Stage.set(tmp_path, connects_per_min=2) as stage, stage.running():
        for _ in range(2):
            async with stage.agent("a").socket():
                pass
        status, body, _ = await refusal(stage.agent("a"))
        assert (status, body["retry_after_s"] > 0) == (429, True)
        async with stage.agent("b").socket():
            pass


async def test_the_checks_come_in_their_order(tmp_path: Path) -> None:
    """Token before subprotocol, subprotocol before the agent's limit."""
    async with Stage.set(tmp_path, connects_per_min=1) as stage, stage.running():
        async with stage.agent().socket():
            pass
        status, _, _ = await refusal(stage.agent(), additional_headers={}, subprotocols=["x"])
        assert status == 401
        status, _, _ = await refusal(stage.agent(), subprotocols=["x"])
        assert status == 400


async def test_a_database_that_does_not_answer_is_no_verdict_on_the_token(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 with the time to come back, for which an agent waits; not a server's bare 500."""
    one = Store.one

    async def held(store: Store, query: str, /, **params: Any) -> Row | None:
        if query == "tokens.by_hash":
            raise StoreBusy("The database is held by another process.")
        return await one(store, query, **params)

    monkeypatch.setattr(Store, "one", held)
    status, body, sent = await refusal(stage.agent())
    assert (status, body["type"], sent["retry-after"]) == (503, "urn:sak:problem:store", "5")


async def test_a_full_hub_sends_newcomers_away(tmp_path: Path) -> None:
    """1013 after the upgrade; a place that becomes free is taken again."""
    async with Stage.set(tmp_path, connections_max=1) as stage, stage.running():
        async with stage.agent("a").dial() as line:
            await line.live()
            async with stage.agent("b").socket() as socket:
                await socket.wait_closed()
                assert socket.close_code == 1013
            await line.stop()
        await stage.becomes("offline", "a")
        async with stage.agent("b").dial() as line:
            await line.live()


async def test_a_revoked_agents_socket_is_closed(stage: Stage) -> None:
    """By another process' word, within a second: 4500, and the agent is blocked for good."""

    def revoke(tx: Tx) -> None:
        tx.run("agents.revoke", agent_id="agt_a", now_ms=1)

    async with stage.agent("a").dial() as line, stage.agent("b").dial() as other:
        await line.live()
        await other.live()
        await stage.store.write(revoke)
        assert await line.over() == 4500
        await other.beat()
    await stage.becomes("blocked", "a")
    history = await stage.store.read(
        lambda tx: [
            (row["from_status"], row["to_status"], row["reason"])
            for row in tx._connection.execute(
                "SELECT * FROM agent_status_history WHERE agent_id = 'agt_a' ORDER BY id"
            )
        ]
    )
    assert history == [("offline", "online", "welcomed"), ("online", "blocked", "revoked")]


async def test_a_revoked_agent_has_to_go_even_if_the_store_is_held(stage: Stage) -> None:
    """4500 all the same, and the hub does not end over it."""
    async with stage.agent("a").dial() as line, stage.agent("b").dial() as other:
        await line.live()
        await other.live()
        with stage.held(1) as left:
            await stage.store.write(lambda tx: tx.run("agents.revoke", agent_id="agt_a", now_ms=1))
            assert await line.over() == 4500
            await other.beat()
        assert left == [0]
