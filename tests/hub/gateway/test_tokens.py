"""Agents' tokens: who is let in, and how one token takes over from another."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.gateway import tokens
from hub.gateway.tokens import AgentIdentity, IssuedToken, Refused
from hub.store.database import Store
from tests.fakes import FakeClock
from tests.hub.shops import add_agent, add_shop


class Door:
    """A hub's door with one paired agent, whose token is `first`."""

    def __init__(self, store: Store, clock: FakeClock, first: str) -> None:
        self.store = store
        self.clock = clock
        self.first = first

    async def enter(self, token: str) -> AgentIdentity | Refused:
        return await tokens.authenticate(self.store, f"Bearer {token}", self.clock.now_ms())

    async def rotate(self, token: str, ttl_s: float | None = None) -> str:
        now_ms = self.clock.now_ms()
        issued = await tokens.rotate(self.store, f"Bearer {token}", now_ms, ttl_s)
        assert isinstance(issued, IssuedToken)
        return issued.token


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    clock = FakeClock()
    async with Store.open(f"sqlite:///{tmp_path}/hub.db", clock) as store:
        await add_shop(store, clock)
        yield Door(store, clock, await add_agent(store, clock))


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer a b"])
async def test_no_bearer_credential_is_401(door: Door, header: str | None) -> None:
    """A missing header, another scheme or an empty credential is told to send a token."""
    outcome = await tokens.authenticate(door.store, header, door.clock.now_ms())
    assert outcome == tokens.MISSING


@pytest.mark.parametrize(
    "token", ["x", "sak_a_", "sak_a_" + "A" * 43, "sak_k_" + "A" * 43, "sak_a_" + "é" * 43]
)
async def test_an_unknown_token_is_401(door: Door, token: str) -> None:
    """What was never issued, in whatever form, opens nothing."""
    assert await door.enter(token) == tokens.UNKNOWN


async def test_a_token_speaks_for_its_agent(door: Door) -> None:
    """The identity comes from the token alone; the scheme's case does not matter."""
    outcome = await tokens.authenticate(door.store, f"bEARER  {door.first}", door.clock.now_ms())
    assert outcome == AgentIdentity("agt_a", "ten_a", None)


async def test_only_the_first_use_writes(door: Door) -> None:
    """Later calls only read: an agent that polls costs no commit."""
    await door.enter(door.first)
    before = door.store.stats.ops
    await door.enter(door.first)
    assert door.store.stats.ops == before


async def test_both_tokens_live_until_the_new_one_is_used(door: Door) -> None:
    """Rotation retires the old token with the first use of the new one, not before."""
    second = await door.rotate(door.first)
    assert isinstance(await door.enter(door.first), AgentIdentity)
    assert isinstance(await door.enter(second), AgentIdentity)
    assert await door.enter(door.first) == tokens.UNKNOWN
    assert isinstance(await door.enter(second), AgentIdentity)


async def test_a_new_candidate_replaces_the_old_one(door: Door) -> None:
    """An agent whose answer got lost asks again; only the latest candidate counts."""
    lost = await door.rotate(door.first)
    second = await door.rotate(door.first)
    assert await door.enter(lost) == tokens.UNKNOWN
    assert isinstance(await door.enter(second), AgentIdentity)


async def test_rotating_with_the_candidate_uses_it(door: Door) -> None:
    """The call for a third token is itself the second one's first use."""
    second = await door.rotate(door.first)
    third = await door.rotate(second)
    assert await door.enter(door.first) == tokens.UNKNOWN
    assert isinstance(await door.enter(second), AgentIdentity)
    assert isinstance(await door.enter(third), AgentIdentity)


async def test_rotation_leaves_other_agents_alone(door: Door) -> None:
    """Retiring reaches the tokens of one agent only."""
    other = await add_agent(door.store, door.clock, "agt_b")
    await door.enter(await door.rotate(door.first))
    assert isinstance(await door.enter(other), AgentIdentity)


async def test_rotation_without_a_good_token_is_refused(door: Door) -> None:
    """No token, no new token."""
    for header in (None, "Bearer sak_a_" + "A" * 43):
        outcome = await tokens.rotate(door.store, header, door.clock.now_ms(), None)
        assert isinstance(outcome, Refused)
        assert outcome.status == 401


async def test_a_token_with_a_time_to_live_ends(door: Door) -> None:
    """With a TTL the token says when it ends, and from that moment on is 401."""
    second = await door.rotate(door.first, ttl_s=1.5)
    ends = door.clock.now_ms() + 1500
    assert await door.enter(second) == AgentIdentity("agt_a", "ten_a", ends)
    door.clock.advance(1.5)
    assert await door.enter(second) == tokens.EXPIRED


async def test_an_expired_candidate_never_retires_the_active_token(door: Door) -> None:
    """A candidate first tried after its end is no use of it."""
    second = await door.rotate(door.first, ttl_s=1)
    door.clock.advance(2)
    assert await door.enter(second) == tokens.EXPIRED
    assert isinstance(await door.enter(door.first), AgentIdentity)


async def test_a_revoked_agent_is_403_with_any_of_its_tokens(door: Door) -> None:
    """Revoked is told from unknown, so that the person at the PC learns what happened."""
    second = await door.rotate(door.first)
    now_ms = door.clock.now_ms()
    await door.store.write(lambda tx: tx.run("agents.revoke", agent_id="agt_a", now_ms=now_ms))
    for token in (door.first, second):
        assert await door.enter(token) == tokens.REVOKED
    outcome = await tokens.rotate(door.store, f"Bearer {door.first}", now_ms, None)
    assert outcome == tokens.REVOKED
