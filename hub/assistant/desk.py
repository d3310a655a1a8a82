"""The shop's tools for one turn of a model, over a view of the database for each step.

A model thinks for seconds, and a reader is too dear to be held meanwhile. What a step saw may have
changed by the next one: the reply's transaction looks at everything again.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from hub.assistant import earlier, facts, guard
from hub.assistant.engine import ToolCall, Turn
from hub.assistant.facts import Facts
from hub.assistant.guard_numbers import numbers_in
from hub.assistant.model_context import RULES
from hub.assistant.model_told import Teller
from hub.assistant.model_wire import Wanted
from hub.assistant.summary import Summary
from hub.assistant.toolbox import Toolbox
from hub.assistant.tools import TOOLS, CartShown, Declined, Reason
from hub.commerce import checkout
from hub.commerce.effects import Effect
from hub.commerce.shop_profile import ShopProfile
from hub.store.database import Store
from hub.store.tx import Tx

SAME_MAX: Final = 2
"""So often the same tool is used with the same arguments."""


class Desk:
    """The tools, and what they said so far."""

    def __init__(self, store: Store, turn: Turn, *, agrees: bool) -> None:
        self._store = store
        self._turn = turn
        self._agrees = agrees
        self._tx: Tx | None = None
        self._teller = Teller(turn.tenant)
        self._facts = Facts()
        self.summary = Summary()
        """What was before the lines that the model is shown; `open` reads it."""
        self._uses: dict[tuple[str, str], int] = {}
        self._box: Toolbox | None = None

    @property
    def box(self) -> Toolbox:
        """The turn's toolbox; `open` made it."""
        if self._box is None:
            raise RuntimeError("the desk is not open")
        return self._box

    @property
    def profile(self) -> ShopProfile:
        return self.box.profile

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """Every use so far."""
        return () if self._box is None else self._box.calls

    @property
    def effects(self) -> tuple[Effect, ...]:
        """What the turn would change."""
        return self.box.overlay.effects()

    @property
    def handed_over(self) -> Reason | None:
        return self.box.handed_over

    @property
    def facts(self) -> Facts:
        """All that a reply may say now."""
        shown = self.box.overlay.shown
        price = None if shown is None else shown.bill.total
        return msgspec.structs.replace(self._facts, must_price=price)

    async def open(self) -> dict[str, Any]:
        """What the model is told before it begins: the cart, and what is up for a yes."""
        return await self._store.read(self._open)

    async def use(self, wanted: Sequence[Wanted]) -> list[dict[str, Any]]:
        """What the tools say, in the order in which they were called."""
        return await self._store.read(lambda tx: self._use(tx, wanted))

    def _open(self, tx: Tx) -> dict[str, Any]:
        self._tx = tx
        turn, tenant = self._turn, self._turn.tenant
        self._box = box = Toolbox(self._tx, turn, agrees=self._agrees)
        overlay, profile = box.overlay, box.profile
        place = None if overlay.customer is None else overlay.customer.postcode
        till = checkout.price(
            tx, tenant.tenant_id, overlay.customer, overlay.cart, place, turn.now_ms
        )
        cart = CartShown(overlay.cart, till)
        record = (
            *(profile.address, profile.city, profile.hours, profile.bank_text),
            *(profile.phone or "", profile.upi_vpa or "", *profile.payment),
            *(tenant.name, tenant.greeting, tenant.handover),
        )
        open_for_yes = [one for one in (overlay.draft, overlay.cancelling) if one is not None]
        said = [line.text for line in turn.history if line.author == "bot"]
        known = facts.of_values([cart, box.policy, *open_for_yes], record)
        known |= guard.grounds(said, tenant.exponent)
        self._facts = msgspec.structs.replace(known, heard=_heard(turn), hidden=(RULES,))
        self.summary = earlier.read(tx, turn, overlay.customer, box.policy.shipping)
        self._facts |= Facts(codes=frozenset(sku.upper() for sku in self.summary.skus))
        told = self._teller.tell(cart)
        if overlay.draft is not None and turn.now_ms < overlay.draft.expires_at:
            told["waiting_for_yes_to_order"] = self._teller.money(overlay.draft.bill.total)
        if overlay.cancelling is not None:
            told["waiting_for_yes_to_cancel"] = overlay.cancelling.order_no
        return told

    def _use(self, tx: Tx, wanted: Sequence[Wanted]) -> list[dict[str, Any]]:
        if self._tx is not None and self._tx is not tx:
            self._tx.stand_for(tx)
        return [self._use_one(one) for one in wanted]

    def _use_one(self, wanted: Wanted) -> dict[str, Any]:
        key = (wanted.name, wanted.arguments)
        self._uses[key] = self._uses.get(key, 0) + 1
        if self._uses[key] > SAME_MAX:
            return {"error": "repeated", "next": "answer the customer now"}
        arguments, ignored = known_arguments(wanted.name, wanted.arguments)
        result = self.box.call(wanted.name, arguments)
        self._facts |= facts.of_result(result)
        told = self._teller.tell(result)
        if isinstance(result, Declined) and result.code == "bad_arguments":
            told["next"] = "correct the arguments"
        return told | ({"ignored": ignored} if ignored else {})


def _heard(turn: Turn) -> frozenset[Decimal]:
    """The customer's own numbers, and those of today's date."""
    lines = (*turn.history, *turn.messages)
    year = datetime.fromtimestamp(turn.now_ms / 1000, ZoneInfo(turn.tenant.timezone)).year
    said = numbers_in(line.text for line in lines if line.author == "customer")
    return said | {Decimal(year)}


def known_arguments(name: str, arguments: str) -> tuple[str, list[str]]:
    """The arguments without those that the tool has not, and the names of these, at most eight.

    A tool cannot be told whose shop, whose order or which price: what tries to is left out.
    """
    kind = TOOLS.get(name)
    try:
        given = msgspec.json.decode(arguments)
    except (msgspec.DecodeError, UnicodeError):
        return arguments, []
    if kind is None or not isinstance(given, dict):
        return arguments, []
    fields = kind.__struct_fields__
    strange = [key[:40] for key in given if key not in fields]
    kept = {key: value for key, value in given.items() if key in fields}
    return msgspec.json.encode(kept).decode(), strange[:8]
