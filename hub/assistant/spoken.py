"""The language of one turn: what the customer writes in, within what the shop speaks."""

from typing import Final

import msgspec

from hub.assistant.detection import detect, language_of
from hub.assistant.engine import Answer, Turn
from hub.assistant.tables import LANGUAGES
from hub.commerce import customers, drafts
from hub.commerce.aliases import aliases_of
from hub.commerce.effects import Remember
from hub.store.tx import Tx

FALLBACK: Final = "en"


class Spoken(msgspec.Struct, frozen=True):
    """The language to answer in.

    `shown`: the customer's own words showed it; `known`: the customer is, with `recorded` for
    the language.
    """

    code: str
    shown: bool
    known: bool
    recorded: str | None

    def remembered(self, answer: Answer) -> Answer:
        """The answer, with the customer's language to note where it is new.

        That alone makes nobody a customer.
        """
        new = self.shown and self.code != self.recorded
        effects = answer.effects
        if new and (self.known or effects):
            effects = (Remember(language=self.code), *effects)
        return msgspec.structs.replace(answer, effects=effects, language=self.code)


def spoken_in(tx: Tx, turn: Turn) -> Spoken:
    """What the newest message shows; else the conversation so far, the record, the shop."""
    tenant_id = turn.tenant.tenant_id
    aliases = aliases_of(turn.chat_key, turn.phone, turn.lid)
    customer = customers.find(tx, tenant_id, aliases)
    recorded = None if customer is None else customer.language
    profile = drafts.profile_of(tx, tenant_id)
    languages = [code for code in profile.languages if code in LANGUAGES] or [FALLBACK]
    earlier = (line.text for line in reversed(turn.history) if line.author == "customer")
    said = next(filter(None, map(language_of, earlier)), None)
    texts = [line.text for line in turn.messages]
    code = detect(texts, languages, said or recorded)
    shown = any(map(language_of, texts)) or said is not None
    return Spoken(code, shown, customer is not None, recorded)
