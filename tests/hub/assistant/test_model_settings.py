"""What the operator sets about the model reaches the engine."""

from typing import Any

import pytest

from hub.assistant.engine import ToolCall
from hub.assistant.model import HybridEngine
from hub.parts import engine_of
from hub.settings import Settings
from tests.hub.assistant.model_server import ModelServer, serving
from tests.hub.assistant.shopper import Shop

ENVIRONMENT = {
    "OPENAI_API_KEY": "sk-test",
    "SAK_HUB_MODEL_NAME": "scripted",
    "SAK_HUB_MODEL_MODE": "model",
}


async def trace(grocer: Shop, server: ModelServer, **settings: Any) -> ToolCall:
    """How the model did in one turn of a hub that is set so."""
    environ = {f"SAK_HUB_{name.upper()}": str(value) for name, value in settings.items()}
    loaded = Settings.load(ENVIRONMENT | {"SAK_HUB_MODEL_URL": server.url} | environ)
    engine = engine_of(loaded, grocer.clock, grocer.store)
    assert isinstance(engine, HybridEngine)
    me = grocer.customer(engine=engine)
    try:
        await me.says("hello there")
    finally:
        await engine.close()
    return next(call for call in me.answers[-1].tool_calls if call.name == "model")


async def test_prices_are_per_million_tokens(grocer: Shop) -> None:
    """200 tokens at 0.25, 800 from the cache at 0.1, 20 written at 1.5, in millionths."""
    async with serving() as server:
        server.says({"text": "Welcome, what can I do for you?"})
        prices = {"input": 0.25, "cached": 0.1, "output": 1.5}
        told = await trace(grocer, server, **{f"model_price_{k}": v for k, v in prices.items()})
    assert (told.outcome, told.args["cost_micros"]) == ("ok", 160)


@pytest.mark.parametrize("scope", ["tenant_day", "tenant_month", "customer_day"])
async def test_a_limit_is_kept(grocer: Shop, scope: str) -> None:
    """Where it does not leave room for a call, there is none."""
    async with serving() as server:
        told = await trace(grocer, server, **{f"model_{scope}_tokens": 100})
        assert server.requests == []
    assert told.outcome == f"budget:{scope}"


async def test_the_time_of_a_turn_is_kept(grocer: Shop) -> None:
    """A model that does not answer within it is left."""
    async with serving() as server:
        server.says({"hang": True})
        told = await trace(grocer, server, model_turn_timeout_s=2)
    assert told.outcome == "timeout"
