"""Pairing codes: how they are read, and what becomes of each kind of try."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.gateway.pairing import (
    ALPHABET,
    EXPIRED,
    REMEMBERED_MS,
    UNKNOWN,
    USED,
    Declined,
    Paired,
    PairingDesk,
    PairRequest,
    new_code,
    normalise,
)
from hub.gateway.tokens import hash_secret
from hub.store.database import Store
from tests.fakes import FakeClock
from tests.hub.shops import DEVICE, add_shop, invite


class Desk:
    """A desk with one shop that hands out codes."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store = store
        self.clock = clock
        self.desk = PairingDesk(store, clock, tries_per_min=5, token_ttl_s=None)

    async def invite(self, ttl_s: float = 900.0) -> str:
        return await invite(self.store, self.clock, ttl_s=ttl_s)

    async def pair(self, code: str, address: str = "192.0.2.1") -> Paired | Declined:
        return await self.desk.pair(address, PairRequest(code, DEVICE))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    clock = FakeClock()
    async with Store.open(f"sqlite:///{tmp_path}/hub.db", clock) as store:
        await add_shop(store, clock)
        yield Desk(store, clock)


def stands_in(directory: Path, text: str) -> bool:
    """Whether any of the database's files contains `text`."""
    return any(text.encode() in file.read_bytes() for file in directory.glob("hub.db*"))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("0123-ABCD", "0123ABCD"),
        ("0123abcd", "0123ABCD"),
        (" 01 23 - ab cd ", "0123ABCD"),
        ("oOiIlL-zz", "001111ZZ"),
    ],
)
def test_codes_are_read_as_people_write_them(typed: str, meant: str) -> None:
    """Case, hyphens and spaces do not matter; I and L read as 1, O as 0."""
    assert normalise(typed) == meant


@pytest.mark.parametrize(
    "typed", ["", "0123-ABC", "0123-ABCDE", "0123-ABCU", "0123ABC\u0131", "٠١٢٣ABCD", "0123\tABCD"]
)
def test_what_cannot_be_a_code_is_none(typed: str) -> None:
    """A wrong length, the letter U, other scripts and control characters make no code."""
    assert normalise(typed) is None


@given(st.text())
def test_any_text_is_read_or_refused(typed: str) -> None:
    """Reading never raises, and what it returns is a code."""
    meant = normalise(typed)
    assert meant is None or (len(meant) == 8 and set(meant) <= set(ALPHABET))


def test_new_codes_are_readable_and_differ() -> None:
    """A new code has the shown form and reads as itself."""
    codes = {new_code() for _ in range(100)}
    assert len(codes) == 100
    assert all(normalise(code) == code.replace("-", "") for code in codes)


async def test_a_code_pairs_once(desk: Desk) -> None:
    """The first try makes an agent that has a token and a row in the status table."""
    code = await desk.invite()
    paired = await desk.pair(code.lower())
    assert isinstance(paired, Paired)
    (row,) = await desk.store.all("agents.of_tenant", tenant_id="ten_a")
    assert (row["agent_id"], row["status"], row["last_seen"]) == (paired.agent_id, "offline", None)
    assert await desk.pair(code) == USED


async def test_a_code_is_not_stored_in_the_clear(desk: Desk, tmp_path: Path) -> None:
    """Neither the code nor the token can be read from the database's files."""
    code = await desk.invite()
    paired = await desk.pair(code)
    assert isinstance(paired, Paired)
    secrets = (code, code.replace("-", ""), paired.issued.token)
    assert [secret for secret in secrets if stands_in(tmp_path, secret)] == []


async def test_an_expired_code_is_gone_for_a_day_then_unknown(desk: Desk) -> None:
    """410 from its end on, 404 when that is a day ago."""
    code = await desk.invite(ttl_s=60)
    desk.clock.advance(60)
    assert await desk.pair(code) == EXPIRED
    desk.clock.advance(REMEMBERED_MS / 1000)
    assert await desk.pair(code) == UNKNOWN


async def test_a_used_code_is_gone_for_a_day_then_unknown(desk: Desk) -> None:
    """410 counts from the use, also past the code's own end; then 404, and its row goes."""
    code = await desk.invite(ttl_s=60)
    desk.clock.advance(30)
    await desk.pair(code)
    desk.clock.advance(REMEMBERED_MS / 1000 - 1)
    assert await desk.pair(code) == USED
    desk.clock.advance(1)
    assert await desk.pair(code) == UNKNOWN
    await desk.invite()
    code_hash = hash_secret(code.replace("-", ""))
    assert await desk.store.one("pairing.by_hash", code_hash=code_hash) is None


async def test_five_wrong_tries_hold_every_try_of_that_address(desk: Desk) -> None:
    """The sixth try within a minute is refused even with a good code; other addresses are not."""
    spent = await desk.invite()
    await desk.pair(spent)
    for code in (spent, "0000-0000", "none", spent, "0000-0001"):
        assert isinstance(await desk.pair(code), Declined)
        desk.clock.advance(1)
    good = await desk.invite()
    held = await desk.pair(good)
    assert isinstance(held, Declined)
    assert (held.status, held.retry_after_s) == (429, 55.0)
    assert isinstance(await desk.pair(good, "192.0.2.2"), Paired)


async def test_the_hold_ends_when_the_oldest_try_is_a_minute_old(desk: Desk) -> None:
    """Refused tries do not prolong the wait."""
    for _ in range(5):
        await desk.pair("0000-0000")
    desk.clock.advance(59)
    assert isinstance(held := await desk.pair("0000-0000"), Declined)
    assert held.status == 429
    desk.clock.advance(1)
    assert isinstance(await desk.pair(await desk.invite()), Paired)


async def test_good_tries_do_not_count(desk: Desk) -> None:
    """A shop with many PCs behind one address pairs them all."""
    for _ in range(8):
        assert isinstance(await desk.pair(await desk.invite()), Paired)


async def test_a_burst_of_tries_does_not_slip_under_the_limit(desk: Desk) -> None:
    """Of twenty wrong tries at once only five are judged."""
    async with asyncio.TaskGroup() as group:
        tries = [group.create_task(desk.pair("0000-0000")) for _ in range(20)]
    statuses = [outcome.status for t in tries if isinstance(outcome := t.result(), Declined)]
    assert (statuses.count(404), statuses.count(429)) == (5, 15)


async def test_two_at_once_with_one_code_make_one_agent(desk: Desk) -> None:
    """A code that two PCs type at the same moment pairs one of them."""
    code = await desk.invite()
    async with asyncio.TaskGroup() as group:
        tries = [group.create_task(desk.pair(code, f"192.0.2.{n}")) for n in range(4)]
    assert sum(isinstance(t.result(), Paired) for t in tries) == 1
    assert len(await desk.store.all("agents.of_tenant", tenant_id="ten_a")) == 1
