"""Histories of messages, merges and splits: nobody and nothing is lost or doubled."""

from contextlib import ExitStack
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hub.commerce import customer_rows, customers
from tests.hub.commerce.people import People, gathered

PHONES = [f"+91980000000{n}" for n in range(1, 5)]
LIDS = [f"10000000000000{n}@lid" for n in range(1, 5)]
PICK = st.integers(0, 1_000)


class Histories(RuleBasedStateMachine):
    """What operators and messages do to a shop's customers, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self.people: People = self._stack.enter_context(gathered())
        self.seen: set[str] = set()  # every alias that was ever told
        self.orders = 0
        self.steps = 0  # that leave an audit row

    def teardown(self) -> None:
        self._stack.close()

    def living(self) -> list[str]:
        sql = "SELECT customer_id FROM customers WHERE merged_into IS NULL ORDER BY customer_id"
        return [row["customer_id"] for row in self.people.rows(sql)]

    def audited(self) -> int:
        return len(self.people.audit())

    @rule(phone=st.none() | st.sampled_from(PHONES), lid=st.none() | st.sampled_from(LIDS))
    def a_message(self, phone: str | None, lid: str | None) -> None:
        """Whoever `find` saw, if anybody, is who `ensure` answers with and who is found again."""
        if phone is None and lid is None:
            return
        chat = lid or f"{(phone or '')[1:]}@c.us"
        expected = self.people.finds(chat, phone)
        found = self.people.hears(chat, phone).customer_id
        assert expected in (None, found)
        assert self.people.finds(chat, phone) == found
        self.seen |= {told for told in (phone, lid) if told is not None}

    @precondition(lambda self: len(self.living()) > 1)
    @rule(one=PICK, other=PICK)
    def an_operator_merges(self, one: int, other: int) -> None:
        """The older one stays and has the aliases and orders of both."""
        living, people = self.living(), self.people
        a, b = living[one % len(living)], living[other % len(living)]
        both = {*people.names(a), *people.names(b)}
        orders = {*people.orders_of(a), *people.orders_of(b)}
        kept = customers.merge(people.tx, "ten_a", a, b, people.tick()).customer_id
        assert set(people.names(kept)) == both
        assert set(people.orders_of(kept)) == orders
        gone = customers.current(people.tx, "ten_a", b)
        assert gone is not None
        assert gone.customer_id == kept

    @rule(who=PICK, mask=st.integers(1, 255))
    def an_operator_splits(self, who: int, mask: int) -> None:
        """Exactly the named aliases go, to one customer who had none."""
        living, people = self.living(), self.people
        if not living:
            return
        customer_id = living[who % len(living)]
        mine = customer_rows.aliases(people.tx, "ten_a", customer_id)
        parted = [alias for n, alias in enumerate(mine) if mask >> (n % 8) & 1]
        if not parted or len(parted) == len(mine):
            return
        ids: Any = ("ten_a", customer_id, parted, people.tick(), people.new_id())
        target = customers.split(people.tx, *ids).customer_id
        assert set(people.names(target)) == {alias.value for alias in parted}
        assert set(people.names(customer_id)) == {a.value for a in mine} - {
            alias.value for alias in parted
        }

    @rule(one=PICK, other=PICK)
    def a_merge_and_its_undoing(self, one: int, other: int) -> None:
        """Splitting off at once what a merge brought restores both, orders and profile too."""
        living, people = self.living(), self.people
        ids = {living[pick % len(living)] for pick in (one, other)} if living else set()
        before = {who: (self.profile(who), people.orders_of(who)) for who in ids}
        if len(ids) < 2 or not all(people.names(who) for who in ids):
            return
        a, b = sorted(ids)
        kept = customers.merge(people.tx, "ten_a", a, b, people.tick()).customer_id
        (gone,) = ids - {kept}
        names = before[gone][0][1]
        brought = [
            alias
            for alias in customer_rows.aliases(people.tx, "ten_a", kept)
            if alias.value in names
        ]
        call: Any = ("ten_a", kept, brought, people.tick(), people.new_id())
        customers.split(people.tx, *call)
        for who in ids:
            back = customers.current(people.tx, "ten_a", who)
            assert back is not None
            assert (self.profile(back.customer_id), people.orders_of(back.customer_id)) == before[
                who
            ]

    def profile(self, who: str) -> tuple[Any, list[str]]:
        return customers.current(self.people.tx, "ten_a", who), self.people.names(who)

    @precondition(lambda self: self.living())
    @rule(who=PICK, field=st.sampled_from(["name", "address", "transporter"]), value=PICK)
    def something_is_said(self, who: int, field: str, value: int) -> None:
        """A preference is remembered."""
        living = self.living()
        customer_id = living[who % len(living)]
        told = {field: f"{field} {value}"}
        customers.remember(self.people.tx, "ten_a", customer_id, self.people.tick(), **told)

    @precondition(lambda self: self.living())
    @rule(who=PICK, product_id=st.integers(1, 3), milli=st.integers(1, 9))
    def a_cart_is_filled(self, who: int, product_id: int, milli: int) -> None:
        """A line is put, or its quantity changed."""
        living = self.living()
        self.people.puts(living[who % len(living)], product_id, milli)

    @precondition(lambda self: self.living())
    @rule(who=PICK, places=st.booleans())
    def a_draft_or_an_order(self, who: int, places: bool) -> None:
        """A draft is shown, or an order placed, in a chat of the customer's."""
        living = self.living()
        customer_id = living[who % len(living)]
        names = self.people.names(customer_id)
        if not names:
            return
        chat = names[0] if names[0].endswith("@lid") else f"{names[0][1:]}@c.us"
        draft_id = self.people.new_id()
        if places:
            self.orders += 1
            self.people.orders(customer_id, draft_id, chat)
        elif "open" not in self.people.drafts_of(customer_id).values():
            self.people.shows(customer_id, draft_id, chat)

    @invariant()
    def every_alias_is_one_living_customers(self) -> None:
        """None that was ever told is lost, none leads to somebody who was merged away."""
        found = self.people.rows(
            "SELECT a.value, c.merged_into FROM customer_aliases AS a JOIN customers AS c"
            " USING (tenant_id, customer_id)"
        )
        assert {row["value"] for row in found} == self.seen
        assert all(row["merged_into"] is None for row in found)

    @invariant()
    def everything_belongs_to_somebody_living(self) -> None:
        """Orders, drafts and carts too; and every old id means somebody."""
        orders = [o for who in self.living() for o in self.people.orders_of(who)]
        assert len(orders) == len(set(orders)) == self.orders
        for table in ("cart_lines", "drafts"):
            owners = self.people.rows(f"SELECT DISTINCT customer_id FROM {table}")  # noqa: S608
            assert {row["customer_id"] for row in owners} <= set(self.living())
        for row in self.people.rows("SELECT customer_id FROM customers"):
            found = customers.current(self.people.tx, "ten_a", row["customer_id"])
            assert found is not None
            assert found.customer_id in self.living()

    @invariant()
    def whoever_was_merged_is_audited(self) -> None:
        """A merged customer stands in a row of the audit, under who they became then."""
        for row in self.people.rows("SELECT customer_id, merged_into FROM customers"):
            if row["merged_into"] is None:
                continue
            sql = "SELECT data ->> '$.other' AS other FROM customer_audit WHERE customer_id = ?"
            others = {found["other"] for found in self.people.rows(sql, row["merged_into"])}
            assert row["customer_id"] in others


Histories.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestHistories = Histories.TestCase
