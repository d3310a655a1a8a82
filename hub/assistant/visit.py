"""The answer to one turn while its parts are put together, and the tools to make them with."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from hub.assistant import tools
from hub.assistant.engine import Answer, Turn
from hub.assistant.hearing import Heard, Shop
from hub.assistant.history import newest
from hub.assistant.language import TALK, Language, was_said
from hub.assistant.toolbox import Toolbox
from hub.assistant.wording import Wording
from hub.commerce.drafts import Prepared
from hub.commerce.money import format_money
from hub.commerce.papers import summary
from hub.commerce.papers.summary import Teller
from hub.store.tx import Tx

REPLY_MAX_CHARS: Final = 800  # leaves room for an apology and the notice that replies are automatic
DRAFT_MAX_CHARS: Final = 560  # of an order's lines and sums; the question must stand behind them

SHOP: Final = ("ordered", "cancel", "draft", "checkout", "cart")
"""What is done or asked on the way to an order, and of orders."""

MISSED_MAX: Final = 5  # of what was not found, how many are named
MISSED_WORDS_MAX: Final = 4  # of one of them: more words are a tale, and nobody's goods

LAST: Final = ("ordered", "cancel", "draft", "opted", "reminder")
"""What stands at the end of a reply and is never cut."""

FAILED: Final = ("unknown", "not_found")
"""Replies to what was not understood, or is not there."""

INQUIRIES: Final = ("price", "have", "want", "list", "discount", "outside", "tax")
"""What is said by somebody who asks for something or wants it."""

FACTS: Final = ("price", "refused", "ask", "order", "info")
NOTES: Final = ("discount", "foreign", "not_found", "unknown")
"""What cannot be answered, and so comes with the offer to call someone."""

PATHS: Final = ("opted", *SHOP, *FACTS, "list", *NOTES, "declined", *TALK, "reminder")
"""What a reply can be about, the weightiest first: the turn's path is named after it."""


class Visit:
    """One turn of a customer in a shop."""

    def __init__(self, tx: Tx, turn: Turn, language: Language, *, agrees: bool) -> None:
        self.tx = tx
        self.turn = turn
        self.language = language
        self.box = Toolbox(tx, turn, agrees=agrees)
        self.wording = Wording(turn.tenant, self.box.policy, language)
        words = summary.words_of(language.code)
        self.teller = Teller(words, turn.tenant.locale, language.own_unit)
        title = language.say("cart_title")
        self.cart_teller = msgspec.structs.replace(
            self.teller, words=msgspec.structs.replace(words, draft=title)
        )
        self.shop = Shop(self.box.policy.shipping, self.box.profile.order_prefix)
        self.heard: list[Heard] = []
        self.wants_person: tools.Reason | None = None
        self.wants_more = False
        """Whether more is demanded off than the shop gives: a person has to answer that."""
        self.last_words = newest(turn.history, own=True)
        self.asked_before = newest(turn.history, own=False)
        self.missed: list[str] = []
        """What was wanted in a quantity and is not in the list, in the customer's words."""
        self.rambles = False
        """Whether more was said around a quantity than goods are called by."""
        self.priced: dict[str, Decimal] = {}
        """Of what a price was said in this turn, and for how many."""
        self._said: dict[str, tuple[str, str]] = {}
        """What it is about -> (path, words): a later word on the same product replaces a former."""

    @property
    def tenant_id(self) -> str:
        return self.turn.tenant.tenant_id

    def was_said(self, reply: str) -> bool:
        """Whether the shop's last words hold this reply."""
        return was_said(reply, self.last_words)

    def say(self, path: str, about: str, words: str) -> None:
        """Say something; what was said about the same before is taken back."""
        former = self._said.pop(about, None)
        if former is not None and former[0] == "cart" != path:
            self._said[f"{about} changed"] = former  # no change is silent
        self._said[about] = (path, words)

    def tell(self, path: str, reply: str, **values: object) -> None:
        """Say a reply of the language, about itself."""
        self.say(path, reply, self.language.say(reply, **values))

    def miss(self, words: Sequence[str]) -> None:
        """Note what is not in the list, to name it as it was written; a tale is not recited."""
        if len(words) > MISSED_WORDS_MAX:
            self.rambles = True
        else:
            self.missed.append(" ".join(words))

    def take_back(self, *abouts: str) -> None:
        """Leave out what was said about something."""
        for about in abouts:
            self._said.pop(about, None)

    def is_told(self, reply: str) -> bool:
        """Whether this reply is said already."""
        return reply in self._said

    @property
    def is_silent(self) -> bool:
        """Whether nothing is said yet."""
        return not self._said

    def says_only(self, path: str) -> bool:
        """Whether something is said already, and all of it of this kind."""
        return {kind for kind, _ in self._said.values()} == {path}

    def has_said(self, *paths: str) -> bool:
        """Whether something of these kinds is said already."""
        return any(path in paths for path, _ in self._said.values())

    @property
    def is_order_open(self) -> bool:
        """Whether the customer was shown an order and may still say yes to it."""
        draft = self.box.overlay.draft
        return draft is not None and self.turn.now_ms < draft.expires_at

    def money(self, amount: int) -> str:
        tenant = self.turn.tenant
        return format_money(amount, tenant.currency, tenant.exponent, tenant.locale)

    def show(self, prepared: Prepared, *, chars_max: int = DRAFT_MAX_CHARS) -> str:
        """An order's lines and sums."""
        return self.teller.summary(prepared.bill, prepared.delivery, chars_max=chars_max)

    def hand_over(self, reason: tools.Reason) -> Answer:
        """Call a person; nothing else happens in this turn."""
        self.box.handover(tools.Handover(reason))
        text = self.turn.tenant.handover or self.language.say("handover")
        return Answer(
            text=text, path="embedded.handover", tool_calls=self.box.calls, handover=reason
        )

    def _escalated(self) -> Answer:
        """What can be said of the price, and that a person is called for the rest."""
        said = self._lines("discount")
        call = self.hand_over("discount")
        return msgspec.structs.replace(call, text="\n".join([*said, call.text])[-REPLY_MAX_CHARS:])

    def answer(self) -> Answer:
        """The reply to all parts; a call for a person wins when nothing else was understood."""
        asked = self._said.pop("add_quoted", None)
        if asked is not None and not self.has_said(*SHOP, *NOTES, "ask"):
            self._said["add_quoted"] = asked  # the last thing said, and the only question
        paths = {path for path, _ in self._said.values()}
        if self.wants_person and paths.isdisjoint((*SHOP, *FACTS)):
            return self.hand_over(self.wants_person)
        if self.wants_more and paths.isdisjoint(SHOP):
            return self._escalated()
        path = min(paths or {"unknown"}, key=PATHS.index)
        if path == "unknown" and self._inquires and any(map(self.was_said, FAILED)):
            return self.hand_over("not_understood")  # the second time in a row
        return Answer(
            text=self._text(path),
            path=f"embedded.{path}",
            tool_calls=self.box.calls,
            effects=self.box.overlay.effects(),
        )

    @property
    def _inquires(self) -> bool:
        """Whether the turn asks or wants something: else not to understand it is no failure."""
        wants = any(self.language.means(heard.words, i) for heard in self.heard for i in INQUIRIES)
        return wants or not self.heard or any(heard.asks for heard in self.heard)

    def _text(self, path: str) -> str:
        """What is asked for or was done stands last and whole; all else gives way to it."""
        last = "\n".join(words for kind, words in self._said.values() if kind in LAST)
        if not last:
            more = self.language.say("more")
            lines = self._short(path, REPLY_MAX_CHARS - len(more) - 1)
            return fit(lines, more, REPLY_MAX_CHARS)
        room = REPLY_MAX_CHARS - len(last) - 1
        head = fit(self._short(path, room - 2), "…", room)
        return f"{head}\n{last}" if head else last

    def _short(self, path: str, chars_max: int) -> list[str]:
        """The words to say; of many changes the last give way to what could not be done."""
        lines = self._lines(path)
        done = [
            words
            for about, (kind, words) in self._said.items()
            if kind == "cart" and about != "cart" and about not in self.language.replies
        ]
        for count in range(1, len(done) + 1):
            if len("\n".join(lines)) <= chars_max:
                break
            cut = set(done[-count:])
            rest = [line for line in self._lines(path) if line not in cut]
            at = max((rest.index(line) + 1 for line in done[:-count] if line in rest), default=0)
            lines = [*rest[:at], self.language.say("rest_done", count=count), *rest[at:]]
        return lines

    def _lines(self, path: str) -> list[str]:
        """The words to say, product facts first; small talk only where nothing else is said."""
        if path in TALK or path == "declined":
            said = [words for kind, words in self._said.values() if kind == path]
            return [f"{self._hello()} {words}" for words in said] if self._greets(path) else said
        told = (*FACTS, "list", *(kind for kind in SHOP if kind not in LAST))
        facts = [words for kind, words in self._said.values() if kind in told]
        hello = [self._hello()] if "greeting" in self._said else []
        return hello + facts + self._ending(found=bool(facts) or self.has_said(*LAST[:-1]))

    def _missed(self) -> str:
        """What of the goods that were wanted is not in the list; empty where there is none."""
        if self.missed:
            names = self.language.listed(dict.fromkeys(self.missed[:MISSED_MAX]))
            return self.language.say("not_found_named", names=names)
        return self.language.say("not_all") if self.rambles else ""

    def _greets(self, path: str) -> bool:
        """Whether the reply is a greeting in our own words; a shop's own is said as it is."""
        return path == "greeting" and not self.turn.tenant.greeting

    def _hello(self) -> str:
        """The greeting for the customer's own."""
        return self.language.hello([word for heard in self.heard for word in heard.words])

    def _ending(self, *, found: bool) -> list[str]:
        """That something was not understood, and the offer to call someone."""
        notes = [self._said[note] for note in ("discount", "foreign") if note in self._said]
        stray = None if found or notes else self._said.get("stray", ("unknown", ""))
        if (unknown := self._said.get("unknown") or stray) is not None:
            rest = (found or bool(notes)) and unknown[0] == "unknown"
            notes.append(("", self.language.say("unknown_rest" if rest else unknown[0])))
        named = self._missed() if found else ""
        if named and not notes:
            return [named]
        if named:
            notes.insert(0, ("", named))
        if not notes:
            return []
        asked = self.box.overlay.shown is not None or self.is_told("waiting")
        if asked or self.wants_more:  # one question at a time
            return [" ".join(words for _, words in notes)]
        return [" ".join([*(words for _, words in notes), self.language.say("offer")])]


def fit(parts: Sequence[str], more: str, chars_max: int) -> str:
    """The parts as one message; those that would make it too long give way to `more`."""
    text = ""
    for part in parts:
        if len(text) + len(part) + 1 > chars_max - len(more) and (text or more == "…"):
            return f"{text}\n{more}" if text else ""
        text = f"{text}\n{part}" if text else part
    return text
