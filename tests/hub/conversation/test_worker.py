"""From a due turn to the order in the agent's log, with a real store and a scripted engine."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from hub.assistant.engine import Answer, Turn
from hub.conversation import worker
from hub.conversation.turns import AgentRef
from hub.conversation.worker import FAILURES_MAX, RETRY_S
from hub.store.database import Store
from hub.store.errors import StoreBusy
from hub.store.policy import DEFAULTS
from hub.store.tx import Row
from protocol import ids
from tests.fakes import FakeClock
from tests.hub.conversation.scene import (
    ACCOUNT,
    CHAT,
    Gate,
    Scene,
    echo,
    open_scene,
    running,
)


async def test_a_message_is_answered_after_the_quiet(scene: Scene, clock: FakeClock) -> None:
    """The reply stands in the agent's log under its derived id, with the disclosure, once."""
    async with running(scene) as hub:
        await hub.says("A", "hello")
        hub.later(2.9)
        await hub.settles()
        assert hub.engine.asked == []
        hub.later(0.1)
        await hub.reaches("answered")
        await hub.settles()
    [order] = await scene.orders()
    assert order.text == f"hello\n\n{DEFAULTS.disclosure}"
    assert order.expires_at is not None
    assert order.expires_at.ms == clock.now_ms() - 3_000 + 6 * 3_600_000
    event_id = ids.reply_id(ACCOUNT, CHAT, "", "A", 0)
    [row] = await scene.rows("SELECT agent_id, event_id FROM down_events")
    assert row == {"agent_id": "agt_a", "event_id": str(event_id)}
    reply = (await scene.messages())[-1]
    assert (reply["author"], reply["state"]) == ("bot", "queued")
    assert reply["wa_id"] == ids.whatsapp_key(event_id)
    assert hub.notified == ["agt_a"]
    assert hub.typing == []  # an answer that is there at once needs no sign


async def test_a_burst_of_two_messages_gives_one_reply(scene: Scene) -> None:
    """Both are in the answer; its id comes from the newest."""
    async with running(scene) as hub:
        await hub.says("A", "one")
        hub.later(2)
        await hub.says("B", "two")
        hub.later(2)
        await hub.settles()
        assert hub.engine.asked == []
        hub.later(1)
        await hub.reaches("answered")
    assert await scene.texts() == ["one + two"]
    [row] = await scene.rows("SELECT event_id FROM down_events")
    assert row["event_id"] == str(ids.reply_id(ACCOUNT, CHAT, "", "B", 0))


async def test_a_message_during_generation_restarts_with_both(scene: Scene) -> None:
    """The running answer is cancelled; one reply covers both messages."""
    gate = Gate()
    async with running(scene, gate, typing_after_s=0) as hub:
        await hub.says("A", "one")
        hub.later(3)
        await gate.entered.wait()
        await hub.says("B", "two")
        gate.open.set()
        hub.later(3)
        await hub.reaches("answered")
    assert [len(turn.messages) for turn in hub.engine.asked] == [1, 2]
    assert await scene.texts() == ["one + two"]
    assert hub.typing == [True, False]  # the second answer is there at once


async def test_an_engine_that_breaks_when_it_is_stopped_did_not_fail(scene: Scene) -> None:
    """A hub that stops leaves the turn pending; the next one answers it, no person is asked.

    The engine's own TaskGroup fails upon the cancellation, and forgets it with that.
    """
    gate = Gate()

    async def connection() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            raise ConnectionError from error

    async def script(turn: Turn) -> Answer:
        async with asyncio.TaskGroup() as group:
            group.create_task(connection())
            return await gate(turn)

    async with running(scene, script) as hub:
        await hub.says("A", "hello")
        hub.later(3)
        await gate.entered.wait()
    assert [state for state, _ in await scene.states()] == ["pending"]
    async with running(scene) as hub:
        await hub.reaches("answered")
    assert await scene.texts() == ["hello"]


async def test_an_answer_that_became_outdated_unnoticed_is_not_committed(scene: Scene) -> None:
    """Even if the worker hears of the newer message too late, the version tells."""
    gate = Gate()
    async with running(scene, gate) as hub:
        await hub.says("A", "one")
        hub.later(3)
        await gate.entered.wait()
        intake = await scene.says("B", "two")
        gate.open.set()
        await hub.settles()
        assert await scene.orders() == []
        hub.worker.took(intake)
        hub.later(3)
        await hub.reaches("answered")
    assert await scene.texts() == ["one + two"]


async def test_the_owner_in_mid_generation_means_that_nothing_is_sent(scene: Scene) -> None:
    """Whether or not the worker is told in time."""
    for told, wa_id in ((True, "A"), (False, "B")):
        gate = Gate()
        async with running(scene, gate) as hub:
            await scene.change("UPDATE chats SET paused_until = NULL")
            await hub.says(wa_id)
            hub.later(3)
            await gate.entered.wait()
            owner = await scene.says(f"O{wa_id}", from_me=True)
            if told:
                hub.worker.took(owner)
            gate.open.set()
            await hub.settles()
            assert hub.notified == []
    assert await scene.orders() == []
    assert {state for state, _ in await scene.states()} == {"dropped"}


async def test_a_chat_that_was_paused_in_mid_generation_gets_nothing(scene: Scene) -> None:
    """The recheck at commit looks at the chat, not only at the turn."""
    gate = Gate()
    async with running(scene, gate) as hub:
        await hub.says("A")
        hub.later(3)
        await gate.entered.wait()
        await scene.change("UPDATE chats SET paused_until = ?", scene.clock.now_ms() + 1)
        gate.open.set()
        await hub.reaches("dropped")
    assert await scene.orders() == []
    assert await scene.states() == [("dropped", "taken_over")]


async def test_an_edit_in_mid_generation_is_what_gets_answered(scene: Scene) -> None:
    """The words as they read now."""
    gate = Gate()
    async with running(scene, gate) as hub:
        await hub.says("A", "4 cartons")
        hub.later(3)
        await gate.entered.wait()
        await hub.says("E", "5 cartons", kind="edit", reply_to="A")
        gate.open.set()
        hub.later(3)
        await hub.reaches("answered")
    assert await scene.texts() == ["5 cartons"]


async def test_a_revoke_in_mid_generation_stops_the_answer(scene: Scene) -> None:
    """Nothing is left to answer."""
    gate = Gate()
    async with running(scene, gate) as hub:
        await hub.says("A")
        hub.later(3)
        await gate.entered.wait()
        await hub.says("R", None, kind="revoke", reply_to="A")
        await hub.settles()
    assert await scene.states() == [("dropped", "revoked")]
    assert await scene.orders() == []


async def test_a_typing_customer_is_waited_for(scene: Scene) -> None:
    """Up to 15 s from the first message, and then some quiet after the typing ended."""
    async with running(scene) as hub:
        await hub.says("A")
        hub.worker.composing("ten_a", ACCOUNT, CHAT, True)
        hub.later(10)
        await hub.settles()
        assert hub.engine.asked == []
        hub.worker.composing("ten_a", ACCOUNT, CHAT, False)
        hub.later(2)
        await hub.settles()
        assert hub.engine.asked == []
        hub.later(1)
        await hub.reaches("answered")


async def test_chats_are_answered_side_by_side_within_the_bound(scene: Scene) -> None:
    """Two lanes, three chats: the third waits for a free one."""
    gate = Gate(parties=2)
    async with running(scene, gate, lanes_max=2) as hub:
        for n in range(3):
            await hub.says("A", chat=f"91980000000{n}@c.us")
        hub.later(3)
        await gate.entered.wait()
        await scene.states()
        assert gate.inside == 2
        gate.open.set()
        await hub.reaches("answered", "answered", "answered")


async def test_one_chats_failure_does_not_stop_another(scene: Scene) -> None:
    """Nor does a turn whose commit fails: it is tried again."""

    async def two_minds(turn: Turn) -> Answer:
        if turn.messages[0].text == "bad":
            raise RuntimeError
        return await echo(turn)

    async with running(scene, two_minds) as hub:
        await hub.says("A", "bad")
        await hub.says("A", "good", chat="919800000002@c.us")
        hub.later(3)
        await hub.reaches("waiting", "answered")


async def test_a_turn_whose_commit_fails_is_tried_again(scene: Scene) -> None:
    """Something is wrong with the store for a while; nothing is lost or half done."""
    async with running(scene) as hub:
        await hub.says("A", "hello")
        await scene.change(
            "CREATE TRIGGER full BEFORE INSERT ON down_events "
            "BEGIN SELECT RAISE(ABORT, 'no room'); END"
        )
        hub.later(3)
        await hub.settles()
        assert await scene.states() == [("pending", None)]
        assert len(await scene.messages()) == 1
        await scene.change("DROP TRIGGER full")
        hub.later(30)
        await hub.reaches("answered")
    assert await scene.texts() == ["hello"]


async def test_a_turn_that_nobody_announced_is_found(scene: Scene, clock: FakeClock) -> None:
    """The socket's task may die between commit and word; the store is asked every few seconds."""
    async with running(scene) as hub:
        await hub.settles()
        await scene.says("A", "hello")
        hub.later(5)
        await hub.reaches("answered")
    assert await scene.texts() == ["hello"]


async def test_a_clock_set_back_does_not_put_answers_off(scene: Scene, clock: FakeClock) -> None:
    """What the worker was told is timed on a clock that never steps back."""
    async with running(scene) as hub:
        await hub.says("A", "hello")
        clock.set_wall(clock.now_ms() - 3_600_000)
        hub.later(3)
        await hub.reaches("answered")


async def test_the_reply_goes_to_the_agent_that_saw_the_newest_message(scene: Scene) -> None:
    """Each agent has its own log."""
    async with running(scene) as hub:
        await hub.says("A")
        await hub.says("B", agent=AgentRef("ten_a", "agt_b"))
        hub.later(3)
        await hub.reaches("answered")
        await hub.settles()
    assert hub.notified == ["agt_b"]


async def test_duplicates_by_another_epoch_get_no_second_reply(scene: Scene) -> None:
    """Before and after the answer, from the same agent or another."""
    async with running(scene) as hub:
        await hub.says("A")
        await hub.says("A", age_s=1)
        hub.later(3)
        await hub.reaches("answered")
        await hub.says("A", agent=AgentRef("ten_a", "agt_b"))
        hub.later(3)
        await hub.settles()
    assert len(await scene.orders()) == 1
    assert len(hub.engine.asked) == 1


async def test_groups_and_our_own_words_are_never_answered(scene: Scene) -> None:
    """Groups, status, and the echo of the reply."""
    async with running(scene) as hub:
        await hub.says("G", chat="120363000000000001@g.us", sender=CHAT)
        await hub.says("S", chat="status@broadcast", sender=CHAT)
        await hub.says("A")
        hub.later(3)
        await hub.reaches("answered")
        key = (await scene.messages())[-1]["wa_id"]
        await hub.says(key, from_me=True)
        await hub.says("B")
        hub.later(3)
        await hub.reaches("answered", "answered")
    assert len(await scene.orders()) == 2


async def test_the_wait_ends_by_itself(scene: Scene) -> None:
    """Real seconds pass without anybody ringing the bell."""

    class Ticking(FakeClock):
        """Time passes with the event loop's."""

        def monotonic(self) -> float:
            return asyncio.get_running_loop().time()

    scene.clock = Ticking()
    await scene.change("""UPDATE tenants SET settings = '{"debounce_s": 0.05}'""")
    async with running(scene) as hub:
        await hub.says("A")
        await hub.reaches("answered")


class BusyStore(Store):
    """A store whose readers find it locked."""

    async def all(self, query: str, /, **params: Any) -> list[Row]:
        raise StoreBusy("locked")


async def test_a_store_that_cannot_be_read_does_not_stop_the_worker(
    tmp_path: Path, clock: FakeClock
) -> None:
    """The look at the store is repeated; what was announced is answered."""
    opened = open_scene(tmp_path / "hub.db", clock, kind=BusyStore)
    async with opened as scene, running(scene) as hub:
        await hub.says("A")
        hub.later(3)
        await hub.reaches("answered")


async def test_a_turn_that_always_fails_comes_before_a_person(scene: Scene) -> None:
    """A row that nobody can read is not tried for ever."""
    async with running(scene) as hub:
        await hub.says("A", "hello")
        await scene.change("UPDATE messages SET sender = 'broken'")
        for _ in range(FAILURES_MAX):
            hub.later(RETRY_S)
            await hub.settles()
        await hub.reaches("waiting")
    assert await scene.states() == [("waiting", "turn_failed")]
    assert await scene.orders() == []


async def test_turns_that_must_wait_do_not_hide_those_behind_them(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store is read back page by page, past an agent that may not be answered yet."""
    monkeypatch.setattr(worker, "RELOADED_MAX", 1)
    monkeypatch.setattr(worker, "RELOAD_MIN_S", 0.0)
    other = AgentRef("ten_a", "agt_b")
    for number in range(3):
        await scene.says(f"A{number}", chat=f"91980000001{number}@c.us")
    await scene.says("B", chat="919800000020@c.us", agent=other)
    scene.clock.advance(3)
    async with running(scene, may_answer=lambda agent_id: agent_id == "agt_b") as hub:
        async with asyncio.timeout(10):
            while not hub.notified:
                await scene.states()
    assert hub.notified == ["agt_b"]
    assert len(await scene.orders()) == 1
