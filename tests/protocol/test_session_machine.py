"""Two sessions, a link that drops, doubles, delays and cuts, and crashes of either side."""

import copy

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from protocol.ids import reply_id, whatsapp_key
from tests.protocol.model import AgentDisk, Connection, Log, Pipe, World
from tests.protocol.pair import ACCOUNT, CHAT

MESSAGES_MAX = 12
CLEAN_ROUNDS_MAX = 1200  # of 0.5 s: the longest wait (60 s after 4009) and room for all work


class Wire(RuleBasedStateMachine):
    """Everything that may happen to one agent and its hub."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    @initialize(messages=st.integers(0, 4), rounds=st.integers(0, 6))
    def a_morning(self, messages: int, rounds: int) -> None:
        """Most faults only bite once there is something to lose."""
        for _ in range(messages):
            self.world.phone.write()
        for _ in range(rounds):
            self.world.step_cleanly()

    # --- work

    @precondition(lambda self: len(self.world.phone.written) < MESSAGES_MAX)
    @rule(messages=st.integers(1, 3))
    def customers_write(self, messages: int) -> None:
        for _ in range(messages):
            self.world.phone.write()
        self.world.look_at_phone()

    @rule()
    def agent_dials(self) -> None:
        self.world.dial()

    @rule(times=st.integers(1, 4))
    def agent_commits(self, times: int) -> None:
        for _ in range(times):
            self.world.agent_commit()

    @rule(times=st.integers(1, 4))
    def agent_works(self, times: int) -> None:
        for _ in range(times):
            self.world.agent_work()

    @rule()
    def agent_pushes(self) -> None:
        self.world.agent_push()

    @rule(times=st.integers(1, 4))
    def hub_commits(self, times: int) -> None:
        for _ in range(times):
            self.world.hub_commit()

    @rule()
    def hub_answers(self) -> None:
        self.world.hub.answer_next()

    @rule()
    def hub_pushes(self) -> None:
        self.world.hub_push()

    @rule(seconds=st.sampled_from([0.1, 1.0, 11.0, 31.0, 46.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.pass_time(seconds)

    @rule(rounds=st.integers(1, 5))
    def nothing_goes_wrong_for_a_while(self, rounds: int) -> None:
        for _ in range(rounds):
            self.world.step_cleanly()

    # --- the link

    @precondition(lambda self: self.world.connections)
    @rule(data=st.data(), frames=st.integers(1, 6))
    def link_delivers(self, data: st.DataObject, frames: int) -> None:
        connection, pipe = self._pick(data)
        for _ in range(min(frames, len(pipe.items))):
            receiver = connection.hub if pipe is connection.up else connection.agent
            connection.deliver(pipe, receiver, self.world.now)
        self.world.settle_sessions()

    @precondition(lambda self: self.world.connections)
    @rule(data=st.data())
    def link_drops_a_frame(self, data: st.DataObject) -> None:
        _, pipe = self._pick(data)
        if pipe.items:
            del pipe.items[data.draw(st.integers(0, len(pipe.items) - 1))]

    @precondition(lambda self: self.world.connections)
    @rule(data=st.data())
    def link_doubles_a_frame(self, data: st.DataObject) -> None:
        _, pipe = self._pick(data)
        if pipe.items and isinstance(frame := pipe.items[0], str):
            pipe.items.appendleft(frame)

    @precondition(lambda self: self.world.connections)
    @rule(data=st.data(), who=st.sampled_from([(True, True), (True, False), (False, True)]))
    def link_breaks(self, data: st.DataObject, who: tuple[bool, bool]) -> None:
        connection, _ = self._pick(data)
        self.world.cut(connection, agent=who[0], hub=who[1])

    def _pick(self, data: st.DataObject) -> tuple[Connection, Pipe]:
        connection = data.draw(st.sampled_from(self.world.connections))
        return connection, data.draw(st.sampled_from([connection.up, connection.down]))

    # --- the hub's and the agent's bad days

    @rule()
    def hub_crashes(self) -> None:
        self.world.crash_hub()

    @rule()
    def agent_crashes(self) -> None:
        self.world.crash_agent()

    @rule()
    def agent_is_wiped(self) -> None:
        self.world.crash_agent()
        self.world.agent = AgentDisk(Log(self.world.names.epoch()))

    @rule()
    def hub_is_backed_up(self) -> None:
        self.world.hub_backup = copy.deepcopy(self.world.hub)

    @rule()
    def hub_is_restored(self) -> None:
        self.world.crash_hub()
        self.world.hub = copy.deepcopy(self.world.hub_backup)

    @rule()
    def agent_is_backed_up(self) -> None:
        self.world.agent_backup = copy.deepcopy(self.world.agent)

    @rule()
    def agent_is_restored(self) -> None:
        self.world.crash_agent()
        self.world.agent = copy.deepcopy(self.world.agent_backup)

    @rule(seconds=st.sampled_from([0.5, 5.0, 40.0]))
    def hub_is_busy(self, seconds: float) -> None:
        self.world.hub_busy(seconds)

    @rule()
    def hub_drains(self) -> None:
        self.world.hub_drain()

    # --- what always holds

    @invariant()
    def nothing_takes_effect_twice(self) -> None:
        hub = self.world.hub
        assert len(hub.messages) == len(set(hub.messages))
        replies = {
            whatsapp_key(reply_id(ACCOUNT, CHAT, "", wa_id, 0))
            for wa_id in self.world.phone.written
        }
        assert set(self.world.phone.shown) <= replies

    def teardown(self) -> None:
        """When the faults stop, everything arrives: no loss, no deadlock."""
        for _ in range(CLEAN_ROUNDS_MAX):
            if self.world.quiet:
                break
            self.world.step_cleanly()
        assert self.world.quiet, "the two sides are stuck"
        assert self.world.hub.quarantined == 0


TestWire = Wire.TestCase
TestWire.settings = settings(
    max_examples=200,
    stateful_step_count=50,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
