"""What the operator of a shop or of the hub is to be told; each subject once.

`sak-hub doctor` shows what nobody has marked as seen.
"""

from typing import Final, Literal

from hub.store.tx import Row, Tx

Kind = Literal["budget", "breaker", "loop"]
"""A model costs what it may; its endpoint is left alone; the bot stopped itself in a chat."""

KEPT_MS: Final = 400 * 24 * 3_600_000  # a year and a month, as what a model used


def tell(tx: Tx, tenant_id: str, kind: Kind, subject: str, now_ms: int) -> bool:
    """Keep a notice; False when it stands there already. `tenant_id` '': the hub's own."""
    new = {"tenant_id": tenant_id, "kind": kind, "subject": subject, "now_ms": now_ms}
    return tx.run("operator_notices.add", **new) == 1


def unseen(tx: Tx, limit: int) -> list[Row]:
    """The newest notices that nobody has marked as seen: tenant, kind, subject, at."""
    return tx.all("operator_notices.unseen", limit=limit)


def see(tx: Tx, tenant_id: str, now_ms: int) -> int:
    """Mark a tenant's notices as seen; how many there were."""
    return tx.run("operator_notices.see", tenant_id=tenant_id, now_ms=now_ms)


def prune(tx: Tx, now_ms: int) -> int:
    """Delete what is old, seen or not; how many notices."""
    return tx.run("operator_notices.prune", before_ms=now_ms - KEPT_MS)
