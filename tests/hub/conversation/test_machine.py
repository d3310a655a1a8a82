"""Any order of messages, edits, takeovers, answers and deaths keeps the promises of a turn."""

import json
import sqlite3
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hub.assistant.engine import Answer
from hub.conversation import commit, trace
from hub.conversation.commit import Begun
from hub.conversation.intake import take_message
from hub.conversation.trace import Unanswered
from hub.conversation.turns import Reason
from hub.store.policy import DEFAULTS
from hub.store.schema import migrations
from hub.store.tx import Tx, load_queries
from tests.fakes import FakeClock
from tests.hub.conversation.scene import AGENT, KEY, incoming


class Conversation(RuleBasedStateMachine):
    """One chat, in memory; every rule is one transaction."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.connection.row_factory = sqlite3.Row
        for script in migrations():
            self.connection.executescript(script)
        self.tx = Tx(self.connection, load_queries())
        self.connection.execute(
            "INSERT INTO tenants (tenant_id, name, mode, contact_policy, created_at)"
            " VALUES ('ten_a', 'Shop A', 'auto', 'everyone', 0)"
        )
        self.said = 0
        self.begun: list[Begun] = []
        self.paused_until = 0

    def teardown(self) -> None:
        self.connection.close()

    def rows(self, sql: str, *params: object) -> list[Any]:
        return self.connection.execute(sql, params).fetchall()

    def take(self, wa_id: str, **more: Any) -> None:
        message = incoming(self.clock, wa_id, "words", **more)
        take_message(self.tx, AGENT, message, self.clock.now_ms())

    @rule(age_s=st.sampled_from([0, 0, 0, 1_200, 25_200]))
    def customer_writes(self, age_s: float) -> None:
        self.said += 1
        self.take(f"C{self.said}", age_s=age_s)

    @rule(data=st.data())
    def customer_repeats_or_changes(self, data: st.DataObject) -> None:
        if self.said:
            target = f"C{data.draw(st.integers(1, self.said))}"
            kind = data.draw(st.sampled_from(["text", "edit", "revoke"]))
            wa_id = target if kind == "text" else f"{target}/{kind}"
            self.take(wa_id, kind=kind, reply_to=target)

    @rule()
    def owner_writes(self) -> None:
        self.said += 1
        self.take(f"C{self.said}", from_me=True)
        self.paused_until = self.clock.now_ms() + 43_200_000

    @rule()
    def echo_comes_back(self) -> None:
        for row in self.rows("SELECT wa_id FROM messages WHERE author = 'bot'"):
            self.take(row["wa_id"], from_me=True)

    @rule(seconds=st.sampled_from([1, 60, 3_600, 43_200]))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    def worker_begins(self) -> None:
        now = self.clock.now_ms()
        for row in self.rows("SELECT turn_id FROM turns WHERE state = 'pending'"):
            begun = commit.begin(self.tx, KEY, row["turn_id"], now, DEFAULTS)
            if isinstance(begun, Begun):
                self.begun.append(begun)

    @rule(data=st.data(), fails=st.booleans())
    def any_worker_ever_started_ends(self, data: st.DataObject, fails: bool) -> None:
        """Answers from before a death or a newer message included."""
        if not self.begun:
            return
        begun, now = data.draw(st.sampled_from(self.begun)), self.clock.now_ms()
        if fails:
            reason = Reason.ENGINE_FAILED
            record = trace.record_of(begun, Unanswered(reason), 0)
            agent = commit.give_up(self.tx, begun, reason, record, now, DEFAULTS)
        else:
            answer = Answer(text="reply", path="test")
            record = trace.record_of(begun, answer, 0)
            agent = commit.commit(self.tx, begun, answer, record, now, DEFAULTS)
        assert agent is None or now >= self.paused_until, "sent while the owner had the chat"

    @invariant()
    def at_most_one_reply_covers_a_message(self) -> None:
        covered = [
            wa_id
            for row in self.rows(
                "SELECT t.trace FROM turns AS t WHERE EXISTS (SELECT 1 FROM messages AS m"
                " WHERE m.turn_id = t.turn_id AND m.author = 'bot')"
            )
            for wa_id in json.loads(row["trace"])["messages"]
        ]
        assert len(covered) == len(set(covered))

    @invariant()
    def a_turn_has_at_most_one_order_and_each_order_its_turn(self) -> None:
        bot = self.rows("SELECT turn_id, event_id FROM messages WHERE author = 'bot'")
        assert len({row["turn_id"] for row in bot}) == len(bot)
        orders = {row["event_id"] for row in self.rows("SELECT event_id FROM down_events")}
        assert orders == {row["event_id"] for row in bot}

    @invariant()
    def a_reply_covers_all_that_stood_in_its_turn(self) -> None:
        """Nobody's message is passed over in silence."""
        for row in self.rows("SELECT turn_id, trace FROM turns WHERE state = 'answered'"):
            stood = self.rows(
                "SELECT wa_id FROM messages AS m WHERE author = 'customer' AND kind = 'text'"
                " AND turn_id = ? AND NOT EXISTS (SELECT 1 FROM messages AS r"
                " WHERE r.kind = 'revoke' AND r.reply_to = m.wa_id AND r.direction = 'in')",
                row["turn_id"],
            )
            assert {r["wa_id"] for r in stood} <= set(json.loads(row["trace"])["messages"])


Conversation.TestCase.settings = settings(max_examples=100, stateful_step_count=30)
TestConversation = Conversation.TestCase
TestConversation.__doc__ = "No order of events breaks a promise of a turn."
