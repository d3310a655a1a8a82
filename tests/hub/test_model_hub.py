"""A real hub with a key: a customer's message over the socket, a scripted model behind it."""

import asyncio
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hub.app import Hub, _serve_signalled, listen
from hub.assistant.embedded import EmbeddedEngine
from hub.assistant.engine import Engine
from hub.assistant.model import HybridEngine
from hub.clock import SystemClock
from hub.commerce import model_wishes
from hub.commerce.catalog import import_file
from hub.parts import engine_of
from hub.settings import Secret, Settings
from hub.store import operator_notices
from hub.store.database import Store
from hub.store.errors import StoreFull
from hub.store.tx import Tx
from protocol.messages import Event, Instant, MessageSend
from tests.hub.assistant.model_server import ModelServer
from tests.hub.assistant.model_server import serving as modelling
from tests.hub.gateway.client import Agent, Dialled
from tests.hub.gateway.stage import Stage
from tests.hub.process import ROOT, HubProcess, environment

KEY = "sk-invented-for-this-test"
CORNER = Path(__file__).parent / "assistant" / "corner_shop.json"
PRICE = "price of filter coffee"


@asynccontextmanager
async def serving(folder: Path, model: ModelServer, mode: str) -> AsyncIterator[Process]:
    """A `sak-hub serve` that asks this model and stocks the corner shop; it is ready."""
    settings = {
        "port": 0,
        "debounce_s": 0,
        "drain_deadline_s": 0.2,
        "log_level": "debug",
        "model_mode": mode,
        "model_name": "scripted",
        "model_url": model.url,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "hub",
        "serve",
        cwd=ROOT,
        env=environment(folder, settings) | {"OPENAI_API_KEY": KEY},
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        yield process
    finally:
        await HubProcess(process).end()


async def agent_of(folder: Path, process: Process) -> tuple[Agent, HubProcess]:
    """The agent of the corner shop, and the hub that it may dial."""
    async with Stage.set(folder) as stage:
        await import_file(stage.store, "ten_a", CORNER, 1)
        token = stage.tokens["a"]
    hub = HubProcess(process)
    hub.port = (await hub.logs("hub_ready"))["port"]
    return Agent(f"ws://127.0.0.1:{hub.port}/agent", token, "agt_a"), hub


async def ask(line: Dialled, text: str) -> None:
    """What a customer writes now."""
    await line.say(text, sent_at=Instant(SystemClock().now_ms()))


async def reply(line: Dialled) -> str:
    """The words of the first order."""
    await line.until(lambda: bool(line.agent.orders))
    order = line.agent.orders[0]
    assert isinstance(order, Event)
    assert isinstance(order.data, MessageSend)
    return order.data.text or ""


async def test_a_message_is_answered_by_the_model(tmp_path: Path) -> None:
    """Its words reach the customer; the key reaches the provider and neither log nor output."""
    async with modelling() as model, serving(tmp_path, model, "hybrid") as process:
        agent, hub = await agent_of(tmp_path, process)
        async with agent.dial() as line:
            await line.live()
            model.says({"text": "Gladly: tell me a little more about what you like."})
            await ask(line, "which of your things would suit an aunt who dislikes anything bitter")
            assert "Gladly: tell me a little more" in await reply(line)
        assert [request["model"] for request in model.requests] == ["scripted"]
        hub.signal(signal.SIGTERM)
        output, errors = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode == 0
        assert KEY.encode() not in output + errors
        assert KEY not in str(hub.lines)
        assert b"hub_stopping" in errors


async def test_a_model_that_ends_in_mid_turn_leaves_the_embedded_answer(tmp_path: Path) -> None:
    """Its server stops with the request open: the customer gets the price from the hub."""
    async with AsyncExitStack() as running:
        model = await running.enter_async_context(modelling())
        async with serving(tmp_path, model, "model") as process:
            agent, _ = await agent_of(tmp_path, process)
            async with agent.dial() as line:
                await line.live()
                model.says({"hang": True})
                await ask(line, PRICE)
                await asyncio.wait_for(model.asked.wait(), 10)
                await running.aclose()
                assert "₹362.50" in await reply(line)
            assert len(model.requests) == 1


async def test_at_its_limit_a_shop_is_answered_without_the_model(tmp_path: Path) -> None:
    """The operator is told; a limit that is raised meanwhile counts for the next message."""
    async with modelling() as model, serving(tmp_path, model, "model") as process:
        agent, _ = await agent_of(tmp_path, process)
        async with Store.open(f"sqlite:///{tmp_path}/hub.db", SystemClock()) as store:
            await limit(store, 100)
            async with agent.dial() as line:
                await line.live()
                await ask(line, PRICE)
                assert "₹362.50" in await reply(line)
                assert model.requests == []
                (notice,) = await store.read(lambda tx: operator_notices.unseen(tx, 9))
                assert (notice["tenant_id"], notice["kind"]) == ("ten_a", "budget")
                assert notice["subject"].startswith("tenant_day 20")
                await limit(store, 100_000)
                model.says({"text": "Gladly, with pleasure."})
                await ask(line, "and what would you drink yourself on a rainy day")
                await line.until(lambda: len(line.agent.orders) == 2)
            assert len(model.requests) == 1


async def limit(store: Store, tokens: int) -> None:
    """What an operator sets while the hub runs."""

    def change(tx: Tx) -> None:
        row = tx.one("tenants.by_id", tenant_id="ten_a")
        assert row is not None
        kept = {key: row[key] for key in row.keys() if key != "created_at"}  # noqa: SIM118 - a row
        settings = model_wishes.change(row["settings"], "model_day_tokens", f"{tokens}")
        tx.run("tenants.update", **(kept | {"settings": settings}))

    await store.write(change)


async def test_without_a_key_there_is_no_model(tmp_path: Path) -> None:
    """Whatever else is set; the same with a key in the mode that asks none, or with no name."""
    async with Stage.set(tmp_path) as stage:
        for changes in (
            {"model_mode": "model"},
            {"model_mode": "embedded", "openai_api_key": Secret(KEY)},
            {"model_name": None, "openai_api_key": Secret(KEY)},
        ):
            settings = Settings(**({"model_name": "scripted"} | changes))
            assert type(engine_of(settings, stage.clock, stage.store)) is EmbeddedEngine


def test_a_hub_does_not_load_the_sdk_before_it_asks() -> None:
    """It takes 45 MiB, which a hub without a key never needs."""
    code = "import sys, hub.app; sys.exit('openai' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


@pytest.mark.parametrize("fails", [False, True])
async def test_the_models_connections_are_closed(tmp_path: Path, fails: bool) -> None:
    """When the hub stops, and when it cannot start after its engine was made."""
    closed: list[bool] = []

    class Watched(HybridEngine):
        async def close(self) -> None:
            closed.append(True)

    async with Stage.set(tmp_path) as stage:

        def engine(store: Store) -> Engine:
            if fails:
                store.write = _full  # type: ignore[method-assign, assignment]
            return Watched(EmbeddedEngine(store), None)

        with listen("127.0.0.1", 0) as listener:
            hub = Hub(stage.settings, stage.clock, listener, engine)
            if fails:
                with pytest.raises(StoreFull):
                    await _serve_signalled(hub)
            else:
                hub.stop()
                assert await _serve_signalled(hub) == 0
    assert closed == [True]


async def _full(_: Any) -> Any:
    raise StoreFull("The disk that holds the database is full.")
