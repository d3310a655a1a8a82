"""How a turn ends: its reply, the order to send it and what is remembered of it.

Everything here is a part of the transaction that `commit.py` makes of it.
"""

from typing import Literal

import msgspec

from hub.conversation import records, turns, wording
from hub.conversation.notices import FALLBACK, notices
from hub.conversation.turns import ChatKey, ChatState, Proceed, Rules, Situation, Verdict
from hub.store import operator_notices
from hub.store.outbound import Order, enqueue_down
from hub.store.policy import TenantPolicy
from hub.store.tx import Tx
from protocol.messages import Instant, MessageSend

State = Literal["answered", "suggested", "waiting", "dropped"]


class View(msgspec.Struct, frozen=True):
    """A turn at one moment, as far as its end depends on it."""

    key: ChatKey
    turn_id: str
    version: int
    agent_id: str
    rules: Rules
    situation: Situation
    covered: tuple[str, ...]
    verdict: Verdict
    now: int

    @property
    def policy(self) -> TenantPolicy:
        """What the shop set."""
        return self.rules.policy

    @property
    def state(self) -> ChatState:
        """What is kept of the chat."""
        return self.situation.state


class End(msgspec.Struct, frozen=True, kw_only=True):
    """What is written of a turn when it ends."""

    state: State
    reason: str | None = None
    reply: str | None = None
    trace: str | None = None


def compose(view: View, words: str, verdict: Proceed, language: str = FALLBACK) -> str:
    """The message for the customer, with the apology and the disclosure that are due."""
    said = notices(view.policy, language)
    return wording.compose(
        words,
        opening=said.late_apology if verdict.late else "",
        closing=said.disclosure if discloses(view) else "",
    )


def discloses(view: View) -> bool:
    """Whether a reply says that it is automatic; a shop may have no words for that."""
    return bool(view.policy.disclosure) and turns.must_disclose(view.state, view.now)


def send(tx: Tx, view: View, reply: str) -> Order:
    """Order the reply from the agent that saw the newest message, and record it as said."""
    key = view.key
    event_id = turns.reply_id(key, view.covered[-1])
    expires_at = turns.expires_at(view.situation.sent_at, view.now, view.policy)
    data = MessageSend(
        account=key.account, chat=key.chat, text=reply, expires_at=Instant(expires_at)
    )
    order = enqueue_down(tx, key.tenant_id, view.agent_id, event_id, data, view.now)
    records.say(tx, key, view.agent_id, view.turn_id, event_id, "queued", reply, view.now)
    return order


def remember_told(tx: Tx, view: View, handed_over_at: int | None) -> None:
    """Note what the reply said besides the answer; an ordinary one ends an announced handover."""
    disclosed_at = view.now if discloses(view) else view.state.disclosed_at
    note_told(tx, view.key, view.state, disclosed_at, handed_over_at)


def note_told(
    tx: Tx, key: ChatKey, state: ChatState, disclosed_at: int | None, handed_over_at: int | None
) -> None:
    """Keep when the customer was told so in a chat whose state was this; nothing is kept twice."""
    if (disclosed_at, handed_over_at) != (state.disclosed_at, state.handed_over_at):
        told = {"disclosed_at": disclosed_at, "handed_over_at": handed_over_at}
        tx.run("chats.told", **records.where(key), **told)


def silence(tx: Tx, key: ChatKey, takeover_s: float, now_ms: int) -> int:
    """Leave the chat to a person from now on; until when."""
    until = turns.pause(None, now_ms, now_ms, takeover_s)
    tx.run("chats.pause", **records.where(key), paused_until=until)
    return until


def finish(tx: Tx, view: View, end: End) -> bool:
    """End the turn; False when it is over or not the one any more that was judged."""
    late = isinstance(view.verdict, Proceed) and view.verdict.late
    ended = tx.run(
        "turns.finish",
        tenant_id=view.key.tenant_id,
        turn_id=view.turn_id,
        version=view.version,
        late=int(late),
        finished_at=view.now,
        state=end.state,
        reason=end.reason,
        reply=end.reply,
        trace=end.trace,
    )
    return ended == 1


def stop(tx: Tx, view: View) -> None:
    """Leave the chat, and not this turn alone, to a person; the operator is told each time."""
    silence(tx, view.key, view.policy.takeover_s, view.now)
    subject = f"{view.key.chat} {Instant(view.now)}"
    operator_notices.tell(tx, view.key.tenant_id, "loop", subject, view.now)
