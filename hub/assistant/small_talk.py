"""What is said besides the errand, and a yes to nothing that was asked.

Neither is a failure to understand. Somebody who wants something done that could not be done must
not believe that it was: the question that is open is asked again.
"""

from collections.abc import Sequence
from typing import Final

from hub.assistant.amounts import marks_of
from hub.assistant.hearing import Heard
from hub.assistant.history import options_in
from hub.assistant.language import TALK
from hub.assistant.lists import VERBS
from hub.assistant.price_talk import add_list_price
from hub.assistant.search import mentioned
from hub.assistant.visit import Visit

PICKED: Final = ("which", "this_one")
COUNTED: Final = ("how_many", "not_positive", "either")


def keep_company(visit: Visit, heard: Heard) -> bool:
    """Whether a sentence but greets, thanks or keeps company; that is answered."""
    if not visit.language.is_talk(heard.words):
        return False
    said = max(TALK, key=lambda path: len(visit.language.places(heard.words, path)))
    own = visit.turn.tenant.greeting if said == "greeting" else ""
    visit.say(said, said, own or visit.language.say(said))
    return True


def ask_again(visit: Visit, words: Sequence[str]) -> None:
    """Where nothing but "all right" would be said to who wants something: what is still to be said.

    A no, or that somebody will come back, is answered by that word and asks for nothing.
    """
    language = visit.language
    if not visit.says_only("declined"):
        return
    if any(language.means(words, intent) for intent in ("no", "later", "call_off", "cancel_it")):
        return
    kinds = {kind for mark in marks_of(words, language) for kind in mark.kinds}
    if visit.is_order_open:
        visit.take_back("", "declined")  # the reminder of the order asks
    elif _ask_open(visit):
        visit.take_back("", "declined")
    elif "remove" in kinds:
        visit.take_back("", "declined")
        visit.tell("cart", "cart_empty")
    elif wants_goods(visit, words) or not kinds.isdisjoint(VERBS):
        visit.take_back("", "declined")
        visit.tell("ask", "which_product")


def wants_goods(visit: Visit, words: Sequence[str]) -> bool:
    """Whether the words have a verb for goods: `theek hai daal do` calls nobody."""
    return any(visit.language.means(words, intent) for intent in ("take_it", "want"))


def _ask_open(visit: Visit) -> bool:
    """Whether the shop's last words asked which product or how many; that is asked again."""
    named = mentioned(visit.tx, visit.tenant_id, options_in(visit.last_words))
    if named and any(map(visit.was_said, PICKED)):
        visit.say("ask", "open", visit.wording.options(named, "options"))
        return True
    named = mentioned(visit.tx, visit.tenant_id, visit.last_words)
    if len(named) == 1 and any(map(visit.was_said, COUNTED)):
        add_list_price(visit, named[0], ask=True)
        return True
    if visit.was_said("which_product"):
        visit.tell("ask", "which_product")
        return True
    return False
