"""Any order of messages, drafts, clicks, edits, takeovers and looks sends a draft at most once."""

import json
import sqlite3
from typing import Any
from uuid import UUID, uuid4

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hub.assistant.engine import Answer
from hub.conversation import commit, outgoing, records, sending, suggestions, takeover, trace
from hub.conversation.intake import take_message, take_status
from hub.conversation.outgoing import Outgoing
from hub.store.policy import DEFAULTS
from hub.store.schema import migrations
from hub.store.tx import Tx, load_queries
from protocol.messages import MessageStatus, SendState
from tests.fakes import FakeClock
from tests.hub.conversation.scene import AGENT, KEY, incoming


class DeskWork(RuleBasedStateMachine):
    """One chat, in memory; every rule is one transaction, as commands and the hub make them."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.connection.row_factory = sqlite3.Row
        for script in migrations():
            self.connection.executescript(script)
        self.connection.execute(
            "INSERT INTO tenants (tenant_id, name, mode, contact_policy, created_at)"
            " VALUES ('ten_a', 'Shop A', 'suggest', 'everyone', 0)"
        )
        self.connection.execute(
            "INSERT INTO agents (agent_id, tenant_id, name, os, version, created_at)"
            " VALUES ('agt_a', 'ten_a', 'PC', 'os', '1', 0)"
        )
        self.tx = Tx(self.connection, load_queries())
        self.said = 0
        self.written: list[str] = []
        self.read: dict[str, str] = {}

    def teardown(self) -> None:
        self.connection.close()

    def rows(self, sql: str, *params: object) -> list[Any]:
        return self.connection.execute(sql, params).fetchall()

    def take(self, wa_id: str, **more: Any) -> None:
        message = incoming(self.clock, wa_id, "words", **more)
        take_message(self.tx, AGENT, message, self.clock.now_ms())

    @rule(waits_for_a_draft=st.booleans())
    def customer_writes(self, waits_for_a_draft: bool) -> None:
        self.said += 1
        self.take(f"C{self.said}")
        if waits_for_a_draft:
            self.hub_answers(None)

    @rule(data=st.data(), kind=st.sampled_from(["edit", "revoke"]))
    def customer_changes(self, data: st.DataObject, kind: str) -> None:
        if self.said:
            target = f"C{data.draw(st.integers(1, self.said))}"
            self.take(f"{target}/{kind}/{self.clock.now_ms()}", kind=kind, reply_to=target)
            self.hub_answers(None)

    @rule(handover=st.sampled_from([None, "complaint"]))
    def hub_answers(self, handover: str | None) -> None:
        now = self.clock.now_ms()
        for row in self.rows("SELECT turn_id FROM turns WHERE state = 'pending'"):
            begun = commit.begin(self.tx, KEY, row["turn_id"], now, DEFAULTS)
            if isinstance(begun, commit.Begun):
                answer = Answer(text="reply", path="test", handover=handover)
                record = trace.record_of(begun, answer, 0)
                commit.commit(self.tx, begun, answer, record, now, DEFAULTS)

    @rule(text=st.sampled_from([None, "my own words"]))
    def operator_approves(self, text: str | None) -> None:
        read = suggestions.find(self.tx, KEY)
        one = suggestions.approve(self.tx, KEY, text, self.clock.now_ms())
        if one is not None and read is not None:
            self.read[one.outgoing_id] = read.name

    @rule()
    def operator_resumes(self) -> None:
        rules = records.shop(self.tx, "ten_a", DEFAULTS).rules
        takeover.give_back(self.tx, KEY, "agt_a", rules, self.clock.now_ms())

    @rule(data=st.data(), others=st.sampled_from(["owner", "desk", "dismiss", "mode"]))
    def a_person_steps_in(self, data: st.DataObject, others: str) -> None:
        now = self.clock.now_ms()
        if others == "owner":
            self.said += 1
            self.take(f"C{self.said}", from_me=True)
        elif others == "desk":
            self.operator_replies()
        elif others == "dismiss":
            takeover.dismiss(self.tx, KEY, now)
        else:
            mode = data.draw(st.sampled_from([None, None, "suggest", "auto", "off"]))
            self.tx.run("chats.set_mode", **records.where(KEY), mode=mode)

    def operator_replies(self) -> None:
        now, outgoing_id = self.clock.now_ms(), str(uuid4())
        if not self.said:
            return
        one = Outgoing(
            outgoing_id=outgoing_id,
            key=KEY,
            kind="operator",
            text="from the desk",
            due_at=now,
            created_at=now,
        )
        takeover.speak(self.tx, one, now, DEFAULTS.takeover_s)
        self.written.append(outgoing_id)

    @rule(
        seconds=st.sampled_from([1, 60, 43_200]),
        state=st.sampled_from([None, None, "sent", "failed", "unknown"]),
    )
    def time_passes_and_agents_tell(self, seconds: float, state: SendState | None) -> None:
        """Echoes come back, and what became of what was sent."""
        self.clock.advance(seconds)
        for row in self.rows("SELECT wa_id, event_id FROM messages WHERE event_id IS NOT NULL"):
            self.take(row["wa_id"], from_me=True)
            if state is not None:
                status = MessageStatus(ref=UUID(row["event_id"]), state=state)
                take_status(self.tx, AGENT, status, self.clock.now_ms())

    @rule(times=st.integers(1, 2))
    def hub_looks(self, times: int) -> None:
        """Once, or again at what it has found before."""
        now = self.clock.now_ms()
        found = outgoing.due(self.tx, now, (-1, -1), 100)
        for due in found * times:
            waits = suggestions.find(self.tx, KEY)
            ended = sending.end(self.tx, due, now, DEFAULTS)
            if due.one.kind == "suggestion" and ended.order is not None:
                assert waits is not None
                assert waits.name == self.read[due.one.outgoing_id], "not what was read"
                self.check_that_nothing_came_since(waits.turn_id)

    def check_that_nothing_came_since(self, turn_id: str) -> None:
        [turn] = self.rows("SELECT trace FROM turns WHERE turn_id = ?", turn_id)
        newest = self.rows(
            "SELECT turn_id FROM messages WHERE author = 'customer' AND kind = 'text'"
            " ORDER BY id DESC LIMIT 1"
        )
        assert [row["turn_id"] for row in newest] == [turn_id], "the customer wrote since"
        stood = self.rows(
            "SELECT wa_id FROM messages AS m WHERE author = 'customer' AND kind = 'text'"
            " AND turn_id = ? AND NOT EXISTS (SELECT 1 FROM messages AS r"
            " WHERE r.kind = 'revoke' AND r.reply_to = m.wa_id AND r.direction = 'in')",
            turn_id,
        )
        assert [row["wa_id"] for row in stood] == json.loads(turn["trace"])["messages"]

    @invariant()
    def a_turn_has_at_most_one_reply(self) -> None:
        sent = self.rows("SELECT turn_id FROM messages WHERE author = 'bot'")
        assert len({row["turn_id"] for row in sent}) == len(sent)

    @invariant()
    def at_most_one_reply_covers_a_message(self) -> None:
        covered = [
            wa_id
            for row in self.rows(
                "SELECT t.trace FROM turns AS t JOIN messages AS m USING (turn_id)"
                " WHERE m.author = 'bot'"
            )
            for wa_id in json.loads(row["trace"])["messages"]
        ]
        assert len(covered) == len(set(covered))

    @invariant()
    def what_is_said_is_ordered_and_what_is_ordered_is_said(self) -> None:
        said = self.rows("SELECT event_id FROM messages WHERE event_id IS NOT NULL")
        ordered = self.rows("SELECT event_id FROM down_events")
        assert sorted(r["event_id"] for r in said) == sorted(r["event_id"] for r in ordered)

    @invariant()
    def a_persons_words_go_out_once(self) -> None:
        sent = self.rows(
            "SELECT event_id FROM messages WHERE author = 'owner' AND event_id IS NOT NULL"
        )
        done = self.rows(
            "SELECT outgoing_id FROM outgoing WHERE kind = 'operator' AND outcome = 'ordered'"
        )
        assert sorted(r["event_id"] for r in sent) == sorted(r["outgoing_id"] for r in done)
        assert {row["outgoing_id"] for row in done} <= set(self.written)


DeskWork.TestCase.settings = settings(max_examples=100, stateful_step_count=40)
TestDeskWork = DeskWork.TestCase
TestDeskWork.__doc__ = "No order of what customers, operators and the hub do breaks a promise."
