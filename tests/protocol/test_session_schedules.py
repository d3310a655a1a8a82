"""Long random schedules over the same world as the state machine; a failure replays by its seed."""

import copy
from collections.abc import Callable
from random import Random

import pytest

from tests.protocol.model import AgentDisk, Log, World

STEPS = 200
SEEDS = range(120)
CLEAN_ROUNDS_MAX = 1500


def _deliver(world: World, chance: Random) -> None:
    connection = chance.choice(world.connections)
    to_hub = chance.random() < 0.5
    pipe = connection.up if to_hub else connection.down
    for _ in range(min(chance.randint(1, 6), len(pipe.items))):
        connection.deliver(pipe, connection.hub if to_hub else connection.agent, world.now)
    world.settle_sessions()


def _spoil(world: World, chance: Random) -> None:
    """Drop or double one frame in flight."""
    connection = chance.choice(world.connections)
    items = chance.choice([connection.up, connection.down]).items
    if items and isinstance(items[0], str):
        if chance.random() < 0.5:
            items.appendleft(items[0])
        else:
            del items[chance.randrange(len(items))]


def _break(world: World, chance: Random) -> None:
    agent, hub = chance.choice([(True, True), (True, False), (False, True)])
    world.cut(chance.choice(world.connections), agent=agent, hub=hub)


def _lose_agent(world: World, chance: Random) -> None:
    world.crash_agent()
    if chance.random() < 0.3:
        world.agent = AgentDisk(Log(world.names.epoch()))
    elif chance.random() < 0.5:
        world.agent = copy.deepcopy(world.agent_backup)


def _lose_hub(world: World, chance: Random) -> None:
    world.crash_hub()
    if chance.random() < 0.5:
        world.hub = copy.deepcopy(world.hub_backup)


def _back_up(world: World, chance: Random) -> None:
    if chance.random() < 0.5:
        world.hub_backup = copy.deepcopy(world.hub)
    else:
        world.agent_backup = copy.deepcopy(world.agent)


def _customer_writes(world: World, chance: Random) -> None:
    if len(world.phone.written) < 40:
        world.phone.write()
        world.look_at_phone()


WORK: tuple[Callable[[World], None], ...] = (
    World.dial,
    World.look_at_phone,
    World.agent_commit,
    World.agent_work,
    World.agent_push,
    World.hub_commit,
    World.hub_push,
    lambda world: world.hub.answer_next(),
    World.step_cleanly,
)
ON_THE_LINK: tuple[tuple[Callable[[World, Random], None], float], ...] = (
    (_deliver, 10.0),
    (_spoil, 0.6),
    (_break, 0.4),
)
FAULTS: tuple[tuple[Callable[[World, Random], None], float], ...] = (
    (_customer_writes, 3.0),
    (_back_up, 0.5),
    (_lose_agent, 0.5),
    (_lose_hub, 0.5),
    (lambda world, chance: world.hub_busy(chance.choice([0.5, 40.0])), 0.2),
    (lambda world, chance: world.hub_drain(), 0.2),
    (lambda world, chance: world.pass_time(chance.choice([0.1, 1.0, 11.0, 31.0, 61.0])), 0.6),
)


def _pick(
    chance: Random, table: tuple[tuple[Callable[[World, Random], None], float], ...]
) -> Callable[[World, Random], None]:
    return chance.choices([action for action, _ in table], [weight for _, weight in table])[0]


@pytest.mark.parametrize("seed", SEEDS)
def test_everything_arrives_once_whatever_dies(seed: int) -> None:
    """After 200 random steps and faults, each message is stored and answered exactly once."""
    chance, world = Random(seed), World()  # noqa: S311 - a schedule, not a secret
    for _ in range(STEPS):
        dice = chance.random()
        if dice < 0.5:
            chance.choice(WORK)(world)
        elif dice < 0.75 and world.connections:
            _pick(chance, ON_THE_LINK)(world, chance)
        else:
            _pick(chance, FAULTS)(world, chance)
    for _ in range(CLEAN_ROUNDS_MAX):
        if world.quiet:
            break
        world.step_cleanly()
    assert world.quiet
    assert len(world.hub.messages) == len(world.phone.written)
