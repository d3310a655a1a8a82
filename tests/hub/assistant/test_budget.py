"""What a model may cost: by the tenant's calendar, rounded up, and never above the hub's limits."""

from decimal import Decimal

import pytest

from hub.assistant import allowance
from hub.assistant.budget import (
    Limit,
    Limits,
    Prices,
    Spent,
    Usage,
    accounts_of,
    cost,
    estimate,
    over,
)
from hub.commerce import model_wishes
from hub.commerce.model_wishes import ModelWishes
from hub.settings import Secret, Settings

NOON = 1_800_000_000_000  # 2027-01-15 08:00 UTC


def test_a_limit_is_of_tokens_and_of_money() -> None:
    """Whichever is reached first; without one there is no end."""
    limits = Limits(tenant_day=Limit(tokens=100, micros=50))
    spent = {"tenant_day": Spent(60, 10)}
    assert over(spent, Spent(40, 40), limits) is None  # type: ignore[arg-type]
    assert over(spent, Spent(41, 0), limits) == "tenant_day"  # type: ignore[arg-type]
    assert over(spent, Spent(0, 41), limits) == "tenant_day"  # type: ignore[arg-type]
    assert over(spent, Spent(10**9, 10**9), Limits()) is None  # type: ignore[arg-type]


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


def test_the_lower_one_of_two_limits_counts() -> None:
    """A shop may save, and not spend more than the hub's operator pays for."""
    hub = Limits(
        tenant_day=Limit(tokens=1_000),
        tenant_month=Limit(tokens=9_000, micros=5_000_000),
        customer_day=Limit(tokens=100),
    )
    wishes = ModelWishes(
        model_day_tokens=2_000,
        model_day_cost=Decimal("0.25"),
        model_month_tokens=500,
        model_month_cost=Decimal(6),
        model_customer_day_tokens=50,
    )
    assert allowance.within(hub, wishes) == Limits(
        tenant_day=Limit(tokens=1_000, micros=250_000),
        tenant_month=Limit(tokens=500, micros=5_000_000),
        customer_day=Limit(tokens=50),
    )
    assert allowance.within(hub, ModelWishes()) == hub


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        ({}, "OPENAI_API_KEY and SAK_HUB_MODEL_NAME"),
        ({"model_name": "m"}, "OPENAI_API_KEY"),
        ({"openai_api_key": Secret("k")}, "SAK_HUB_MODEL_NAME"),
        (
            {"openai_api_key": Secret("k"), "model_name": "m", "model_mode": "embedded"},
            "SAK_HUB_MODEL_MODE",
        ),
    ],
)
def test_no_shop_has_a_model_that_the_hub_has_not(
    settings: dict[str, object], missing: str
) -> None:
    """Whatever it wishes, and it is told what the hub lacks."""
    hub = allowance.of_hub(Settings(**settings))  # type: ignore[arg-type]
    shop = allowance.of_shop(hub, ModelWishes(model_mode="model"))
    assert (shop.mode, missing in (shop.missing or "")) == ("embedded", True)


def test_a_shop_has_its_own_mode() -> None:
    """Less than the hub's, or more of a model that the hub has; without a wish the hub's."""
    hub = allowance.of_hub(Settings(openai_api_key=Secret("k"), model_name="m"))
    modes = [allowance.of_shop(hub, ModelWishes(model_mode=mode)).mode for mode in MODES]
    assert modes == ["hybrid", "embedded", "hybrid", "model"]
    assert hub.missing is None


MODES: tuple[model_wishes.Mode | None, ...] = (None, "embedded", "hybrid", "model")


def test_money_limits_of_the_hub_are_in_whole_units() -> None:
    """Of the currency in which the provider sends its bill."""
    costs = {"model_tenant_day_cost": 0.1, "model_tenant_month_cost": 20.0}
    limits = allowance.of_hub(Settings(**costs)).limits  # type: ignore[arg-type]
    assert (limits.tenant_day.micros, limits.tenant_month.micros) == (100_000, 20_000_000)


@pytest.mark.parametrize(
    "stored",
    [
        "nonsense",
        '{"model": []}',
        '{"model": {"model_mode": "auto", "model_day_tokens": 0, "model_month_tokens": "9"}}',
        '{"model": {"model_day_cost": "NaN", "model_month_cost": "-1"}}',
        '{"model": {"model_day_cost": "Infinity", "model_month_cost": [], "later": 1}}',
    ],
)
def test_what_is_not_sound_counts_as_not_wished(stored: str) -> None:
    """A shop is answered whatever stands in its row."""
    assert model_wishes.load(stored) == ModelWishes()
