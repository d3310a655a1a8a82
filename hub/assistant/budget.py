"""CORE: what a model may cost: reserved before a call, settled from what it used.

Costs are whole millionths of the currency in which the provider sends its bill. A reservation
counts as spent until it is settled, so that calls at the same time cannot exceed a limit together.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from typing import Final, Literal, Protocol
from zoneinfo import ZoneInfo

import msgspec

Scope = Literal["tenant_day", "tenant_month", "customer_day"]
"""What a limit is for."""

MICROS: Final = 1_000_000

CHARS_PER_TOKEN: Final = 3
"""Where an endpoint does not count: fewer characters than English has, so that it is enough."""


class Prices(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a million tokens cost; 0 for a model that runs on the shop's own machine."""

    input: Decimal = Decimal(0)
    cached: Decimal = Decimal(0)
    cache_write: Decimal = Decimal(0)
    output: Decimal = Decimal(0)


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens as a provider counts them: `input` contains `cached` and `cache_write`."""

    input: int = 0
    cached: int = 0
    cache_write: int = 0
    output: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        """Both together."""
        return Usage(
            input=self.input + other.input,
            cached=self.cached + other.cached,
            cache_write=self.cache_write + other.cache_write,
            output=self.output + other.output,
        )


class Spent(msgspec.Struct, frozen=True):
    """Tokens and their cost in millionths."""

    tokens: int = 0
    micros: int = 0

    def __add__(self, other: "Spent") -> "Spent":
        """Both together."""
        return Spent(self.tokens + other.tokens, self.micros + other.micros)

    def __sub__(self, other: "Spent") -> "Spent":
        """What is left of it."""
        return Spent(self.tokens - other.tokens, self.micros - other.micros)


class Limit(msgspec.Struct, frozen=True):
    """The most of one period; None: as much as it takes."""

    tokens: int | None = None
    micros: int | None = None

    def holds(self, spent: Spent) -> bool:
        """Whether so much is within the limit."""
        few = self.tokens is None or spent.tokens <= self.tokens
        return few and (self.micros is None or spent.micros <= self.micros)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant's limits."""

    tenant_day: Limit = Limit()
    tenant_month: Limit = Limit()
    customer_day: Limit = Limit()


class Account(msgspec.Struct, frozen=True):
    """Whose, and of which period: `2026-11-22` or `2026-11`, as the tenant's own calendar has it.

    `customer` is empty for all of the tenant's together.
    """

    tenant_id: str
    customer: str
    period: str


class Reserved(msgspec.Struct, frozen=True):
    """So much is counted on all accounts until it is settled."""

    accounts: tuple[Account, ...]
    spent: Spent


class Purse(Protocol):
    """Where it is counted. Both calls return once it is certain; StoreError when it cannot be."""

    async def reserve(
        self, accounts: Mapping[Scope, Account], want: Spent, limits: Limits
    ) -> Reserved | Scope:
        """The reservation on all accounts, or the first limit that it would exceed."""

    async def settle(self, reserved: Reserved, used: Spent) -> None:
        """Count what was used in place of what was reserved."""


def over(spent: Mapping[Scope, Spent], want: Spent, limits: Limits) -> Scope | None:
    """The first limit that so much more would exceed."""
    for scope, already in spent.items():
        limit: Limit = getattr(limits, scope)
        if not limit.holds(already + want):
            return scope
    return None


def accounts_of(
    tenant_id: str, customer: str, timezone: str, now_ms: int
) -> Mapping[Scope, Account]:
    """The accounts of a call made now."""
    today = datetime.fromtimestamp(now_ms / 1000, ZoneInfo(timezone)).date()
    day, month = f"{today:%Y-%m-%d}", f"{today:%Y-%m}"
    return {
        "customer_day": Account(tenant_id, customer, day),
        "tenant_day": Account(tenant_id, "", day),
        "tenant_month": Account(tenant_id, "", month),
    }


def cost(usage: Usage, prices: Prices) -> Spent:
    """What so many tokens cost, rounded up."""
    plain = max(0, usage.input - usage.cached - usage.cache_write)
    micros = (
        plain * prices.input
        + usage.cached * prices.cached
        + usage.cache_write * prices.cache_write
        + usage.output * prices.output
    )
    return Spent(usage.input + usage.output, int(micros.to_integral_value(ROUND_CEILING)))


def estimate(request_chars: int, output_max: int) -> Usage:
    """The most that a request of so many characters may use."""
    return Usage(input=-(-request_chars // CHARS_PER_TOKEN), output=output_max)
