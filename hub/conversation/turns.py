"""CORE: what a received message means, whether a turn may be answered, and when. Plain values only.

Sources: docs/rules.md §1 (filter, staleness, debounce, modes, takeover, loop breaker) and SPEC §9
"Turns". Times are integer milliseconds UTC unless a name ends in `_s`.
"""

from collections.abc import Iterable, Sequence
from enum import Enum, StrEnum, auto
from hashlib import sha256
from typing import Final, Literal
from uuid import UUID

import msgspec
from rapidfuzz import fuzz

from hub.store.policy import TenantPolicy
from protocol import ids
from protocol.messages import MESSAGE_KINDS, SendState

Mode = Literal["off", "suggest", "auto"]
ContactPolicy = Literal["unknown", "chosen", "everyone"]

TURN_KINDS: Final = ("text", "media", "location", "contact")
CHANGE_KINDS: Final = ("edit", "revoke")
LOOP_REPLIES: Final = 6
LOOP_WINDOW_MS: Final = 60_000
"""Six automatic replies a minute in one chat: most likely two machines talk (docs/rules.md §1)."""
SAME_EXCHANGES: Final = 3
SAME_WINDOW_MS: Final = 600_000
SAME_PCT: Final = 90.0
"""Three exchanges with the same words: a machine repeats itself at once, a person who asks the same
thrice a day does not within ten minutes. Its own words may hold a number that counts up."""
CONVERSATION_MS: Final = 24 * 3_600_000
"""After a day a customer is told again that replies are automatic: it is another conversation."""


class AgentRef(msgspec.Struct, frozen=True):
    """The agent that reported something, by its token."""

    tenant_id: str
    agent_id: str


class ChatKey(msgspec.Struct, frozen=True):
    """One conversation of one shop's number."""

    tenant_id: str
    account: str
    chat: str


class Origin(Enum):
    """What a received message is to its conversation."""

    ELSEWHERE = auto()  # not one-to-one: recorded, never answered
    ECHO = auto()  # our own reply, seen again
    OWNER = auto()  # the owner wrote from the phone: the bot steps back
    CUSTOMER = auto()  # starts a turn or joins it
    CHANGE = auto()  # a customer's edit or revoke: changes the turn
    ASIDE = auto()  # a reaction, or a kind that nobody knows: recorded


class Reason(StrEnum):
    """Why a turn was dropped or waits for a person; an engine's handover has its own words."""

    REVOKED = "revoked"
    OFF = "off"
    TAKEN_OVER = "taken_over"
    OWNER_REPLIED = "owner_replied"
    DISMISSED = "dismissed"
    RESUMED = "resumed"
    CONTACT_REFUSED = "contact_refused"
    CONTACT_UNKNOWN = "contact_unknown"
    STALE = "stale"
    LOOP = "loop"
    TURN_FAILED = "turn_failed"
    ENGINE_FAILED = "engine_failed"
    ENGINE_TIMEOUT = "engine_timeout"
    SEND_FAILED = "send_failed"
    SEND_UNKNOWN = "send_unknown"
    SEND_EXPIRED = "send_expired"


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """A shop's say in who is answered, and how."""

    mode: Mode
    contact_policy: ContactPolicy
    policy: TenantPolicy


class ChatState(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a chat between turns."""

    mode: Mode | None = None  # None: the shop's
    owner_wrote: bool = False
    paused_until: int | None = None
    handed_over_at: int | None = None
    disclosed_at: int | None = None


class Exchange(msgspec.Struct, frozen=True):
    """What a customer wrote, and what the bot replied at a time."""

    said: str
    reply: str
    at: int


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that decides whether a turn may be answered now.

    `sent_at` are the times of the customer's messages that are still there, `said` is their words;
    `replied_at` are those of the bot's own messages in this chat, `exchanges` what was said, where
    `may_be_stuck` asks for it: the newest of both.
    """

    chat: str
    phone: str | None
    state: ChatState
    sent_at: tuple[int, ...]
    replied_at: tuple[int, ...] = ()
    said: str = ""
    exchanges: tuple[Exchange, ...] = ()


class Proceed(msgspec.Struct, frozen=True):
    """The bot may answer. In mode `suggest` nothing is sent; `late` asks for an apology."""

    mode: Literal["suggest", "auto"]
    late: bool


class Wait(msgspec.Struct, frozen=True):
    """A person has to look at the turn."""

    reason: Reason


class Drop(msgspec.Struct, frozen=True):
    """Nobody has to do anything: the conversation is not the bot's, or nothing is left of it."""

    reason: Reason


Verdict = Proceed | Wait | Drop


def known_kind(kind: str) -> str:
    """The kind under which a message is recorded: one that nobody knows counts as `other`."""
    return kind if kind in MESSAGE_KINDS else "other"


def classify(chat: str, kind: str, *, from_me: bool, own_key: bool) -> Origin:
    """What a message is; `own_key`: its id is the derived key of one of our replies."""
    if not ids.is_one_to_one(chat):
        return Origin.ELSEWHERE
    if from_me:
        return Origin.ECHO if own_key else Origin.OWNER
    if kind in TURN_KINDS:
        return Origin.CUSTOMER
    return Origin.CHANGE if kind in CHANGE_KINDS else Origin.ASIDE


def reply_id(key: ChatKey, wa_id: str) -> UUID:
    """The id of the one reply to a turn whose newest message is `wa_id` (SPEC §9)."""
    return ids.reply_id(key.account, key.chat, "", wa_id, 0)


def turn_id(key: ChatKey, wa_id: str) -> str:
    """The name of the turn that a message opens: after the message, which opens no other."""
    name = msgspec.json.encode([key.tenant_id, key.account, key.chat, wa_id])
    return sha256(name).hexdigest()[:32]


def source_of(own: str, key: ChatKey, inbound: Iterable[str]) -> str | None:
    """The message of `inbound` to which a message with the id `own` is our reply, if it is one.

    Recognises our own words even when the hub was restored from a backup that lacks them.
    """
    for wa_id in inbound:
        if ids.whatsapp_key(reply_id(key, wa_id)) == own:
            return wa_id
    return None


def judge(rules: Rules, situation: Situation, now: int) -> Verdict:
    """Whether the turn may be answered at this moment; asked before generating and at commit."""
    if not situation.sent_at:
        return Drop(Reason.REVOKED)
    mode = situation.state.mode or rules.mode
    if mode == "off":
        return Drop(Reason.OFF)
    if is_paused(situation.state.paused_until, now):
        return Drop(Reason.TAKEN_OVER)
    barred = _judge_contact(rules, situation)
    if barred is not None:
        return barred
    if _age_s(max(situation.sent_at), now) >= rules.policy.stale_s:
        return Wait(Reason.STALE)
    if _is_hasty(situation, now) or _is_stuck(situation, now):
        return Wait(Reason.LOOP)
    return Proceed(mode, _age_s(min(situation.sent_at), now) >= rules.policy.fresh_s)


def _since(situation: Situation, now: int, window_ms: int) -> int:
    """From when on replies are a sign of a loop: a person who had the chat since broke it."""
    return max(now - window_ms, situation.state.paused_until or 0)


def _is_hasty(situation: Situation, now: int) -> bool:
    """Whether the bot wrote so often of late that it most likely talks to a machine."""
    if len(situation.replied_at) < LOOP_REPLIES:
        return False
    since = _since(situation, now, LOOP_WINDOW_MS)
    return sum(at > since for at in situation.replied_at) >= LOOP_REPLIES


def may_be_stuck(replied_at: Sequence[int], now: int) -> bool:
    """Whether the bot wrote often enough of late that exchanges are worth a comparison."""
    return len(replied_at) >= SAME_EXCHANGES and replied_at[-SAME_EXCHANGES] > now - SAME_WINDOW_MS


def _is_stuck(situation: Situation, now: int) -> bool:
    """Whether the same is said and replied again and again, and said once more now."""
    since = _since(situation, now, SAME_WINDOW_MS)
    newest = [one for one in situation.exchanges[-SAME_EXCHANGES:] if one.at > since]
    if len(newest) < SAME_EXCHANGES:
        return False
    same_reply = all(_is_framed(one.reply, newest[-1].reply) for one in newest)
    return same_reply and all(_is_alike(one.said, situation.said) for one in newest)


def _is_framed(one: str, other: str) -> bool:
    """Whether two replies say the same, but for an apology before or a notice behind it."""
    return one in other or other in one


def _is_alike(one: str, other: str) -> bool:
    """Whether two messages have nearly the same words; without any they may be two pictures."""
    texts = [" ".join(text.casefold().split()) for text in (one, other)]
    return all(texts) and fuzz.ratio(*texts, score_cutoff=SAME_PCT) > 0


def _judge_contact(rules: Rules, situation: Situation) -> Wait | Drop | None:
    """None when this person may be answered; an identity is never guessed."""
    if rules.contact_policy == "everyone" and not rules.policy.never:
        return None
    numbers = _numbers(situation.chat, situation.phone)
    never, chosen = (_digits_of(group) for group in (rules.policy.never, rules.policy.chosen))
    if numbers & never:
        return Drop(Reason.CONTACT_REFUSED)
    if never and not numbers:
        return Wait(Reason.CONTACT_UNKNOWN)
    if rules.contact_policy == "everyone":
        return None
    if rules.contact_policy == "unknown":
        return Drop(Reason.CONTACT_REFUSED) if situation.state.owner_wrote else None
    return None if numbers & chosen else Drop(Reason.CONTACT_REFUSED)


def is_barred(policy: TenantPolicy, chat: str, phones: Iterable[str]) -> bool:
    """Whether the shop must not write to this person, or may not know that it must not."""
    numbers = _numbers(chat, None).union(*(_numbers(chat, phone) for phone in phones))
    never = _digits_of(policy.never)
    return bool(never) and (not numbers or bool(numbers & never))


def _numbers(chat: str, phone: str | None) -> set[str]:
    """The digits of every phone number by which this person is known; a LID is none."""
    user, _, server = chat.partition("@")
    numbers = {_digits(phone)} if phone else set()
    if server != "lid":
        numbers.add(_digits(user.partition(":")[0]))  # a device's number follows a colon
    return numbers - {""}


def _digits_of(numbers: Iterable[str]) -> set[str]:
    return {_digits(number) for number in numbers}


def _digits(number: str) -> str:
    return "".join(c for c in number if c.isdecimal())


def _age_s(sent_at: int, now: int) -> float:
    """How old a message is; one from the future is fresh."""
    return max(0, now - sent_at) / 1000


def is_paused(paused_until: int | None, now: int) -> bool:
    """Whether a person has the conversation."""
    return paused_until is not None and now < paused_until


def due(policy: TenantPolicy, first_at: int, now: int) -> int:
    """When a turn is answered if nobody writes again: after some quiet, but not put off forever.

    `first_at` is when the turn's first message reached the hub. Never before `now`.
    """
    quiet = now + round(policy.debounce_s * 1000)
    return max(now, min(quiet, latest_due(policy, first_at)))


def latest_due(policy: TenantPolicy, first_at: int) -> int:
    """The moment beyond which nobody waits, however much the customer still writes."""
    return first_at + round(policy.debounce_max_s * 1000)


def pause(current: int | None, sent_at: int, now: int, takeover_s: float) -> int:
    """Until when the bot is silent after the owner wrote at `sent_at`; never shortens a pause."""
    until = min(sent_at, now) + round(takeover_s * 1000)
    return until if current is None else max(current, until)


def is_settled(owner_sent_at: int, newest_sent_at: int, paused: bool) -> bool:
    """Whether the owner's message ends a turn: it came after it, or has the chat in its hands."""
    return paused or owner_sent_at >= newest_sent_at


def expires_at(sent_at: Iterable[int], now: int, policy: TenantPolicy) -> int:
    """From when on a reply must not be sent any more: its newest message is stale by then."""
    return min(max(sent_at), now) + round(policy.stale_s * 1000)


def must_disclose(state: ChatState, now: int) -> bool:
    """Whether the reply is the first of a conversation."""
    return state.disclosed_at is None or now - state.disclosed_at >= CONVERSATION_MS


_RANK: Final = {
    "queued": 0,
    "unknown": 1,
    "failed": 2,
    "expired": 2,
    "sent": 3,
    "delivered": 4,
    "read": 5,
}
"""A state replaces only one of a lower rank. What WhatsApp says it has outranks what an agent could
not tell (`unknown`) or believed undone (`failed`, `expired`); the latter two never replace each
other."""


def moves_forward(old: str, new: SendState) -> bool:
    """Whether a reported state of a message that we wrote is news."""
    return _RANK[new] > _RANK[old]


_TROUBLE: Final = {
    "failed": Reason.SEND_FAILED,
    "unknown": Reason.SEND_UNKNOWN,
    "expired": Reason.SEND_EXPIRED,
}
SEND_REASONS: Final = tuple(_TROUBLE.values())


def trouble(state: SendState) -> Reason | None:
    """Why a person must look after a send ended in `state`; None when the customer has it."""
    return _TROUBLE.get(state)
