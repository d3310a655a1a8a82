"""A turn from its look at the store to its end, each step one transaction.

`begin` judges the turn right before an engine is asked; `commit` and `give_up` judge it again and
write the reply, the order to send it and the turn's end together, or nothing. A process that dies
between the two finds the turn pending and begins anew: the reply's id is derived, so there is never
a second one.
"""

from typing import Literal
from uuid import uuid4

import msgspec

from hub.assistant.engine import Answer, Turn
from hub.commerce import customers, effects
from hub.commerce.aliases import Alias, aliases_of
from hub.commerce.effects import Scene
from hub.conversation import records, transcript, turns, wording
from hub.conversation.notices import FALLBACK, notices
from hub.conversation.records import Chat
from hub.conversation.transcript import Entry
from hub.conversation.turns import (
    ChatKey,
    ChatState,
    Proceed,
    Reason,
    Rules,
    Situation,
    Verdict,
    Wait,
)
from hub.store.outbound import Order, enqueue_down
from hub.store.policy import TenantPolicy
from hub.store.tx import Tx
from protocol.messages import Instant, MessageSend

_State = Literal["answered", "suggested", "waiting", "dropped"]


class Begun(msgspec.Struct, frozen=True):
    """A turn that an engine is to answer, as it stood at `version`.

    Whatever bears on its answer raises the version: a message, an edit, a word of the owner's.
    """

    key: ChatKey
    turn: Turn
    version: int
    agent_id: str
    mode: Literal["suggest", "auto"]
    covered: tuple[str, ...]  # the ids of the messages that it answers
    situation: Situation


class Again(msgspec.Struct, frozen=True):
    """The turn changed while it was answered: it is to be begun anew at this time (ms UTC)."""

    due_at: int


class _View(msgspec.Struct, frozen=True):
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
        return self.rules.policy

    @property
    def state(self) -> ChatState:
        return self.situation.state


class _End(msgspec.Struct, frozen=True, kw_only=True):
    """What is written of a turn when it ends."""

    state: _State
    reason: str | None = None
    reply: str | None = None
    trace: str | None = None


class Opened(msgspec.Struct, frozen=True):
    """What a turn's row holds besides its name, and its chat."""

    version: int
    agent_id: str
    chat: Chat


def begin(tx: Tx, key: ChatKey, turn_id: str, now_ms: int, defaults: TenantPolicy) -> Begun | None:
    """The turn as an engine gets it; None when it is over, or ended here without an answer."""
    row = tx.one("turns.one", tenant_id=key.tenant_id, turn_id=turn_id)
    if row is None or row["state"] != "pending":
        return None
    opened = Opened(row["version"], row["agent_id"], records.chat_of(row))
    return begin_opened(tx, key, turn_id, opened, now_ms, defaults)


def begin_opened(
    tx: Tx, key: ChatKey, turn_id: str, opened: Opened, now_ms: int, defaults: TenantPolicy
) -> Begun | None:
    """As `begin`, of a turn that is known to be pending and as `opened` says."""
    shop, chat = records.shop(tx, key.tenant_id, defaults), opened.chat
    standing = transcript.fold(records.recent(tx, key))
    covered = transcript.of_turn(standing, turn_id)
    situation = _situation(key, chat.state, standing, covered)
    view = _View(
        key=key,
        turn_id=turn_id,
        version=opened.version,
        agent_id=opened.agent_id,
        rules=shop.rules,
        situation=situation,
        covered=tuple(entry.wa_id for entry in covered),
        verdict=turns.judge(shop.rules, situation, now_ms),
        now=now_ms,
    )
    if not isinstance(proceed := view.verdict, Proceed):
        _let_go(tx, view)
        return None
    turn = Turn(
        turn_id=turn_id,
        tenant=shop.profile,
        chat_key=key.chat,
        customer_name=chat.name,
        phone=situation.phone,
        lid=next((entry.lid for entry in reversed(covered) if entry.lid), None),
        messages=transcript.lines(covered),
        history=transcript.lines(transcript.before(standing, covered)),
        late=proceed.late,
        now_ms=now_ms,
    )
    return Begun(key, turn, view.version, view.agent_id, proceed.mode, view.covered, situation)


def commit(
    tx: Tx, begun: Begun, answer: Answer, trace: str, now_ms: int, defaults: TenantPolicy
) -> Order | Again | None:
    """End the turn with an answer, unless it changed or is no longer the bot's.

    `trace` comes from `record_of`. Returns the order to send it, if there is one. A reply that is
    only suggested has no effects: no customer has read it.

    Raises:
        Outdated: the shop is not any more as the answer says; the turn is to be begun anew.
    """
    view = _now(tx, begun, now_ms, defaults)
    if not isinstance(proceed := view.verdict, Proceed):
        return None if _let_go(tx, view) else _again(tx, view)
    if proceed.mode == "suggest":
        reply = _compose(view, answer.text, proceed, answer.language)
        draft = _End(state="suggested", reason=answer.handover, reply=reply, trace=trace)
        return None if _end(tx, view, draft) else _again(tx, view)
    state: _State = "answered" if answer.handover is None else "waiting"
    if not _end(tx, view, _End(state=state, reason=answer.handover, trace=trace)):
        return _again(tx, view)
    words = _act(tx, begun, answer, now_ms) if answer.effects else answer.text
    order = _send(tx, view, _compose(view, words, proceed, answer.language))
    if answer.handover is None:
        _remember_told(tx, view, None)
    else:
        _remember_told(tx, view, now_ms)
        _pause(tx, view)
    return order


def give_up(
    tx: Tx, begun: Begun, reason: Reason, trace: str, now_ms: int, defaults: TenantPolicy
) -> Order | Again | None:
    """Put the turn before a person; in mode `auto` the customer is told so, once.

    Once means: not again before the bot answered or the owner wrote. Returns as `commit`.
    """
    view = _now(tx, begun, now_ms, defaults)
    if not isinstance(proceed := view.verdict, Proceed):
        return None if _let_go(tx, view) else _again(tx, view)
    told = proceed.mode == "suggest" or view.state.handed_over_at is not None
    reply = "" if told else _compose(view, view.policy.handover, proceed)
    if not _end(tx, view, _End(state="waiting", reason=reason.value, trace=trace)):
        return _again(tx, view)
    if not reply:
        return None
    order = _send(tx, view, reply)
    _remember_told(tx, view, now_ms)
    return order


def park(tx: Tx, key: ChatKey, turn_id: str, now_ms: int) -> None:
    """Put a turn before a person without looking at it: looking is what fails."""
    tx.run(
        "turns.finish",
        tenant_id=key.tenant_id,
        turn_id=turn_id,
        version=None,
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


def _situation(
    key: ChatKey, state: ChatState, standing: list[Entry], covered: list[Entry]
) -> Situation:
    return Situation(
        chat=key.chat,
        phone=next((e.phone for e in reversed(covered) if e.phone), None),
        state=state,
        sent_at=tuple(entry.sent_at for entry in covered),
        replied_at=records.replied_at(standing),
    )


def _now(tx: Tx, begun: Begun, now_ms: int, defaults: TenantPolicy) -> _View:
    """The turn as it was begun, judged by the time and the rules of now.

    Whether it is still the same is asked by `_end`, which ends no other version.
    """
    rules = records.shop(tx, begun.key.tenant_id, defaults).rules
    return _View(
        key=begun.key,
        turn_id=begun.turn.turn_id,
        version=begun.version,
        agent_id=begun.agent_id,
        rules=rules,
        situation=begun.situation,
        covered=begun.covered,
        verdict=turns.judge(rules, begun.situation, now_ms),
        now=now_ms,
    )


def _let_go(tx: Tx, view: _View) -> bool:
    """End a turn that the bot must not answer; False when it is not the one that was judged."""
    verdict = view.verdict
    if isinstance(verdict, Proceed):
        raise TypeError("this turn is to be answered")
    state: _State = "waiting" if isinstance(verdict, Wait) else "dropped"
    ended = _end(tx, view, _End(state=state, reason=verdict.reason.value))
    if ended and verdict.reason is Reason.LOOP:
        _pause(tx, view)  # it stops the bot in this chat, not for this turn alone
    return ended


def _again(tx: Tx, view: _View) -> Again | None:
    """When a turn that was not ended is to be begun anew; None when it is over."""
    row = tx.one("turns.one", tenant_id=view.key.tenant_id, turn_id=view.turn_id)
    return Again(row["due_at"]) if row is not None and row["state"] == "pending" else None


def _act(tx: Tx, begun: Begun, answer: Answer, now_ms: int) -> str:
    """Do what the answer says was done; its words, with the numbers that orders got."""
    turn = begun.turn
    scene = Scene(
        tenant_id=begun.key.tenant_id,
        aliases=_aliases(turn),
        customer_name=turn.customer_name,
        turn_id=turn.turn_id,
        account=begun.key.account,
        chat=begun.key.chat,
        agent_id=begun.agent_id,
        now_ms=now_ms,
        new_ids=lambda: uuid4().hex,
    )
    return effects.apply(tx, scene, answer.effects).worded(answer.text)


def acquaint(tx: Tx, begun: Begun, now_ms: int) -> None:
    """Make the customer known, by all ids at once.

    Two customers become one here and not with the answer, whose undoing would part them again.
    """
    turn, new_id = begun.turn, uuid4().hex
    tenant_id = begun.key.tenant_id
    customers.ensure(tx, tenant_id, _aliases(turn), turn.customer_name, now_ms, new_id)


def _aliases(turn: Turn) -> tuple[Alias, ...]:
    return aliases_of(turn.chat_key, turn.phone, turn.lid)


def _compose(view: _View, words: str, verdict: Proceed, language: str = FALLBACK) -> str:
    """The message for the customer, with the apology and the disclosure that are due."""
    discloses = turns.must_disclose(view.state, view.now)
    said = notices(view.policy, language)
    return wording.compose(
        words,
        opening=said.late_apology if verdict.late else "",
        closing=said.disclosure if discloses else "",
    )


def _send(tx: Tx, view: _View, reply: str) -> Order:
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


def _remember_told(tx: Tx, view: _View, handed_over_at: int | None) -> None:
    """Note what the reply said besides the answer; an ordinary one ends an announced handover."""
    state = view.state
    discloses = bool(view.policy.disclosure) and turns.must_disclose(state, view.now)
    disclosed_at = view.now if discloses else state.disclosed_at
    if (disclosed_at, handed_over_at) == (state.disclosed_at, state.handed_over_at):
        return
    told = {"disclosed_at": disclosed_at, "handed_over_at": handed_over_at}
    tx.run("chats.told", **records.where(view.key), **told)


def _pause(tx: Tx, view: _View) -> None:
    until = turns.pause(None, view.now, view.now, view.policy.takeover_s)
    tx.run("chats.pause", **records.where(view.key), paused_until=until)


def _end(tx: Tx, view: _View, end: _End) -> bool:
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
