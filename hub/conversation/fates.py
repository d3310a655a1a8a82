"""What became of the replies, as the agents report it, inside the caller's transaction."""

import msgspec

from hub.conversation import turns
from hub.conversation.turns import AgentRef, Reason
from hub.store import outbound
from hub.store.tx import Tx
from protocol import ids
from protocol.messages import MessageStatus


def take_status(tx: Tx, agent: AgentRef, status: MessageStatus, now_ms: int) -> None:
    """Note what became of a reply; a person is asked when the customer may not have it.

    States move only forward (`turns.moves_forward`). A `ref` that nobody knows changes nothing.
    """
    mine = {"tenant_id": agent.tenant_id, "agent_id": agent.agent_id}
    key = ids.whatsapp_key(status.ref)
    row = tx.one("messages.sent_by_event", **mine, event_id=str(status.ref), wa_id=key)
    if row is not None and not turns.moves_forward(row["state"], status.state):
        return
    outbound.record_result(tx, agent.tenant_id, agent.agent_id, status.ref, status.state)
    if row is None:
        return
    error = None if status.error is None else msgspec.json.encode(status.error).decode()
    tx.run(
        "messages.set_state",
        tenant_id=agent.tenant_id,
        id=row["id"],
        state=status.state,
        state_at=now_ms,
        error=error,
    )
    if row["turn_id"] is not None:
        _reconsider(tx, agent.tenant_id, row["turn_id"], turns.trouble(status.state))


def _reconsider(tx: Tx, tenant_id: str, turn_id: str, trouble: Reason | None) -> None:
    """Put an answered turn before a person, or take it back when the reply did arrive."""
    turn = tx.one("turns.one", tenant_id=tenant_id, turn_id=turn_id)
    if turn is None:
        return
    troubled = turn["state"] == "waiting" and turn["reason"] in turns.SEND_REASONS
    if trouble is not None and (troubled or turn["state"] == "answered"):
        state = "waiting"
    elif trouble is None and troubled:
        state = "answered"
    else:
        return
    tx.run("turns.reconsider", tenant_id=tenant_id, turn_id=turn_id, state=state, reason=trouble)
