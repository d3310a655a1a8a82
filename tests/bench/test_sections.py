"""The sections beside the round trips, with tiny numbers: that they run, and what they tell."""

import json
import resource
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from bench import flat, flood, idle, start, turns
from bench.plan import Plan
from bench.stored import Stored, let_time_pass, make
from bench.weight import cannot_open, cpu_s


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return Plan(
        quick=False,
        rounds=1,
        seconds=1.0,
        warmup_s=0.5,
        systems=(),
        nats_program="nats-server",
        folder=tmp_path,
    )


def test_idle_agents_are_weighed_while_all_of_them_beat(plan: Plan) -> None:
    """When the hub is weighed every agent has beaten, and what was left out is on the page."""
    seen = idle.level(plan, agents=20, seconds=1.2, beat_s=1.0)
    assert seen["heartbeats"] >= 20
    assert 0 < seen["heartbeat_p50_ms"] <= seen["heartbeat_p99_ms"]
    assert seen["rss_mib"] > 0
    assert 0 < seen["cpu_share"] < 1
    facts = {"seconds": 1.2, "beat_s": 1.0, "levels": {"20": seen}, "skipped": {"9": "no room"}}
    lines = idle.show(facts)
    assert lines[2].startswith("| 20 ")
    assert lines[-1] == "- not measured: 9: no room"
    assert_left_nothing(plan, facts)


def test_starts_are_timed_with_messages_and_without(plan: Plan) -> None:
    """Both databases are started in turn, until the hub itself says that it is ready."""
    facts = start.compared(plan, Stored(messages=1_000, shops=5, chats=50), rounds=1)
    for name, messages in (("empty", 0), ("full", 1_000)):
        assert facts[name]["messages"] == messages
        assert facts[name]["ready_s"] == facts[name]["rounds"][0] > 0
        assert facts[name]["rss_mib"] > 0
    assert facts["full"]["database_mib"] > facts["empty"]["database_mib"]
    assert facts["ratio"] == round(facts["full"]["ready_s"] / facts["empty"]["ready_s"], 2)
    assert start.show(facts)[3].startswith("| 1,000 ")
    assert_left_nothing(plan, facts)


def test_turns_are_timed_beside_stored_messages_and_among_them(plan: Plan) -> None:
    """Each level of both variants has its figures, and the ratio is of most to fewest."""
    levels = [flat.shop(10, turns=20), flat.shop(1_000, turns=20), flat.chat(10)]
    facts = flat.compared(plan, levels, rounds=1)
    assert {name: list(facts[name]) for name in ("shop", "chat")} == {
        "shop": ["10", "1000"],
        "chat": ["10"],
    }
    for seen in (*facts["shop"].values(), *facts["chat"].values()):
        assert 0 < seen["p50_ms"] <= seen["p95_ms"]
        assert seen["cpu_ms"] > 0
    assert [seen["turns"] for seen in facts["shop"].values()] == [20, 20]
    assert facts["ratio_chat"] == 1.0
    assert any(line.startswith("| 1,000 in the shop ") for line in flat.show(facts))
    assert_left_nothing(plan, facts)


def test_a_database_that_is_kept_answers_the_same_chats_again(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a visit added is made history: the hub suspects no loop and repeats no order."""
    monkeypatch.setattr(flat, "KEPT_FROM", 0)
    level = flat.chat(10)
    folder = plan.folder / level.folder
    for _ in range(2):
        assert flat.visit(folder, level)["turns"] == level.turns
    let_time_pass(folder / "hub.db", level.stored)
    with closing(sqlite3.connect(folder / "hub.db")) as database:
        stored = database.execute("SELECT count(*) FROM messages WHERE author = 'bot'").fetchone()
        open_orders = database.execute(
            "SELECT count(*) FROM down_events WHERE result IS NULL"
        ).fetchone()
    assert stored[0] >= level.stored.messages // 3 + 2 * level.turns
    assert open_orders == (0,)


def test_a_flood_tells_its_curve_and_its_bound(plan: Plan) -> None:
    """Both floods are sampled while they last, and the bound is the sum of its parts."""
    facts = flood.flooded(plan, crowd=5, seconds=0.6, beat_s=0.3)
    for name in ("obeying", "deaf"):
        seen = facts[name]
        assert seen["events"] > 0
        assert seen["heartbeats"] > 0
        assert len(seen["curve"]) >= 2
        assert seen["rss_max_mib"] == max(held for _, held in seen["curve"])
        assert seen["unworked_events"] >= seen["open_turns"] > 0
    bound = facts["bound"]
    parts = ("connected_mib", "window_mib", "turns_mib", "pages_mib")
    assert bound["mib"] == pytest.approx(sum(bound[part] for part in parts), abs=0.1)
    assert bound["bytes_per_place"] > 2 * 400  # the text alone, decoded and on its way back
    assert flood.show(facts)[-1].startswith("- bound: ")
    assert_left_nothing(plan, facts)


@pytest.mark.alone
def test_turns_of_a_slow_model_are_made_side_by_side(plan: Plan) -> None:
    """Each takes as long as the model does, and none waits for another."""
    facts = turns.thought(plan, agents=3, window=4, delay_s=0.5, seconds=2.0)
    assert facts["p50_ms"] >= 500
    assert facts["round_trips"] >= 12
    assert facts["heartbeats"] >= 3
    assert 0 < facts["ack_p99_ms"] < facts["p50_ms"]
    assert facts["rss_max_mib"] > facts["rss_before_mib"]
    assert turns.show(facts)[2].startswith("| 12 ")
    assert_left_nothing(plan, facts)


def test_a_filled_database_is_sound_and_half_of_it_was_answered(tmp_path: Path) -> None:
    """It passes SQLite's own checks and holds what a hub would have written of so many messages."""
    make(tmp_path / "shop", Stored(messages=900, shops=7, chats=30))
    with closing(sqlite3.connect(tmp_path / "shop" / "hub.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        counts = {
            table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
            for table in ("messages", "turns", "chats", "up_events", "down_events", "down_logs")
        }
        states = dict(database.execute("SELECT state, count(*) FROM turns GROUP BY state"))
        replies = database.execute(
            "SELECT count(*) FROM messages AS m JOIN down_events USING (tenant_id, event_id)"
            " JOIN turns AS t ON t.turn_id = m.turn_id AND t.chat = m.chat"
            " WHERE m.author = 'bot' AND t.state = 'answered'"
        ).fetchone()
    assert counts == {
        "messages": 900,
        "turns": 600,
        "chats": 30,
        "up_events": 900,
        "down_events": 300,
        "down_logs": 7,
    }
    assert states == {"answered": 300, "dropped": 300}
    assert replies == (300,)


def test_a_level_that_the_machine_does_not_allow_is_named_with_its_reason() -> None:
    """A limit on open files is told as a reason, not met as a failure in the middle."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert cannot_open(10) is None
    assert f"may open {hard} files" in (cannot_open(hard) or "")


def test_the_processor_time_of_another_process_is_read_like_ones_own() -> None:
    """The clock of a pid agrees with what the system's own accounts say of it."""
    own = psutil.Process()
    times = own.cpu_times()
    assert cpu_s(own.pid) == pytest.approx(times.user + times.system, abs=0.1)


def assert_left_nothing(plan: Plan, facts: dict[str, Any]) -> None:
    """Databases are removed, processes ended, and the facts are ready for the last line."""
    assert list(plan.folder.iterdir()) == []
    assert psutil.Process().children() == []
    json.dumps(facts)
