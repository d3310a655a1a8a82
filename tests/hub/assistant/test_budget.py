"""What a model may cost: limits hold for calls at the same time, and by the tenant's calendar."""

from decimal import Decimal

from hub.assistant.budget import (
    Limit,
    Limits,
    MemoryPurse,
    Prices,
    Reserved,
    Spent,
    Usage,
    accounts_of,
    cost,
    estimate,
)

NOON = 1_800_000_000_000  # 2027-01-15 08:00 UTC


async def test_a_reservation_counts_until_it_is_settled() -> None:
    """The second call does not fit beside the first one's reservation, and does after it."""
    purse, limits = MemoryPurse(), Limits(tenant_day=Limit(tokens=100))
    accounts = accounts_of("t", "c", "Asia/Kolkata", NOON)
    first = await purse.reserve(accounts, Spent(80), limits)
    assert isinstance(first, Reserved)
    assert await purse.reserve(accounts, Spent(30), limits) == "tenant_day"
    await purse.settle(first, Spent(20))
    assert isinstance(await purse.reserve(accounts, Spent(80), limits), Reserved)


async def test_each_limit_is_its_own() -> None:
    """One customer's end is not another's; a month outlasts its days; money counts as well."""
    purse = MemoryPurse()
    limits = Limits(customer_day=Limit(tokens=50), tenant_month=Limit(micros=1_000))
    mine, other = (accounts_of("t", who, "Asia/Kolkata", NOON) for who in "ab")
    assert isinstance(await purse.reserve(mine, Spent(50, 600), limits), Reserved)
    assert await purse.reserve(mine, Spent(1, 1), limits) == "customer_day"
    assert isinstance(await purse.reserve(other, Spent(50, 300), limits), Reserved)
    tomorrow = accounts_of("t", "a", "Asia/Kolkata", NOON + 86_400_000)
    assert await purse.reserve(tomorrow, Spent(1, 101), limits) == "tenant_month"
    assert isinstance(await purse.reserve(tomorrow, Spent(1, 100), limits), Reserved)


def test_a_day_is_the_tenants_own() -> None:
    """At 20:00 UTC it is the next day in India."""
    late = NOON + 12 * 3_600_000
    assert accounts_of("t", "c", "Asia/Kolkata", late)["tenant_day"].period == "2027-01-16"
    assert accounts_of("t", "c", "UTC", late)["tenant_day"].period == "2027-01-15"


def test_costs_are_rounded_up() -> None:
    """Cached and cache-writing tokens have their own prices and are not counted twice."""
    prices = Prices(
        input=Decimal("0.15"),
        cached=Decimal("0.075"),
        cache_write=Decimal(1),
        output=Decimal("0.6"),
    )
    usage = Usage(input=1_000, cached=600, cache_write=100, output=3)
    assert cost(usage, prices) == Spent(1_003, 192)  # 45 + 45 + 100 + 1.8
    assert estimate(10, 7) == Usage(input=4, output=7)
