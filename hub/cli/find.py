"""TENANT, AGENT and KEY on the command line: an id or a name, to the row that is meant."""

from hub.cli.command import Failure, printable
from hub.store.tx import Row, Tx


def tenant(tx: Tx, ref: str) -> Row:
    """The tenant with this id or name; Failure."""
    row = tx.one("tenants.named", ref=ref)
    if row is None:
        raise Failure(
            "unknown_tenant",
            f"There is no tenant {printable(ref)}. See 'sak-hub tenant list', "
            "or add it with 'sak-hub tenant add NAME'.",
        )
    return row


def agent(tx: Tx, ref: str) -> Row:
    """The agent with this id, or the one whose device has this name; Failure.

    A PC that was revoked and paired again has two agents of one name: the living one is meant.
    """
    rows = tx.all("agents.named", ref=ref)
    if rows and rows[0]["agent_id"] == ref:
        return rows[0]
    meant = [row for row in rows if row["revoked_at"] is None] or rows
    if not meant:
        raise Failure(
            "unknown_agent",
            f"There is no agent {printable(ref)}. 'sak-hub agent list' shows ids and names.",
        )
    if len(meant) > 1:
        ids = ", ".join(row["agent_id"] for row in meant)
        raise Failure(
            "ambiguous_agent",
            f"{len(meant)} agents are called {printable(ref)}: {ids}. Give one of these ids.",
        )
    return meant[0]


def key(tx: Tx, ref: str) -> Row:
    """The operator's key with this id or name; Failure."""
    row = tx.one("keys.named", ref=ref)
    if row is None:
        raise Failure(
            "unknown_key", f"There is no key {printable(ref)}. 'sak-hub key list' shows them."
        )
    return row
