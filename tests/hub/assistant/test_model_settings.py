"""What the operator sets about the model reaches the engine."""

from typing import Any

import pytest

from hub.assistant.engine import ToolCall
from hub.assistant.model import HybridEngine
from hub.parts import engine_of
from hub.settings import Settings, SettingsError
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


@pytest.mark.parametrize(
    "limit",
    [
        {"tenant_day_tokens": 100},
        {"tenant_month_tokens": 100},
        {"customer_day_tokens": 100},
        {"tenant_day_cost": 0.0001, "price_output": 1},
        {"tenant_month_cost": 0.0001, "price_output": 1},
    ],
)
async def test_a_limit_is_kept(grocer: Shop, limit: dict[str, float]) -> None:
    """Where it does not leave room for a call, there is none."""
    async with serving() as server:
        told = await trace(grocer, server, **{f"model_{k}": v for k, v in limit.items()})
        assert server.requests == []
    scope = next(iter(limit)).rpartition("_")[0]
    assert told.outcome == f"budget:{scope}"


def test_a_limit_of_cost_needs_prices() -> None:
    """Without them it would never be reached, which nobody would notice."""
    environ = ENVIRONMENT | {"SAK_HUB_MODEL_TENANT_DAY_COST": "1"}
    with pytest.raises(SettingsError, match="SAK_HUB_MODEL_PRICE_INPUT"):
        Settings.load(environ)


async def test_a_customer_is_the_same_after_a_restart(grocer: Shop) -> None:
    """To the provider and to his limit, as long as the key is; another shop's is another."""

    def identity(key: str, tenant_id: str = "t") -> str:
        loaded = Settings.load(ENVIRONMENT | {"OPENAI_API_KEY": key})
        engine = engine_of(loaded, grocer.clock, grocer.store)
        assert isinstance(engine, HybridEngine)
        assert engine.model is not None
        return engine.model.identity_of(tenant_id, "919800000001@c.us")

    assert identity("sk-one") == identity("sk-one")
    others = {identity("sk-one"), identity("sk-two"), identity("sk-one", "other")}
    assert len(others) == 3
    assert "98000" not in "".join(others)


async def test_the_time_of_a_turn_is_kept(grocer: Shop) -> None:
    """A model that does not answer within it is left."""
    async with serving() as server:
        server.says({"hang": True})
        told = await trace(grocer, server, model_turn_timeout_s=2)
    assert told.outcome == "timeout"
