"""The budget's accounts on disk: for calls at the same time, after a restart, by the calendar."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from hub.assistant.budget import Account, Limit, Limits, Reserved, Scope, Spent, accounts_of
from hub.assistant.purse import StorePurse, prune, refused, spent
from hub.store import operator_notices
from hub.store.database import Store
from tests.fakes import FakeClock
from tests.hub.shops import add_shop

DAY_S = 86_400
ZONE = "Asia/Kolkata"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    clock = FakeClock()
    async with Store.open(f"sqlite:///{tmp_path}/hub.db", clock) as opened:
        await add_shop(opened, clock, "t", "Shop")
        yield opened


async def tokens(store: Store, account: Account) -> int:
    found = await store.read(lambda tx: spent(tx, account))
    return found.tokens


async def notices(store: Store) -> list[tuple[str, str]]:
    """What the operator was told: whose and about what, the oldest first."""
    rows = await store.read(lambda tx: operator_notices.unseen(tx, 100))
    return [(row["tenant_id"], row["subject"]) for row in reversed(rows)]


async def test_fifty_at_once_do_not_exceed_what_holds_ten(store: Store) -> None:
    """Exactly ten get through, whatever the others do."""
    clock = FakeClock()
    purse, limits = StorePurse(store, clock), Limits(tenant_day=Limit(tokens=1_000))
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(
                purse.reserve(
                    accounts_of("t", f"c{number}", ZONE, clock.now_ms()), Spent(100), limits
                ),
                name=f"call {number}",
            )
            for number in range(50)
        ]
    outcomes = [task.result() for task in running]
    assert sum(isinstance(outcome, Reserved) for outcome in outcomes) == 10
    assert outcomes.count("tenant_day") == 40
    today = accounts_of("t", "", ZONE, clock.now_ms())["tenant_day"]
    assert await tokens(store, today) == 1_000
    assert await store.read(lambda tx: refused(tx, today)) == 40
    assert await notices(store) == [("t", "tenant_day 2027-01-15")], "told once"


async def test_a_reservation_counts_until_it_is_settled(store: Store) -> None:
    """The second call does not fit beside the first one's reservation, and does after it."""
    clock = FakeClock()
    purse, limits = StorePurse(store, clock), Limits(tenant_day=Limit(tokens=100))
    accounts = accounts_of("t", "c", ZONE, clock.now_ms())
    first = await purse.reserve(accounts, Spent(80), limits)
    assert isinstance(first, Reserved)
    assert await purse.reserve(accounts, Spent(30), limits) == "tenant_day"
    await purse.settle(first, Spent(20))
    assert isinstance(await purse.reserve(accounts, Spent(80), limits), Reserved)


async def test_each_limit_is_its_own(store: Store) -> None:
    """One customer's end is not another's, nor one shop's; a month outlasts its days."""
    clock = FakeClock()
    purse = StorePurse(store, clock)
    limits = Limits(customer_day=Limit(tokens=50), tenant_month=Limit(micros=1_000))

    async def call(who: str, *want: int, tenant_id: str = "t") -> Reserved | Scope:
        accounts = accounts_of(tenant_id, who, ZONE, clock.now_ms())
        return await purse.reserve(accounts, Spent(*want), limits)

    assert isinstance(await call("a", 50, 600), Reserved)
    assert await call("a", 1, 1) == "customer_day"
    assert isinstance(await call("b", 50, 300), Reserved)
    assert await call("b", 1, 1) == "customer_day"
    clock.advance(DAY_S)
    assert await call("a", 1, 101) == "tenant_month"
    assert isinstance(await call("a", 1, 100), Reserved)
    assert isinstance(await call("a", 1, 1_000, tenant_id="other"), Reserved)
    assert await notices(store) == [
        ("t", "customer_day 2027-01-15"),  # one for both of them
        ("t", "tenant_month 2027-01"),
    ]


async def test_a_day_ends_where_the_shop_is(store: Store) -> None:
    """At 18:30 UTC a new one begins in India, while it goes on in London."""
    clock = FakeClock(1_800_000_000_000 + 10 * 3_600_000)  # 18:00 UTC
    purse, limits = StorePurse(store, clock), Limits(tenant_day=Limit(tokens=10))

    async def call(zone: str) -> bool:
        accounts = accounts_of(zone, "c", zone, clock.now_ms())
        return isinstance(await purse.reserve(accounts, Spent(10), limits), Reserved)

    zones = (ZONE, "Europe/London")
    assert [await call(zone) for zone in zones] == [True, True]
    clock.advance(29 * 60)
    assert [await call(zone) for zone in zones] == [False, False]
    clock.advance(60)
    assert [await call(zone) for zone in zones] == [True, False]


async def test_a_restart_changes_nothing(tmp_path: Path) -> None:
    """What was used stays used; what a crash left reserved stays counted, on the safe side."""
    clock, url = FakeClock(), f"sqlite:///{tmp_path}/hub.db"
    limits = Limits(tenant_day=Limit(tokens=100))
    accounts = accounts_of("t", "c", ZONE, clock.now_ms())
    async with Store.open(url, clock) as store:
        purse = StorePurse(store, clock)
        used = await purse.reserve(accounts, Spent(60), limits)
        assert isinstance(used, Reserved)
        await purse.settle(used, Spent(30))
        assert isinstance(await purse.reserve(accounts, Spent(50), limits), Reserved)
    async with Store.open(url, clock) as store:
        purse = StorePurse(store, clock)
        assert await purse.reserve(accounts, Spent(21), limits) == "tenant_day"
        assert isinstance(await purse.reserve(accounts, Spent(20), limits), Reserved)


@pytest.mark.parametrize("rounds", range(6))
async def test_a_cancelled_call_leaves_nothing_reserved(store: Store, rounds: int) -> None:
    """Whether its transaction has not begun, is under way or is done and not yet told."""
    clock = FakeClock()
    purse = StorePurse(store, clock)
    accounts = accounts_of("t", "c", ZONE, clock.now_ms())

    async def call() -> None:
        outcome = await purse.reserve(accounts, Spent(100), Limits())
        assert isinstance(outcome, Reserved)
        await purse.settle(outcome, Spent())

    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(call(), name="call")
        for _ in range(rounds):
            await asyncio.sleep(0)
        running.cancel()
    await store.write(lambda _: None)  # behind the settling of what nobody waits for
    await store.write(lambda _: None)
    assert await tokens(store, accounts["tenant_day"]) == 0


async def test_a_reservation_that_is_told_to_nobody_is_given_back(store: Store) -> None:
    """The caller is cancelled in the very moment in which the answer arrives."""
    clock = FakeClock()
    purse = StorePurse(store, clock)
    accounts = accounts_of("t", "c", ZONE, clock.now_ms())
    tasks: list[asyncio.Task[Reserved | Scope]] = []
    submit = store.submit

    def submitting(begin, done, failed) -> None:  # type: ignore[no-untyped-def]
        def answered(outcome: Reserved | Scope) -> None:
            done(outcome)
            tasks[0].cancel()

        submit(begin, answered, failed)
        store.submit = submit  # type: ignore[method-assign]

    store.submit = submitting  # type: ignore[method-assign]
    async with asyncio.TaskGroup() as group:
        reserving = purse.reserve(accounts, Spent(100), Limits())
        tasks.append(group.create_task(reserving, name="call"))
    assert tasks[0].cancelled()
    await store.write(lambda _: None)
    assert await tokens(store, accounts["tenant_day"]) == 0


async def test_what_is_old_is_let_go(store: Store) -> None:
    """Customers' accounts after five weeks, a shop's whole months after 400 days; notices too."""
    clock = FakeClock()
    purse, limits = StorePurse(store, clock), Limits(customer_day=Limit(tokens=0))
    accounts = accounts_of("t", "c", ZONE, clock.now_ms())
    assert isinstance(await purse.reserve(accounts, Spent(7), Limits()), Reserved)
    assert await purse.reserve(accounts, Spent(1), limits) == "customer_day"

    async def kept(days: int) -> list[int]:
        now_ms = clock.now_ms() + days * DAY_S * 1000
        await store.write(partial(prune, now_ms=now_ms))
        await store.write(partial(operator_notices.prune, now_ms=now_ms))
        return [await tokens(store, account) for account in accounts.values()]

    assert await kept(35) == [7, 7, 7]
    assert await kept(36) == [0, 7, 7]
    assert await kept(400) == [0, 7, 7]
    assert await notices(store) != []
    assert await kept(416) == [0, 7, 7]
    assert await notices(store) == []
    assert await kept(417) == [0, 0, 0]
