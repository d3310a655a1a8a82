"""What became of the replies, as the agents report it, inside the caller's transaction.

A hub that was restored from a backup hears of replies of which it knows nothing. Their ids tell
which of its customers' messages they answered: those are not answered again.
"""

from typing import Final

import msgspec

from hub.conversation import records, turns
from hub.conversation.turns import AgentRef, ChatKey, Reason
from hub.store import outbound
from hub.store.tx import Row, Tx
from protocol import ids
from protocol.messages import MessageStatus

OWNER_REPLIED: Final = "owner_replied"
"""An agent's word for why it sent nothing: the owner wrote in the chat after the order came."""
NEVER_SEEN: Final = ("failed", "expired")  # the customer does not have it: another may be written


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
        if status.state not in NEVER_SEEN:
            _take_lost_reply(tx, agent, status, now_ms)
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
        _reconsider(tx, agent.tenant_id, row["turn_id"], _trouble(status))


def _trouble(status: MessageStatus) -> Reason | None:
    """Why the customer may not have the reply."""
    error = status.error
    if status.state == "failed" and error is not None and error.code == OWNER_REPLIED:
        return Reason.OWNER_REPLIED
    return turns.trouble(status.state)


def _reconsider(tx: Tx, tenant_id: str, turn_id: str, trouble: Reason | None) -> None:
    """Put an answered turn before a person, or take it back when the reply did arrive.

    One that the owner was faster to answer is nobody's any more.
    """
    turn = tx.one("turns.one", tenant_id=tenant_id, turn_id=turn_id)
    if turn is None:
        return
    troubled = turn["state"] == "waiting" and turn["reason"] in turns.SEND_REASONS
    if trouble is not None and (troubled or turn["state"] == "answered"):
        state = "dropped" if trouble is Reason.OWNER_REPLIED else "waiting"
    elif trouble is None and troubled:
        state = "answered"
    else:
        return
    tx.run("turns.reconsider", tenant_id=tenant_id, turn_id=turn_id, state=state, reason=trouble)


def _take_lost_reply(tx: Tx, agent: AgentRef, status: MessageStatus, now_ms: int) -> None:
    """End the turn that a reply answered before the hub lost it; what came later stays open."""
    open_messages = tx.all("turns.open_messages", tenant_id=agent.tenant_id)
    found = next((row for row in open_messages if _answers(status, row)), None)
    if found is None:
        return
    key, turn_id = _chat(found), found["turn_id"]
    later = [r for r in open_messages if r["turn_id"] == turn_id and r["id"] > found["id"]]
    said = (turn_id, status.ref, status.state, None, now_ms)  # that we wrote: the words are gone
    records.say(tx, key, agent.agent_id, *said)
    trouble = turns.trouble(status.state)
    tx.run(
        "turns.answered_before",
        tenant_id=key.tenant_id,
        turn_id=turn_id,
        state="answered" if trouble is None else "waiting",
        reason=trouble,
        reply=None,
        finished_at=now_ms,
    )
    if later:
        _open_anew(tx, later)


def _answers(status: MessageStatus, row: Row) -> bool:
    return turns.reply_id(_chat(row), row["wa_id"]) == status.ref


def _chat(row: Row) -> ChatKey:
    return ChatKey(row["tenant_id"], row["account"], row["chat"])


def _open_anew(tx: Tx, rows: list[Row]) -> None:
    """Give messages that no reply has answered a turn of their own, named after the first."""
    first, key = rows[0], _chat(rows[0])
    turn_id = turns.turn_id(key, first["wa_id"])
    tx.run(
        "turns.open",
        **records.where(key),
        turn_id=turn_id,
        agent_id=first["agent_id"],
        first_at=first["received_at"],
        due_at=first["due_at"],
    )
    for row in rows:
        tx.run("messages.cover", **records.where(key), wa_id=row["wa_id"], turn_id=turn_id)
