"""Holds the dialogues of a file, each in a world of its own, and has what came of them judged."""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal, Protocol

import msgspec

from hub.assistant.engine import Engine
from hub.assistant.turn_trace import TurnTrace
from hub.evaluation.faults import Fault
from hub.evaluation.format import Dialogue, EvalFileError, Malformed, Shops
from hub.evaluation.invariants import broken
from hub.evaluation.judge import Ground, Miss, misses
from hub.evaluation.reading import EvalFile
from hub.evaluation.talk import Talk
from hub.evaluation.world import World, furnish, opened
from hub.store.database import Store

FOR_A_MODEL: Final = "it is a script for a model: --engine model plays it"

UNASKED: Final = ("endpoint:", "breaker:", "budget:")
"""How the outcomes of turns begin in which no model answered for reasons outside of it."""

Result = Literal["passed", "failed", "skipped"]
MakeEngine = Callable[[Store], Engine]


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A turn that was not as it should be. `turn` counts from 1; 0: the dialogue is malformed."""

    id: str
    turn: int
    said: tuple[str, ...] = ()
    replies: tuple[str, ...] = ()
    misses: tuple[Miss, ...]
    run: int = 1


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one dialogue in all its runs, with all that failed in it.

    `passes` of the runs went well; None where it was not held, or is a fault and no dialogue. `why`
    says why it was skipped.
    """

    id: str
    result: Result
    failures: tuple[Failure, ...] = ()
    passes: int | None = None
    why: str = ""


class Cast(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers. `engine` None: dialogues are skipped, and `why` tells the reason.

    `is_model`: every dialogue has to pass, also those that only a model can.
    """

    engine: MakeEngine | None
    why: str = ""
    is_model: bool = False


class FaultPlayer(Protocol):
    """Plays the scripts for a model that errs."""

    async def play(self, world: World, fault: Fault) -> tuple[Failure, ...]: ...


async def run(
    file: EvalFile,
    cast: Cast,
    only: Collection[str] = (),
    *,
    runs: int = 1,
    player: FaultPlayer | None = None,
) -> AsyncIterator[Outcome]:
    """The outcome of each dialogue, of those named in `only` if any are; EvalFileError.

    It has to go well in each of the `runs`. Without a `player` a model's faults are skipped.
    """
    with TemporaryDirectory(prefix="sak-eval-") as name:
        furnished = Path(name) / "furnished"
        await furnish(furnished, file.shops)
        stage = _Worlds(furnished, Path(name) / "world", file.shops, runs)
        for told in file.dialogues:
            if not only or told.id in only:
                yield await _dialogue(stage, told, cast)
        for fault in file.model_faults:
            if not only or fault.id in only:
                yield await _fault(stage, fault, player)


class _Worlds(msgspec.Struct, frozen=True):
    """Where worlds come from, and how often each dialogue is held."""

    furnished: Path
    folder: Path
    shops: Shops
    runs: int


async def _dialogue(worlds: _Worlds, told: Dialogue | Malformed, cast: Cast) -> Outcome:
    if isinstance(told, Malformed):
        return _unheld(told)
    if cast.engine is None:
        return Outcome(id=told.id, result="skipped", why=cast.why)
    failures: list[Failure] = []
    passes = 0
    for number in range(1, worlds.runs + 1):
        try:
            async with opened(worlds.furnished, worlds.folder, worlds.shops, told) as world:
                found = await hold(world, told, cast.engine(world.store), timed=cast.is_model)
        except EvalFileError as error:
            return _unheld(Malformed(told.id, f"dialogue {told.id}, {error}"))
        passes += not found
        failures += (msgspec.structs.replace(one, run=number) for one in found)
    return _judged(told.id, failures, passes, must=cast.is_model or told.embedded == "must")


async def _fault(worlds: _Worlds, fault: Fault | Malformed, player: FaultPlayer | None) -> Outcome:
    if player is None:
        return Outcome(id=fault.id, result="skipped", why=FOR_A_MODEL)
    if isinstance(fault, Malformed):
        return _unheld(fault)
    failures: list[Failure] = []
    for number in range(1, worlds.runs + 1):
        try:
            async with opened(worlds.furnished, worlds.folder, worlds.shops, fault.told) as world:
                found = await player.play(world, fault)
        except EvalFileError as error:
            return _unheld(Malformed(fault.id, f"fault {fault.id}, {error}"))
        failures += (msgspec.structs.replace(one, run=number) for one in found)
    return _judged(fault.id, failures, None, must=True)


def _judged(name: str, failures: list[Failure], passes: int | None, *, must: bool) -> Outcome:
    if not failures:
        return Outcome(id=name, result="passed", passes=passes)
    if must:
        return Outcome(id=name, result="failed", failures=tuple(failures), passes=passes)
    return Outcome(id=name, result="skipped", why="only a model has to pass it")


def _unheld(told: Malformed) -> Outcome:
    why = Miss("a dialogue that can be held", told.why)
    failure = Failure(id=told.id, turn=0, misses=(why,))
    return Outcome(id=told.id, result="failed", failures=(failure,))


async def hold(
    world: World, told: Dialogue, engine: Engine, *, timed: bool = False
) -> tuple[Failure, ...]:
    """Hold one dialogue to its end; what failed in it."""
    talk, ground = Talk(world, engine, timed=timed), ground_of(world.shops, told)
    failures = []
    for number, step in enumerate(told.turns, 1):
        came = await talk.take(step)
        found = (*misses(step, came, ground), *broken(came, ground), *_unasked(came.traces))
        if found:
            failures.append(
                Failure(id=told.id, turn=number, said=came.said, replies=came.replies, misses=found)
            )
    return tuple(failures)


def _unasked(traces: Iterable[TurnTrace]) -> Iterator[Miss]:
    """What code answered because the model's endpoint did not says nothing of the model."""
    for trace in traces:
        if trace.model is not None and trace.model.outcome.startswith(UNASKED):
            yield Miss("a model that can be asked", trace.model.outcome)


def ground_of(shops: Shops, told: Dialogue) -> Ground:
    """What the judge has to know of the shop, and of what is none of the customer's business."""
    tenant = shops.tenants[told.tenant]
    others = [name for name in shops.customers if name != told.customer]
    phones = [shops.customers[name].phone.removeprefix("+") for name in others]
    numbers = [no for no, order in shops.orders.items() if order.customer != told.customer]
    return Ground(
        currency=tenant.currency,
        exponent=tenant.exponent,
        languages=tenant.languages,
        names={goods.sku: (goods.sku, goods.name, *goods.aliases) for goods in shops.products},
        own=frozenset(goods.sku for goods in shops.products if goods.tenant == told.tenant),
        shop_name=tenant.name,
        record=msgspec.json.encode(tenant).decode(),
        strangers=(*others, *phones, *numbers),
    )
