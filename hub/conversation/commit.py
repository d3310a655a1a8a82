"""A turn from its look at the store to its end, each step one transaction.

`begin` judges the turn right before an engine is asked; `commit` and `give_up` judge it again and
write the reply, the order to send it and the turn's end together, or nothing. A process that dies
between the two finds the turn pending and begins anew: the reply's id is derived, so there is never
a second one.
"""

from typing import Literal

import msgspec

from hub.assistant.engine import Answer, Turn
from hub.conversation import records, transcript, turns, wording
from hub.conversation.records import Chat, Shop
from hub.conversation.transcript import Entry
from hub.conversation.turns import ChatKey, Proceed, Reason, Situation, Verdict, Wait
from hub.store.outbound import enqueue_down
from hub.store.policy import TenantPolicy
from hub.store.tx import Tx
from protocol import ids
from protocol.messages import Instant, MessageSend

_State = Literal["answered", "suggested", "waiting", "dropped"]


class Begun(msgspec.Struct, frozen=True):
    """A turn that an engine is to answer, as it stood at `version`."""

    key: ChatKey
    turn: Turn
    version: int
    agent_id: str
    mode: Literal["suggest", "auto"]
    covered: tuple[str, ...]  # the ids of the messages that it answers


class _View(msgspec.Struct, frozen=True):
    """Everything about a pending turn at one moment."""

    key: ChatKey
    turn_id: str
    version: int
    agent_id: str
    shop: Shop
    chat: Chat
    covered: list[Entry]
    history: list[Entry]
    verdict: Verdict
    now: int

    @property
    def policy(self) -> TenantPolicy:
        return self.shop.rules.policy


class _End(msgspec.Struct, frozen=True, kw_only=True):
    """What is written of a turn when it ends."""

    state: _State
    reason: str | None = None
    reply: str | None = None
    trace: str | None = None


def begin(tx: Tx, key: ChatKey, turn_id: str, now_ms: int, defaults: TenantPolicy) -> Begun | None:
    """The turn as an engine gets it; None when it is over, or ended here without an answer."""
    view = _look(tx, key, turn_id, now_ms, defaults)
    proceed = _judged(tx, view)
    if view is None or proceed is None:
        return None
    turn = Turn(
        turn_id=turn_id,
        tenant=view.shop.profile,
        chat_key=key.chat,
        customer_name=view.chat.name,
        messages=transcript.lines(view.covered),
        history=transcript.lines(view.history),
        late=proceed.late,
        now_ms=now_ms,
    )
    covered = tuple(entry.wa_id for entry in view.covered)
    return Begun(key, turn, view.version, view.agent_id, proceed.mode, covered)


def commit(
    tx: Tx, begun: Begun, answer: Answer, trace: str, now_ms: int, defaults: TenantPolicy
) -> str | None:
    """End the turn with an answer, unless it changed or is no longer the bot's.

    `trace` comes from `record_of`. Returns the agent that has a new order, if one has.
    """
    view = _unchanged(tx, begun, now_ms, defaults)
    proceed = _judged(tx, view)
    if view is None or proceed is None:
        return None
    reply = _compose(view, answer.text, proceed)
    if proceed.mode == "suggest":
        _end(tx, view, _End(state="suggested", reason=answer.handover, reply=reply, trace=trace))
        return None
    _send(tx, view, reply)
    if answer.handover is None:
        _end(tx, view, _End(state="answered", reply=reply, trace=trace))
        _remember_told(tx, view, None)
    else:
        _end(tx, view, _End(state="waiting", reason=answer.handover, reply=reply, trace=trace))
        _remember_told(tx, view, now_ms)
        _pause(tx, view)
    return view.agent_id


def give_up(
    tx: Tx, begun: Begun, reason: Reason, trace: str, now_ms: int, defaults: TenantPolicy
) -> str | None:
    """Put the turn before a person; in mode `auto` the customer is told so, once.

    Once means: not again before the bot answered or the owner wrote. Returns as `commit`.
    """
    view = _unchanged(tx, begun, now_ms, defaults)
    proceed = _judged(tx, view)
    if view is None or proceed is None:
        return None
    told = proceed.mode == "suggest" or view.chat.state.handed_over_at is not None
    reply = "" if told else _compose(view, view.policy.handover, proceed)
    _end(tx, view, _End(state="waiting", reason=reason.value, reply=reply or None, trace=trace))
    if not reply:
        return None
    _send(tx, view, reply)
    _remember_told(tx, view, now_ms)
    return view.agent_id


def park(tx: Tx, key: ChatKey, turn_id: str, now_ms: int) -> None:
    """Put a turn before a person without looking at it: looking is what fails."""
    tx.run(
        "turns.finish",
        tenant_id=key.tenant_id,
        turn_id=turn_id,
        late=0,
        finished_at=now_ms,
        **msgspec.structs.asdict(_End(state="waiting", reason=Reason.TURN_FAILED.value)),
    )


def record_of(begun: Begun, answer: Answer | None, latency_ms: int) -> str:
    """The JSON text that a turn keeps of how its answer came about, or did not (None)."""
    trace = {
        "path": None if answer is None else answer.path,
        "tool_calls": () if answer is None else answer.tool_calls,
        "latency_ms": latency_ms,
        "messages": begun.covered,
    }
    return msgspec.json.encode(trace).decode()


def _unchanged(tx: Tx, begun: Begun, now_ms: int, defaults: TenantPolicy) -> _View | None:
    """The turn now; None when it is over or not the one any more that the engine saw."""
    view = _look(tx, begun.key, begun.turn.turn_id, now_ms, defaults)
    return view if view is not None and view.version == begun.version else None


def _judged(tx: Tx, view: _View | None) -> Proceed | None:
    """The word to go on; without it the turn, if there is one, ends here and unanswered."""
    if view is None:
        return None
    if isinstance(view.verdict, Proceed):
        return view.verdict
    state: _State = "waiting" if isinstance(view.verdict, Wait) else "dropped"
    _end(tx, view, _End(state=state, reason=view.verdict.reason.value))
    if view.verdict.reason is Reason.LOOP:
        _pause(tx, view)  # it stops the bot in this chat, not for this turn alone
    return None


def _look(tx: Tx, key: ChatKey, turn_id: str, now_ms: int, defaults: TenantPolicy) -> _View | None:
    row = tx.one("turns.one", tenant_id=key.tenant_id, turn_id=turn_id)
    if row is None or row["state"] != "pending":
        return None
    shop, chat = records.shop(tx, key.tenant_id, defaults), records.chat(tx, key)
    standing = transcript.fold(records.recent(tx, key))
    covered = transcript.of_turn(standing, turn_id)
    situation = Situation(
        chat=key.chat,
        phone=next((e.phone for e in reversed(covered) if e.phone), None),
        state=chat.state,
        sent_at=tuple(entry.sent_at for entry in covered),
        replied_at=records.replied_at(standing),
    )
    return _View(
        key=key,
        turn_id=turn_id,
        version=row["version"],
        agent_id=row["agent_id"],
        shop=shop,
        chat=chat,
        covered=covered,
        history=transcript.before(standing, covered),
        verdict=turns.judge(shop.rules, situation, now_ms),
        now=now_ms,
    )


def _compose(view: _View, words: str, verdict: Proceed) -> str:
    """The message for the customer, with the apology and the disclosure that are due."""
    discloses = turns.must_disclose(view.chat.state, view.now)
    return wording.compose(
        words,
        opening=view.policy.late_apology if verdict.late else "",
        closing=view.policy.disclosure if discloses else "",
    )


def _send(tx: Tx, view: _View, reply: str) -> None:
    """Order the reply from the agent that saw the newest message, and record it as said."""
    key = view.key
    event_id = turns.reply_id(key, view.covered[-1].wa_id)
    expires_at = turns.expires_at((e.sent_at for e in view.covered), view.now, view.policy)
    order = MessageSend(
        account=key.account, chat=key.chat, text=reply, expires_at=Instant(expires_at)
    )
    enqueue_down(tx, key.tenant_id, view.agent_id, event_id, order, view.now)
    tx.run(
        "messages.insert",
        **records.where(key),
        agent_id=view.agent_id,
        participant="",
        wa_id=ids.whatsapp_key(event_id),
        direction="out",
        author="bot",
        kind="text",
        text=reply,
        media=None,
        reply_to=None,
        sender=None,
        sent_at=view.now,
        received_at=view.now,
        live=1,
        turn_id=view.turn_id,
        event_id=str(event_id),
        state="queued",
        state_at=view.now,
    )


def _remember_told(tx: Tx, view: _View, handed_over_at: int | None) -> None:
    """Note what the reply said besides the answer; an ordinary one ends an announced handover."""
    state = view.chat.state
    discloses = bool(view.policy.disclosure) and turns.must_disclose(state, view.now)
    disclosed_at = view.now if discloses else state.disclosed_at
    told = {"disclosed_at": disclosed_at, "handed_over_at": handed_over_at}
    tx.run("chats.told", **records.where(view.key), **told)


def _pause(tx: Tx, view: _View) -> None:
    until = turns.pause(None, view.now, view.now, view.policy.takeover_s)
    tx.run("chats.pause", **records.where(view.key), paused_until=until)


def _end(tx: Tx, view: _View, end: _End) -> None:
    late = isinstance(view.verdict, Proceed) and view.verdict.late
    tx.run(
        "turns.finish",
        tenant_id=view.key.tenant_id,
        turn_id=view.turn_id,
        late=int(late),
        finished_at=view.now,
        **msgspec.structs.asdict(end),
    )
