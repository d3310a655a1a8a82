"""Rules of SPEC.md that only show on a real socket."""

from pathlib import Path

import httpx2
import pytest
from websockets.exceptions import InvalidStatus

from tests.hub.gateway.stage import Stage


async def test_text_that_is_no_utf_8_closes_1007(stage: Stage) -> None:
    """The websocket layer's own code; the hub stays."""
    async with stage.agent().socket() as socket:
        await socket.send(b'{"type":"\xff"}', text=True)
        await socket.wait_closed()
        assert socket.close_code == 1007
    async with stage.agent().dial() as line:
        await line.live()


async def test_a_socket_outlives_the_rotation_of_its_token(stage: Stage) -> None:
    """The old token opens nothing any more, what it has opened goes on."""
    agent = stage.agent()
    async with agent.dial() as line, httpx2.AsyncClient(trust_env=False) as client:
        await line.live()
        url = f"{stage.http_url}/agent/token"
        old = {"Authorization": f"Bearer {agent.token}"}
        new = (await client.post(url, headers=old)).json()["token"]
        used = await client.post(url, headers={"Authorization": f"Bearer {new}"})
        assert used.status_code == 201
        assert (await client.post(url, headers=old)).status_code == 401
        await line.beat()
        await line.say("hi")


@pytest.mark.parametrize(("behind_proxy", "status"), [(False, 429), (True, 401)])
async def test_a_proxys_header_counts_only_under_its_setting(
    tmp_path: Path, *, behind_proxy: bool, status: int
) -> None:
    """Otherwise nobody can pretend to call from elsewhere."""
    async with (
        Stage.set(tmp_path, refusals_per_min=1, behind_proxy=behind_proxy) as stage,
        stage.running(),
    ):
        answers = []
        for address in ("192.0.2.1", "192.0.2.2"):
            headers = {"X-Forwarded-For": address}
            with pytest.raises(InvalidStatus) as refused:
                async with stage.agent().socket(additional_headers=headers):
                    pass
            answers.append(refused.value.response.status_code)
        assert answers == [401, status]


async def test_a_caller_behind_the_proxy_cannot_choose_an_address(tmp_path: Path) -> None:
    """The entry that the proxy appended counts, not what a caller wrote in front of it."""
    async with (
        Stage.set(tmp_path, refusals_per_min=1, behind_proxy=True) as stage,
        stage.running(),
    ):
        answers = []
        for forged in ("203.0.113.1", "203.0.113.2"):
            headers = {"X-Forwarded-For": f"{forged}, 192.0.2.1"}
            with pytest.raises(InvalidStatus) as refused:
                async with stage.agent().socket(additional_headers=headers):
                    pass
            answers.append(refused.value.response.status_code)
        assert answers == [401, 429]
