"""A deploy under way: SIGTERM for a hub with 500 agents at work, and a new process on its port."""

import asyncio
import json
import sqlite3
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from hub.clock import SystemClock
from hub.gateway.pairing import Paired, new_code, offer_in, pair_in
from hub.gateway.tokens import IssuedToken, new_token
from hub.store.database import Store
from hub.store.tx import Tx
from tests.e2e.deployed import Deployed, at_ms
from tests.e2e.fleet import STUCK, WELCOME, Fleet, LeanAgent, Visit, now_ms
from tests.hub.shops import DEVICE, add_shop
from tests.ports import free_port

pytestmark = pytest.mark.alone

SEED: Final = 7
SHOPS: Final = 5
AGENTS: Final = 500
STUCK_AGENTS: Final = 5  # whose disk takes nothing: they never leave by themselves
DEADLINE_S: Final = 2.0
RECONNECT_MAX_S: Final = 6.0
READY_S_MAX: Final = 3.0  # the figure
LATE_MS: Final = 1_000  # a timer's lateness on a busy machine
SETTINGS: Final = {
    "drain_deadline_s": DEADLINE_S,
    "drain_reconnect_max_s": RECONNECT_MAX_S,
    "debounce_s": 0.3,
    "refusals_per_min": 1e6,  # all shops of this test have one address
}
LIVE_WITHIN_S: Final = 60.0
ANSWERED_WITHIN_S: Final = 60.0


async def pair_all(folder: Path) -> list[LeanAgent]:
    """Shops and their agents in a new database."""
    clock, chance = SystemClock(), Random(SEED)  # noqa: S311 - a schedule, not a secret
    agents: list[LeanAgent] = []

    def pair(tx: Tx) -> None:
        for number in range(AGENTS):
            agent_id, code, token = f"agt_{number:03}", new_code(), new_token()
            offer_in(tx, f"ten_{number % SHOPS}", code, clock.now_ms(), 900.0)
            issued = IssuedToken(token, None)
            assert isinstance(pair_in(tx, code, DEVICE, agent_id, issued, clock.now_ms()), Paired)
            agents.append(LeanAgent(number, agent_id, token, chance))

    async with Store.open(f"sqlite:///{folder}/hub.db", clock) as store:
        for number in range(SHOPS):
            await add_shop(store, clock, f"ten_{number}", f"Shop {number}")
        await store.write(pair)
    return agents


async def stick(agents: list[LeanAgent]) -> None:
    """Give these agents an order that does not get to their disks."""
    for agent in agents:
        agent.disk_s = STUCK
        agent.customer_writes()
    await Fleet(agents).until(LeanAgent.has_answer, LIVE_WITHIN_S)


async def fill_the_wires(fleet: Fleet) -> dict[str, int]:
    """Bring about a moment at which every agent has something under way; what it is."""
    for agent in fleet.agents:
        agent.customer_writes()
    await fleet.until(LeanAgent.has_answer, LIVE_WITHIN_S, share=0.3)
    for agent in fleet.agents:
        agent.customer_writes()
    while not all(agent.line and agent.line.sent == len(agent.log) for agent in fleet.agents):  # noqa: ASYNC110 - before any ack is read
        await asyncio.sleep(0)
    return {
        "unacked_events": sum(agent.line.unacked for agent in fleet.agents if agent.line),
        "uncommitted_orders": sum(agent.line.uncommitted for agent in fleet.agents if agent.line),
        "answers_to_come": sum(agent.awaits for agent in fleet.agents),
        "agents_in_flight": sum(agent.is_owing for agent in fleet.agents),
    }


async def test_a_deploy_spreads_500_agents_and_loses_nothing(tmp_path: Path) -> None:
    """Windows kept, the new process ready in time, all that was under way there exactly once."""
    agents = await pair_all(tmp_path)
    fleet, port = Fleet(agents), free_port()
    hubs = [await Deployed.start(tmp_path, "old", port, **SETTINGS)]
    figures: dict[str, Any] = {"agents": AGENTS}
    try:
        await hubs[0].ready()
        async with fleet.running(f"ws://127.0.0.1:{port}/agent"):
            await fleet.all_live(LIVE_WITHIN_S)
            await stick(agents[:STUCK_AGENTS])
            figures |= await fill_the_wires(fleet)
            terminated_ms = now_ms()
            hubs[0].terminate()
            assert await hubs[0].code() == 0
            figures["drain_s"] = (now_ms() - terminated_ms) / 1000
            hubs.append(await Deployed.start(tmp_path, "new", port, **SETTINGS))
            for agent in agents:  # while nobody listens, customers go on writing
                agent.disk_s = 0.05
                agent.customer_writes()
            figures["ready_s"] = round(await hubs[1].ready(), 3)
            await fleet.until(LeanAgent.answered, ANSWERED_WITHIN_S)
            figures["all_answered_s"] = (now_ms() - terminated_ms) / 1000
        hubs[1].terminate()
        assert await hubs[1].code() == 0
    finally:
        for hub in hubs:
            await hub.end()
    figures |= judge_windows(agents, terminated_ms) | judge_hubs(agents, hubs, terminated_ms)
    figures |= judge_books(tmp_path, agents)
    sys.stdout.write(json.dumps(figures) + "\n")
    assert figures["agents_in_flight"] == AGENTS
    assert min(figures["uncommitted_orders"], figures["answers_to_come"]) > 0
    assert figures["ready_s"] < READY_S_MAX


def judge_windows(agents: list[LeanAgent], terminated_ms: int) -> dict[str, Any]:
    """Whether each agent was asked to leave, left in time and knocked inside its own window."""
    firsts = [agent.visits[0] for agent in agents]
    windows = [first.window for first in firsts if first.window is not None]
    assert len(windows) == AGENTS, "an agent heard of no drain"
    starts = sorted(window.min_s for window in windows)
    assert len(set(starts)) == AGENTS, "two agents share a window"
    assert starts[-1] - starts[0] >= RECONNECT_MAX_S / 2, "the windows are not spread"
    thirds = Counter(int(start * 3 / starts[-1]) for start in starts[:-1])
    assert min(thirds[0], thirds[1], thirds[2]) >= AGENTS / 6, "the windows are in heaps"
    assert all(0 <= it.min_s < it.max_s <= RECONNECT_MAX_S for it in windows)
    for first in firsts[:STUCK_AGENTS]:
        assert first.code == 1012
        assert first.closed_ms >= terminated_ms + DEADLINE_S * 1000
    assert {first.code for first in firsts[STUCK_AGENTS:]} == {4000}
    for agent in agents:
        knocks_inside_its_window(agent.visits)
    answers = Counter(visit.answer for agent in agents for visit in agent.visits[1:])
    return {
        "window_starts_s": [round(starts[i], 2) for i in (0, AGENTS // 2, -1)],
        "closed_1012": sum(first.code == 1012 for first in firsts),
        "knocks": {
            "accepted": answers.pop(WELCOME),
            "nobody_there": answers.pop(0, 0),
            "refused": dict(answers),
        },
    }


def knocks_inside_its_window(visits: list[Visit]) -> None:
    """The next knock after the close comes in the window; later ones only after a failed one."""
    first, second = visits[:2]
    assert first.window is not None
    after_ms = second.knocked_ms - first.closed_ms
    assert first.window.min_s * 1000 - 1 <= after_ms <= first.window.max_s * 1000 + LATE_MS
    assert [visit.answer == WELCOME for visit in visits[1:-1]] == [False] * (len(visits) - 2)
    assert (visits[-1].answer, visits[-1].code) == (WELCOME, 1000)


def judge_hubs(agents: list[LeanAgent], hubs: list[Deployed], terminated_ms: int) -> dict[str, Any]:
    """Whether the hubs saw what the agents say: nobody in the drain, everybody once and in time."""
    old, new = hubs
    events = [line["event"] for line in old.lines("hub_draining", "agent_welcomed")]
    assert events == ["agent_welcomed"] * AGENTS + ["hub_draining"]
    codes = Counter(line["code"] for line in old.lines("agent_gone"))
    assert codes == {4000: AGENTS - STUCK_AGENTS, 1012: STUCK_AGENTS}
    welcomes = {line["agent_id"]: at_ms(line) for line in new.lines("agent_welcomed")}
    assert len(welcomes) == len(new.lines("agent_welcomed")) == AGENTS
    for agent in agents:
        first = agent.visits[0]
        assert first.window is not None
        came_ms = welcomes[agent.agent_id] - first.closed_ms
        assert came_ms >= first.window.min_s * 1000 - 1, "it came before its window"
    came = sorted((at - terminated_ms) / 1000 for at in welcomes.values())
    busiest = max(Counter(int(at * 2) for at in came).values())
    return {
        "back_s": [came[0], came[AGENTS // 2], came[-1]],
        "busiest_half_second": busiest,
        "refused_in_drain": len(old.lines("upgrade_refused")),
    }


def judge_books(folder: Path, agents: list[LeanAgent]) -> dict[str, Any]:
    """Compare what the agents wrote and got with what the hub holds."""
    with closing(sqlite3.connect(folder / "hub.db")) as connection:

        def rows(sql: str) -> list[tuple[Any, ...]]:
            return connection.execute(sql).fetchall()

        stored = rows("SELECT agent_id, chat, wa_id FROM messages WHERE direction = 'in'")
        replies = rows("SELECT agent_id, event_id, state FROM messages WHERE direction = 'out'")
        positions = dict(rows("SELECT agent_id, seq FROM up_positions"))
        taken = dict(rows("SELECT agent_id, count(*) FROM up_events GROUP BY agent_id"))
        assert rows("SELECT count(*) FROM quarantine") == [(0,)]
        assert rows("SELECT DISTINCT to_status FROM agent_status_history ORDER BY 1") == [
            ("offline",),
            ("online",),
            ("unknown",),
        ]
    written = Counter((agent.agent_id, *key) for agent in agents for key in agent.customers)
    assert Counter(stored) == written, "a message was lost or stored twice"
    orders = Counter(
        {(agent.agent_id, str(it)): n for agent in agents for it, n in agent.orders.items()}
    )
    assert Counter((agent_id, event_id) for agent_id, event_id, _ in replies) == orders
    assert len(replies) == len(stored), "a customer has no answer, or two"
    assert {state for _, _, state in replies} == {"sent"}
    heads = {agent.agent_id: len(agent.log) for agent in agents}
    assert positions == taken == heads
    return {"messages": len(stored), "orders": len(replies), "events": sum(heads.values())}
