"""What the hub stored of a period, as `audit.py` compares it; one of the shop's numbers at a time.

A message that came after the agent was asked counts only if WhatsApp showed it already.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from hub.conversation.audit import Fate, Key, Stored
from hub.conversation.turns import Reason
from hub.store.tx import Row, Tx
from protocol.audit import AuditData, Shown, read
from protocol.ids import is_one_to_one
from protocol.messages import INT_MAX, CommandState

CHANGES: Final = ("reaction", "edit", "revoke")  # they change a message, and are none themselves
SENT: Final = ("sent", "delivered", "read")


class Account(msgspec.Struct, frozen=True):
    """One of a shop's numbers, in a period; what came after `until_ms` is no part of it."""

    tenant_id: str
    account: str
    since_ms: int
    until_ms: int = INT_MAX


def stored(tx: Tx, of: Account, shown: Sequence[Shown] | None) -> dict[Key, Stored]:
    """What the hub has of the period, and of what WhatsApp shows."""
    where = {"tenant_id": of.tenant_id, "account": of.account}
    period = {**where, "since_ms": of.since_ms}
    went_out = _went_out(tx.all("audit.replies", **period))
    found = {}
    for row in tx.all("audit.messages", **period, until_ms=of.until_ms):
        if is_one_to_one(row["chat"]) and row["kind"] not in CHANGES:
            found[row["chat"], row["wa_id"]] = _stored(row, went_out)
    for one in shown or ():
        key = (one.chat, one.wa_id)
        if key in found:
            continue
        later = tx.one("audit.message", **where, chat=one.chat, wa_id=one.wa_id)
        if later is not None:
            found[key] = _stored(later, went_out)
        elif one.from_me and _is_own(tx, where, one.wa_id):
            found[key] = Stored(one.sent_at.ms, None)
    return found


def erased(tx: Tx, of: Account, shown: Sequence[Shown]) -> set[Key]:
    """Which of these messages a customer had erased: they are to stay away."""
    where = {"tenant_id": of.tenant_id, "account": of.account}
    if tx.one("messages.any_erased", tenant_id=of.tenant_id) is None:
        return set()
    return {
        (one.chat, one.wa_id)
        for one in shown
        if tx.one("messages.is_erased", **where, wa_id=one.wa_id) is not None
    }


def read_data(state: CommandState, data: Any) -> AuditData | None:
    """What an agent told; None when it told nothing, or what only another version reads."""
    if state != "done":
        return None
    try:
        return read(AuditData, data)
    except ValueError:
        return None


def _is_own(tx: Tx, where: dict[str, str], wa_id: str) -> bool:
    """Whether we sent it; WhatsApp may show the chat under another name than it was sent to."""
    return tx.one("messages.is_own", **where, wa_id=wa_id) is not None


def _went_out(replies: Iterable[Row]) -> Mapping[str, bool]:
    """Of each turn with a reply: whether it went out."""
    found: dict[str, bool] = {}
    for row in replies:
        found[row["turn_id"]] = found.get(row["turn_id"], False) or row["state"] in SENT
    return found


def _stored(row: Row, went_out: Mapping[str, bool]) -> Stored:
    is_own = row["direction"] == "out"
    return Stored(row["sent_at"], None if is_own else _fate(row, went_out))


def _fate(row: Row, went_out: Mapping[str, bool]) -> Fate:
    match row["turn_state"]:
        case "answered":  # without a reply on record: it was sent before the hub forgot it
            return "answered" if went_out.get(row["turn_id"], True) else "open"
        case "pending":
            return "open"
        case "suggested" | "waiting":
            return "waiting"
        case "dropped" if row["reason"] == Reason.OWNER_REPLIED:
            return "answered"
        case _:
            return "left"
