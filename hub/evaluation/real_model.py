"""The hub's own model as the one who answers the dialogues of a file."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from hub.assistant import allowance
from hub.assistant.embedded import EmbeddedEngine
from hub.assistant.engine import Engine
from hub.assistant.model import HybridEngine, ModelEngine
from hub.assistant.model_loop import TurnLimits
from hub.assistant.model_wire import Endpoint, Wire
from hub.clock import Clock
from hub.evaluation.runner import Cast
from hub.settings import Settings
from hub.store.database import Store


def missing(settings: Settings) -> str | None:
    """What has to be set before a model can be asked, as a sentence's rest; None: nothing."""
    if settings.openai_api_key is None:
        return "set OPENAI_API_KEY and SAK_HUB_MODEL_NAME"
    return "set SAK_HUB_MODEL_NAME" if settings.model_name is None else None


@asynccontextmanager
async def cast(settings: Settings, clock: Clock) -> AsyncIterator[Cast]:
    """Who answers where the settings name a model; else nobody, and why."""
    key, name = settings.openai_api_key, settings.model_name
    if key is None or name is None:
        yield Cast(engine=None, why=f"it needs a real model: {missing(settings)}", is_model=True)
        return
    wire = Wire(Endpoint.of(key.reveal(), name, settings.model_url))
    try:
        make = partial(_engine, settings=settings, clock=clock, wire=wire)
        yield Cast(engine=make, is_model=True)
    finally:
        await wire.close()


def _engine(store: Store, *, settings: Settings, clock: Clock, wire: Wire) -> Engine:
    model = ModelEngine(
        store,
        clock,
        wire,
        prices=allowance.prices_of(settings),
        turn_limits=TurnLimits(turn_s=settings.model_turn_timeout_s),
    )
    return HybridEngine(EmbeddedEngine(store), model, "model")
