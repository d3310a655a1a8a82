"""The status table: writes what the presence core decides, with a history row for each change.

Everything here runs inside a transaction of the caller's. Whoever learns of a deadline (a moment
when time alone will change an agent) hands it to the `Ticker` once the transaction is committed.
"""

import msgspec

from hub.gateway.presence import (
    HubStarted,
    Input,
    Limits,
    Revoked,
    Standing,
    Status,
    Tick,
    deadline,
    step,
)
from hub.store.tx import Row, Tx


class Due(msgspec.Struct, frozen=True):
    """When an agent's status will change if nothing else happens."""

    at: int
    agent_id: str


class Roster:
    """Moves agents through the status table, until it is frozen."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._frozen = False

    def freeze(self) -> None:
        """From now on nothing moves: a stopping hub's farewells are no news about its agents."""
        self._frozen = True

    def move(
        self, tx: Tx, row: Row, happened: Input, now: int, blocked_until: int | None = None
    ) -> Standing:
        """Apply `happened` to the agent of a `presence.standing` row; its standing afterwards."""
        standing = Standing(Status(row["status"]), row["since"], row["blocked_until"])
        if self._frozen or (transition := step(standing, happened, self._limits)) is None:
            return standing
        agent_id = row["agent_id"]
        tx.run(
            "presence.move",
            agent_id=agent_id,
            status=transition.after,
            now_ms=now,
            blocked_until=blocked_until,
        )
        tx.run(
            "presence.record",
            tenant_id=row["tenant_id"],
            agent_id=agent_id,
            generation=row["generation"],
            now_ms=now,
            before=transition.before,
            after=transition.after,
            reason=transition.reason,
        )
        return Standing(transition.after, now, blocked_until)

    def due(self, agent_id: str, standing: Standing) -> Due | None:
        """When time alone will change this standing."""
        at = deadline(standing, self._limits)
        return None if at is None else Due(at, agent_id)

    def begin(self, tx: Tx, now: int) -> list[Due | None]:
        """Forget what an earlier process knew of connections; the deadlines that run."""
        tx.run("presence.leave_all")
        return [
            self.due(row["agent_id"], self.move(tx, row, HubStarted(), now))
            for row in tx.all("presence.all")
        ]

    def tick(self, tx: Tx, agent_id: str, now: int) -> Due | None:
        """Let time act on an agent; its next deadline."""
        row = tx.one("presence.standing", agent_id=agent_id)
        return None if row is None else self.due(agent_id, self.move(tx, row, Tick(now), now))

    def revoke(self, tx: Tx, agent_id: str, now: int) -> None:
        """Block a revoked agent for good and take its word from every connection."""
        row = tx.one("presence.standing", agent_id=agent_id)
        if row is not None:
            self.move(tx, row, Revoked(), now)
            tx.run("presence.block_until", agent_id=agent_id, blocked_until=None)
            tx.run("presence.expel", agent_id=agent_id)
