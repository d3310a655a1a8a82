"""CORE: what a shop may have of a model: the hub's settings, and within them what the shop wishes.

The operator of the hub pays the provider's bill. A shop may therefore set itself lower limits than
the hub's and never higher ones, and none has a model where the hub has none.
"""

from decimal import ROUND_FLOOR, Decimal

import msgspec

from hub.assistant.budget import MICROS, Limit, Limits, Prices
from hub.commerce.model_wishes import Mode, ModelWishes
from hub.settings import Settings


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """A mode and limits. `missing` says what a hub that asks no model would need, else None."""

    mode: Mode
    limits: Limits = Limits()
    missing: str | None = None


def of_hub(settings: Settings) -> Allowance:
    """What every shop of a hub has unless it wishes for less."""
    missing = _missing(settings)
    limits = Limits(
        tenant_day=Limit(settings.model_tenant_day_tokens, _set(settings.model_tenant_day_cost)),
        tenant_month=Limit(
            settings.model_tenant_month_tokens, _set(settings.model_tenant_month_cost)
        ),
        customer_day=Limit(settings.model_customer_day_tokens),
    )
    mode = settings.model_mode if missing is None else "embedded"
    return Allowance(mode=mode, limits=limits, missing=missing)


def of_shop(hub: Allowance, wishes: ModelWishes) -> Allowance:
    """What one shop has: its own mode where the hub has a model, the lower one of both limits."""
    mode = hub.mode if hub.missing is not None else wishes.model_mode or hub.mode
    return Allowance(mode=mode, limits=within(hub.limits, wishes), missing=hub.missing)


def within(hub: Limits, wishes: ModelWishes) -> Limits:
    """The lower one of each of the hub's limits and the shop's."""
    return Limits(
        tenant_day=_lower(hub.tenant_day, wishes.model_day_tokens, wishes.model_day_cost),
        tenant_month=_lower(hub.tenant_month, wishes.model_month_tokens, wishes.model_month_cost),
        customer_day=_lower(hub.customer_day, wishes.model_customer_day_tokens, None),
    )


def prices_of(settings: Settings) -> Prices:
    """What a million tokens cost at the hub's provider."""
    return Prices(
        input=Decimal(str(settings.model_price_input)),
        cached=Decimal(str(settings.model_price_cached)),
        cache_write=Decimal(str(settings.model_price_cache_write)),
        output=Decimal(str(settings.model_price_output)),
    )


def _missing(settings: Settings) -> str | None:
    """What keeps a hub from asking a model, as a thing to do."""
    if settings.openai_api_key is None:
        return "set OPENAI_API_KEY and SAK_HUB_MODEL_NAME"
    if settings.model_name is None:
        return "set SAK_HUB_MODEL_NAME"
    if settings.model_mode == "embedded":
        return "set SAK_HUB_MODEL_MODE to hybrid or model"
    return None


def _lower(hub: Limit, tokens: int | None, cost: Decimal | None) -> Limit:
    micros = None if cost is None else _micros(cost)
    return Limit(_least(hub.tokens, tokens), _least(hub.micros, micros))


def _least(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def _set(cost: float | None) -> int | None:
    return None if cost is None else _micros(Decimal(str(cost)))


def _micros(cost: Decimal) -> int:
    return int((cost * MICROS).to_integral_value(ROUND_FLOOR))
