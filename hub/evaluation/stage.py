"""Plays the scripts for a model that errs: the real SDK against a scripted endpoint on a socket.

The mode is `model`: no answer of code comes before the model's, but for what is always by code. All
limits are those of a hub; the time that a script makes everybody wait is skipped.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

from hub.assistant.breaker import Breaker
from hub.assistant.budget import Limit, Limits
from hub.assistant.embedded import EmbeddedEngine
from hub.assistant.loop_thread import LoopThread
from hub.assistant.model import HybridEngine, ModelEngine
from hub.assistant.model_wire import Endpoint, Message, Reply, Wire
from hub.evaluation import fault_judge
from hub.evaluation.clockwork import Clockwork
from hub.evaluation.fault_judge import Evidence
from hub.evaluation.faults import Act, Fault
from hub.evaluation.invariants import broken
from hub.evaluation.judge import Exchange, misses
from hub.evaluation.runner import Failure, ground_of
from hub.evaluation.scripted_model import ModelServer, results, serving
from hub.evaluation.talk import Talk
from hub.evaluation.world import World
from hub.store import operator_notices

NOTICES_MAX: Final = 20
OK: Final = ("ok", "asked")


class Stage:
    """One endpoint for all scripts, one after the other."""

    def __init__(self, server: ModelServer, wire: Wire) -> None:
        self._server = server
        self._wire = wire

    async def play(self, world: World, fault: Fault) -> tuple[Failure, ...]:
        """What failed in one fault."""
        breaker = Breaker()
        if fault.is_circuit_open:
            breaker.failed("refused", world.clock.monotonic())
        model = ModelEngine(
            world.store, world.clock, self._wire, limits=_limits(fault), breaker=breaker
        )
        talk = Talk(world, HybridEngine(EmbeddedEngine(world.store), model, "model"), timed=True)
        self._server.interrupt = talk.hear
        ground, failures = ground_of(world.shops, fault.told), []
        for number, act in enumerate(fault.acts, 1):
            came, evidence = await self._take(world, talk, act, breaker)
            found = (
                *misses(act.step, came, ground),
                *broken(came, ground),
                *fault_judge.misses(act.wanted, evidence),
            )
            if found:
                failures.append(
                    Failure(
                        id=fault.id,
                        turn=number,
                        said=came.said,
                        replies=came.replies,
                        misses=found,
                    )
                )
        return tuple(failures)

    async def _take(
        self, world: World, talk: Talk, act: Act, breaker: Breaker
    ) -> tuple[Exchange, Evidence]:
        """Play one turn, and gather what came of it."""
        server = self._server
        if act.script is not None:
            server.begin(act.script)
        begun = len(server.played)
        came = await talk.take(act.step)
        notices = await world.store.read(partial(operator_notices.unseen, limit=NOTICES_MAX))
        return came, Evidence(
            played=tuple(server.played[begun:]),
            told=_told(server.requests[begun:], came),
            traces=came.traces,
            replies=came.replies,
            is_handed_over=came.after.handed_over,
            is_open=breaker.is_open,
            is_left=server.left.is_set(),
            notices=tuple(str(notice["kind"]) for notice in notices),
        )


class _Patience:
    """Skips time only while somebody waits for the model: what follows takes its own time."""

    def __init__(self, clockwork: Clockwork) -> None:
        self._clockwork = clockwork
        self.waiting = 0

    async def skip(self, seconds: float) -> None:
        if self.waiting:
            await self._clockwork.skip(seconds)


class _PatientWire(Wire):
    def __init__(self, endpoint: Endpoint, thread: LoopThread, patience: _Patience) -> None:
        super().__init__(endpoint, thread)
        self._patience = patience

    async def ask(
        self,
        messages: Sequence[Message],
        *,
        identifier: str,
        output_max: int,
        use_tools: bool = True,
    ) -> Reply:
        """The model's answer; CallFailed."""
        self._patience.waiting += 1
        try:
            return await super().ask(
                messages, identifier=identifier, output_max=output_max, use_tools=use_tools
            )
        finally:
            self._patience.waiting -= 1


@asynccontextmanager
async def staged(clockwork: Clockwork) -> AsyncIterator[Stage]:
    """A stage on the running loop, which `clockwork` made."""
    thread, patience = LoopThread("scripted model", clockwork.new_loop), _Patience(clockwork)
    async with serving(patience.skip) as server:
        endpoint = Endpoint(api_key="sk-scripted", model="scripted", base_url=server.url)
        wire = _PatientWire(endpoint, thread, patience)
        try:
            yield Stage(server, wire)
        finally:
            await wire.close()


def _limits(fault: Fault) -> Limits:
    return Limits(
        tenant_day=Limit(tokens=fault.budget_left_tokens),
        customer_day=Limit(tokens=fault.customer_budget_left_tokens),
    )


def _told(requests: Sequence[Mapping[str, Any]], came: Exchange) -> tuple[str, ...]:
    """What the model was told that tools said no with, and what it was not told any more."""
    last = results(requests[-1]) if requests else ()
    told = [str(result["error"]) for result in last if "error" in result]
    noted = {
        call.outcome
        for trace in came.traces
        for call in trace.models_calls
        if call.outcome not in OK and not call.outcome.endswith(" found")
    }
    return (*told, *sorted(noted - set(told)))
