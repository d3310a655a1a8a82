"""The budget's accounts in the store: each step one transaction, so that a restart changes nothing.

What a crash leaves reserved stays counted: a shop may then have a little less than its limit in
that period, and never more.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import structlog

from hub.assistant.budget import Account, Limits, Reserved, Scope, Spent, over
from hub.clock import Clock
from hub.store import operator_notices
from hub.store.database import Store
from hub.store.tx import Tx

KEPT: Final = timedelta(days=400)
"""A shop's own sums, in whole months: to compare with the year before."""

CUSTOMERS_KEPT: Final = timedelta(days=35)
"""Each customer's: they limit a day, and for a month tell how many reached that limit."""

log = structlog.get_logger(__name__)


class StorePurse:
    """Counts on the table `model_spending`; a limit that is reached is a notice, once a period."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def reserve(
        self, accounts: Mapping[Scope, Account], want: Spent, limits: Limits
    ) -> Reserved | Scope:
        """The reservation on all accounts, or the first limit that it would exceed; StoreError.

        A caller that is cancelled meanwhile leaves nothing reserved.
        """
        waiting: asyncio.Future[Reserved | Scope] = asyncio.get_running_loop().create_future()
        now_ms = self._clock.now_ms()
        op = partial(reserve, accounts=accounts, want=want, limits=limits, now_ms=now_ms)

        def done(outcome: Reserved | Scope) -> None:
            if not waiting.done():
                waiting.set_result(outcome)
            elif isinstance(outcome, Reserved):
                self._give_back(outcome)

        def failed(error: Exception) -> None:
            if not waiting.done():
                waiting.set_exception(error)

        self._store.submit(lambda: op, done, failed)
        try:
            return await waiting
        except asyncio.CancelledError:
            if not waiting.cancelled() and isinstance(outcome := waiting.result(), Reserved):
                self._give_back(outcome)  # it was there, and the caller not awake yet
            raise

    async def settle(self, reserved: Reserved, used: Spent) -> None:
        """Count what was used in place of what was reserved; StoreError."""
        await self._store.write(partial(settle, reserved=reserved, used=used))

    def _give_back(self, reserved: Reserved) -> None:
        """Nobody waits for this reservation any more."""

        def failed(error: Exception) -> None:
            log.warning("reservation_stays", error=type(error).__name__)

        op = partial(settle, reserved=reserved, used=Spent())
        self._store.submit(lambda: op, lambda _: None, failed)


def reserve(
    tx: Tx, accounts: Mapping[Scope, Account], want: Spent, limits: Limits, now_ms: int
) -> Reserved | Scope:
    """Count so much on all accounts, unless that exceeds a limit; then the first one of them."""
    scope = over({scope: spent(tx, of) for scope, of in accounts.items()}, want, limits)
    if scope is None:
        reserved = Reserved(tuple(accounts.values()), want)
        _add(tx, reserved.accounts, want)
        return reserved
    account = accounts[scope]
    tx.run("spending.refuse", **_where(account))
    subject = f"{scope} {account.period}"
    operator_notices.tell(tx, account.tenant_id, "budget", subject, now_ms)
    return scope


def settle(tx: Tx, reserved: Reserved, used: Spent) -> None:
    """Count what was used in place of what was reserved."""
    _add(tx, reserved.accounts, used - reserved.spent)


def spent(tx: Tx, account: Account) -> Spent:
    """What is counted on an account, reservations included."""
    row = tx.one("spending.one", **_where(account))
    return Spent() if row is None else Spent(row["tokens"], row["micros"])


def refused(tx: Tx, account: Account) -> int:
    """How many calls a limit of this account kept from being made."""
    row = tx.one("spending.one", **_where(account))
    return 0 if row is None else int(row["refused"])


def prune(tx: Tx, now_ms: int) -> int:
    """Let go of what was used long ago; how many accounts were deleted."""
    today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
    customers = tx.run("spending.prune_customers", period=f"{today - CUSTOMERS_KEPT:%Y-%m-%d}")
    return customers + tx.run("spending.prune", period=f"{today - KEPT:%Y-%m}")


def _add(tx: Tx, accounts: tuple[Account, ...], more: Spent) -> None:
    change: dict[str, Any] = {"tokens": more.tokens, "micros": more.micros}
    tx.many("spending.add", [_where(account) | change for account in accounts])


def _where(account: Account) -> dict[str, Any]:
    return {
        "tenant_id": account.tenant_id,
        "period": account.period,
        "customer": account.customer,
    }
