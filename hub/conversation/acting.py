"""What a reply says was done, done to the shop in the transaction that sends the reply."""

from collections.abc import Sequence
from uuid import uuid4

import msgspec

from hub.commerce import customers, effects
from hub.commerce.aliases import Alias, aliases_of
from hub.commerce.effects import Effect, Scene
from hub.conversation.turns import ChatKey
from hub.store.tx import Tx


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """Whose turn it is: what WhatsApp says of the customer, and the agent that saw them."""

    key: ChatKey
    turn_id: str
    agent_id: str
    customer_name: str | None
    phone: str | None
    lid: str | None

    @property
    def aliases(self) -> tuple[Alias, ...]:
        """What the customer is known by."""
        return aliases_of(self.key.chat, self.phone, self.lid)


def act(tx: Tx, party: Party, wanted: Sequence[Effect], text: str, now_ms: int) -> str:
    """Do what the words say was done; the words, with the numbers that orders got.

    Raises:
        Outdated: the shop is not any more as they say. The transaction must be undone.
    """
    scene = Scene(
        tenant_id=party.key.tenant_id,
        aliases=party.aliases,
        customer_name=party.customer_name,
        turn_id=party.turn_id,
        account=party.key.account,
        chat=party.key.chat,
        agent_id=party.agent_id,
        now_ms=now_ms,
        new_ids=lambda: uuid4().hex,
    )
    return effects.apply(tx, scene, wanted).worded(text)


def acquaint(tx: Tx, party: Party, now_ms: int) -> None:
    """Make the customer known, by all ids at once.

    Two customers become one here and not with the answer, whose undoing would part them again.
    """
    new_id, tenant_id = uuid4().hex, party.key.tenant_id
    customers.ensure(tx, tenant_id, party.aliases, party.customer_name, now_ms, new_id)
