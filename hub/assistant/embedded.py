"""The keyless engine: answers from the shop's tools with rules and templates.

It keeps nothing between turns. What a short message refers to is read from the database (the cart,
the order that was shown, the question whether to cancel) and, for what was only said, from the
shop's last words. All work is done over one snapshot of the database, in a reader's thread, so that
the loop which calls it stays free.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import partial
from typing import Final

from hub.assistant import (
    checkout_talk,
    opting,
    order_talk,
    shop_talk,
    shopping,
    small_talk,
    taking,
)
from hub.assistant.engine import Answer, Turn
from hub.assistant.hearing import Heard, hear, sentences
from hub.assistant.language import Language, load
from hub.assistant.reading import Reader
from hub.assistant.signs import words_of
from hub.assistant.spoken import spoken_in
from hub.assistant.tables import LANGUAGES
from hub.assistant.tools import EmptyCart, Reason
from hub.assistant.visit import Visit
from hub.store.database import Store
from hub.store.tx import Tx

TEXT_MAX_CHARS: Final = 1_000  # of one message that are read; nobody asks a price in more
MESSAGES_MAX: Final = 12  # of one turn that are read, the newest
SENTENCES_MAX: Final = 24
ECHO_WORDS_MIN: Final = 4
TAKING: Final = ("take_it", "yes", "want", "have")
"""Said of what was just priced or offered: it is wanted."""

_LINK: Final = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+\.\S+", re.IGNORECASE)
"""Addresses are not read: what is in them is not what the customer says."""


class EmbeddedEngine:
    """Answers from what is in `store`, in the customer's language where the shop speaks it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        for code in LANGUAGES:
            load(code)  # a faulty file is named at the start, and no customer waits for it

    async def answer(self, turn: Turn) -> Answer:
        """The answer to all messages of the turn."""
        return await self._store.read(partial(_in_their_language, turn=turn))


def _in_their_language(tx: Tx, turn: Turn) -> Answer:
    spoken = spoken_in(tx, turn)
    return spoken.remembered(reply(tx, turn, load(spoken.code)))


def reply(tx: Tx, turn: Turn, language: Language) -> Answer:
    """The answer to `turn` in a language, from the database as `tx` shows it."""
    texts = texts_of(turn)
    if not texts:
        return Answer(text=language.say("media"), path="embedded.media")
    words = [word for text in texts for word in words_of(text)]
    if not any(any(map(str.isalnum, text)) for text in (*words, *texts)):
        return Answer(text=language.say("wordless"), path="embedded.wordless")
    agrees = agreed(texts, language)
    visit = Visit(tx, turn, language, agrees=agrees)
    if visit.box.overlay.cancelling is not None and agreed_to_cancel(texts, language):
        agrees, visit = True, Visit(tx, turn, language, agrees=True)
    if (said := opting.newest(texts)) is not None and order_talk.opt(visit, said):
        return visit.answer()
    return _Conversation(visit, texts, words, agrees).answer()


def texts_of(turn: Turn) -> list[str]:
    """What the turn's messages say, as far as it is read."""
    written = (_LINK.sub(" ", _cut(_seen(line.text))) for line in turn.messages)
    return [text for text in written if text.strip()]


def _seen(text: str) -> str:
    """The text without signs that nobody sees: they part words and turn them round."""
    if text.isascii():
        return text
    return "".join(char for char in text if unicodedata.category(char) != "Cf")


def _cut(text: str) -> str:
    """What is read of a message, without half a word at its end."""
    if len(text) <= TEXT_MAX_CHARS:
        return text
    whole = text[: TEXT_MAX_CHARS + 1].rsplit(maxsplit=1)[0]
    return whole[:TEXT_MAX_CHARS]


def agreed(texts: Sequence[str], language: Language) -> bool:
    """Whether the messages are an explicit yes and nothing else; a question is none."""
    asks = any(text.rstrip().endswith(("?", "？", "؟")) for text in texts)
    return not asks and language.agrees([word for text in texts for word in words_of(text)])


def agreed_to_cancel(texts: Sequence[str], language: Language) -> bool:
    """Whether the messages, as an answer to whether to cancel an order, say to do it."""
    words = [word for text in texts for word in words_of(text)]
    asks = any(text.rstrip().endswith(("?", "？", "؟")) for text in texts)
    return not asks and language.says_only(words, "agree", "cancel_it", "cancel_order")


class _Conversation:
    """Routes what one turn says to those who answer it."""

    def __init__(
        self, visit: Visit, texts: Sequence[str], words: Sequence[str], agrees: bool
    ) -> None:
        self._visit = visit
        self._texts = texts[-MESSAGES_MAX:]
        self._words = words
        self._agrees = agrees

    def answer(self) -> Answer:
        visit, language = self._visit, self._visit.language
        if (wrong := self._wrong()) is not None:
            return visit.hand_over(wrong)
        if language.is_only(self._words, "person") and not language.means(self._words, "bot"):
            return visit.hand_over("customer_request")
        if self._is_echo():
            visit.tell("unknown", "unknown")
            return visit.answer()
        if (short := self._short()) is not None:
            return short
        self._hear()
        checkout_talk.note_facts(visit)
        reader = Reader(visit.tx, visit.tenant_id, language, visit.turn.history)
        for heard in [taking.swapped(visit, heard) for heard in visit.heard]:
            if not (checkout_talk.take_address(visit, heard) or self._act(heard)):
                shopping.talk_of_goods(visit, reader, heard)
        small_talk.ask_again(visit, self._words)
        self._conclude()
        return visit.answer()

    def _is_echo(self) -> bool:
        """Whether our last reply comes back as it was: a machine is on the other side."""
        ours = words_of(self._visit.last_words[:TEXT_MAX_CHARS])
        return len(ours) >= ECHO_WORDS_MIN and ours == list(self._words)

    def _wrong(self) -> Reason | None:
        """Why a person has to take over, whatever else was said."""
        language = self._visit.language
        if language.means(self._words, "abuse"):
            return "abuse"
        if language.means(self._words, "paid"):
            return "payment_claim"
        if language.means(self._words, "complaint"):
            return "complaint"
        again = language.means(self._words, "discount") and self._visit.was_said("discount")
        return "discount" if again else None

    # --- yes and no ------------------------------------------------------------------------

    def _short(self) -> Answer | None:
        """The answer to a message that is but a yes or a no to what was asked."""
        visit, language = self._visit, self._visit.language
        refuses = language.is_only(self._words, "no", "call_off") and not self._agrees
        refuses = refuses and not self._named()  # "order no A-1001" is no "no"
        if visit.was_said("offer"):
            accepts = self._agrees or language.is_only(self._words, "yes")
            if accepts and not small_talk.wants_goods(visit, self._words):
                return visit.hand_over("unknown_question")
            if refuses and language.is_only(self._words, "no"):
                return Answer(text=language.say("declined"), path="embedded.declined")
        if self._takes() or (self._agrees and self._yes()):
            return visit.answer()
        if refuses and self._no():
            return visit.answer()
        return None

    def _yes(self) -> bool:
        """Whether the yes is one to an open question about an order; it is done."""
        visit, overlay = self._visit, self._visit.box.overlay
        order, draft = overlay.cancelling, overlay.draft
        if order is not None and order.order_no in visit.last_words:
            if self._names_another(order.order_no):
                return False
            order_talk.agree_to_cancel(visit, order)
            return True
        if draft is None and overlay.cart.lines and checkout_talk.ask_again(visit):
            return True
        if draft is None:
            return self._goes_on()
        if visit.was_said("confirm") or visit.language.means(self._words, "checkout"):
            checkout_talk.confirm(visit)
        else:
            checkout_talk.show_again(visit)  # it was a yes to something else
        return True

    def _names_another(self, order_no: str) -> bool:
        """Whether the messages name an order that is not the one that was asked about."""
        return any(plain(name) != plain(order_no) for name in self._named())

    def _named(self) -> set[str]:
        """The numbers of orders that the messages name."""
        self._hear()
        named = {heard.order_no for heard in self._visit.heard if heard.order_no is not None}
        self._visit.heard.clear()
        return named

    def _takes(self) -> bool:
        """Whether what was just priced is wanted, or all that is there; it is put into the cart."""
        visit, language, words = self._visit, self._visit.language, self._words
        orders = not visit.box.overlay.cart.lines and language.is_only(words, *TAKING, "checkout")
        takes = self._agrees or orders or language.is_only(words, *TAKING)
        if visit.was_said("add_quoted") and takes:
            taking.take_quoted(visit)
            if language.means(words, "checkout"):
                checkout_talk.check_out(visit)
                return True
        elif visit.was_said("over_stock") and language.is_only(words, "all_there", *TAKING):
            if not language.means(words, "all_there") or not taking.take_all_there(visit):
                return False
        else:
            return False
        self._conclude()
        return True

    def _goes_on(self) -> bool:
        """Whether a yes wants what is in the cart: to its sum, or said as of an order."""
        visit = self._visit
        strong = not visit.language.is_only(self._words, "yes", "checkout")
        if strong and not visit.box.overlay.cart.lines:
            if visit.was_said("placed"):
                order_talk.tell_status(visit, None)
            else:
                visit.tell("checkout", "cart_empty")
            return True
        wanted = bool(visit.box.overlay.cart.lines) and (strong or visit.was_said("cart_hint"))
        if wanted:
            checkout_talk.check_out(visit)
        return wanted

    def _no(self) -> bool:
        """Whether the no is one to an open question about an order; that is noted."""
        visit, overlay = self._visit, self._visit.box.overlay
        if overlay.cancelling is not None:
            order_talk.keep(visit, overlay.cancelling)
            return True
        if overlay.draft is not None and visit.was_said("confirm"):
            checkout_talk.decline(visit)
            return True
        return False

    # --- everything else -------------------------------------------------------------------

    def _hear(self) -> None:
        visit = self._visit
        asked = visit.was_said("ask_place")
        pieces = [piece for text in self._texts for piece in sentences(text)]
        for piece in pieces[:SENTENCES_MAX]:
            visit.heard.append(hear(piece, visit.language, visit.shop, place_asked=asked))

    def _act(self, heard: Heard) -> bool:
        """Whether a sentence is about the cart as a whole or about orders; it is answered."""
        visit, language, words = self._visit, self._visit.language, heard.words
        if (stays := order_talk.leave_as_it_is(visit, heard)) is not None:
            return stays
        first = (small_talk.keep_company, order_talk.use_coupon, taking.keep_only)
        if any(answers(visit, heard) for answers in first):
            return True
        if language.means(words, "empty"):
            return self._empty(heard)
        if self._cancel(heard):
            return True
        if heard.order_no is None and language.means(words, "repeat") and not heard.asks:
            return self._repeat(heard)
        if heard.order_no is not None or language.means(words, "status"):
            order_talk.tell_status(visit, heard.order_no)
        elif language.is_only(words, "show_cart") or self._asks_for_cart(heard):
            checkout_talk.show_cart_at(visit, heard.place)
        elif heard.asks and heard.place is not None and language.means(words, "ask_delivery"):
            shop_talk.deliver_to(visit, heard.place)
            return not shopping.counts_goods(visit, heard)
        elif heard.asks and language.means(words, "how_to"):
            visit.tell("info", "how_to_order")
        else:
            return False
        return True

    def _repeat(self, heard: Heard) -> bool:
        """The last order again; False where more is said: `same as last time but 24 oil`."""
        order_talk.repeat(self._visit)
        alone = not shopping.counts_goods(self._visit, heard)
        if not alone:
            self._visit.take_back("cart")
        return alone

    def _asks_for_cart(self, heard: Heard) -> bool:
        """Whether a question is for the cart's goods or sum, with what delivery or tax adds."""
        language, words = self._visit.language, words_of(heard.rest)
        if heard.asks and language.means(words, "in_cart"):
            return True
        about = any(language.means(words, intent) for intent in ("show_cart", "in_cart"))
        return about and language.is_only(
            words, "show_cart", "in_cart", "ask_delivery", "tax", "price", "question"
        )

    def _cancel(self, heard: Heard) -> bool:
        """Whether an order, or what is just being made, is to be called off, or how to is asked."""
        visit, language = self._visit, self._visit.language
        if self._calls_off(heard):
            if heard.order_no is None and visit.is_order_open:
                checkout_talk.decline(visit)
            else:
                order_talk.call_off(visit, heard.order_no)
        elif heard.asks and language.means(heard.words, "call_off"):
            visit.tell("info", "how_to_cancel")
        elif not heard.asks and language.is_only(heard.words, "call_off"):
            order_talk.call_off_all(visit, heard)
        else:
            return False
        return True

    def _empty(self, heard: Heard) -> bool:
        visit, language = self._visit, self._visit.language
        if heard.asks:
            visit.tell("cart", "how_to_empty")
        elif language.is_only(heard.words, "empty"):
            visit.box.empty_cart(EmptyCart())
            visit.tell("cart", "emptied")
        else:
            return False
        return True

    def _calls_off(self, heard: Heard) -> bool:
        language = self._visit.language
        named = heard.order_no is not None and language.means(heard.words, "call_off")
        return named or language.means(heard.words, "cancel_order")

    def _conclude(self) -> None:
        """After all was heard: sum the cart up, go on to the order, or remind of it."""
        visit, overlay = self._visit, self._visit.box.overlay
        said = [heard for heard in visit.heard if not heard.asks]
        wanted = any(heard.checkout for heard in said)
        given = any(heard.facts for heard in said) and bool(overlay.cart.lines)
        if wanted or (given and not visit.has_said("refused")) or self._no_tax_said():
            checkout_talk.check_out(visit)
        elif not overlay.cart.lines and any(heard.facts for heard in said):
            checkout_talk.keep_place(visit)
            if visit.is_silent:
                visit.tell("checkout", "cart_empty")
        elif overlay.draft is not None and overlay.is_changed:
            self._renew()
        elif overlay.is_changed and visit.has_said("cart") and not visit.is_told("cart"):
            shopping.sum_up(visit)
        else:
            checkout_talk.remind(visit)

    def _no_tax_said(self) -> bool:
        """Whether a plain no answered the question for a tax number."""
        visit = self._visit
        return visit.was_said("ask_tax_number") and visit.language.is_only(self._words, "no")

    def _renew(self) -> None:
        """Show the order as the changed cart makes it; without goods there is none."""
        visit = self._visit
        if visit.box.overlay.cart.lines:
            checkout_talk.show_again(visit)
        else:
            visit.box.overlay.decline()


def plain(order_no: str) -> str:
    """The digits of an order's number, by which orders of one shop differ."""
    return "".join(filter(str.isdigit, order_no))
