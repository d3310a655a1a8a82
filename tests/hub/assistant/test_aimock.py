"""A second witness that the endpoint's wire is spoken as others speak it: aimock, in Node.

The scripted model of the evaluation is of this house; what both it and the client took for the wire
would be right here and wrong elsewhere. aimock is others' reading of the same interface.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.assistant.breaker import Breaker
from hub.assistant.embedded import EmbeddedEngine
from hub.assistant.model import HybridEngine, ModelEngine
from hub.assistant.model_loop import TurnLimits
from hub.assistant.model_wire import Endpoint, Wire
from hub.assistant.turn_trace import ModelUse, parted
from tests.hub.assistant.shopper import Shop

ROOT = Path(__file__).parents[3]
SERVER = ROOT / "node_modules/@copilotkit/aimock/dist/cli.js"
SCRIPT = Path(__file__).with_name("aimock.json")


@pytest.fixture(scope="module")
def aimock() -> Iterator[str]:
    """The base URL of a server that runs for this file's tests."""
    node = shutil.which("node") or shutil.which("node", path=str(Path(sys.executable).parent))
    assert node is not None, "Node is missing; run: make setup"
    assert SERVER.exists(), "aimock is missing; run: make setup"
    command = [node, str(SERVER), "--port", "0", "--fixtures", str(SCRIPT)]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            said = []
            for line in process.stdout:
                said.append(line)
                if found := re.search(r"listening on (http://127\.0\.0\.1:\d+)", line):
                    yield f"{found[1]}/v1"
                    break
            else:
                pytest.fail("aimock did not start: " + "".join(said))
        finally:
            process.terminate()


async def said(shop: Shop, url: str, text: str) -> tuple[str, ModelUse, list[tuple[str, str]]]:
    """What a customer is told, the model's part in it, and the tools with their outcomes."""
    wire = Wire(Endpoint(api_key="sk-test", model="any", base_url=url))
    limits = TurnLimits(pause_max_s=0.01)
    model = ModelEngine(shop.store, shop.clock, wire, breaker=Breaker(), turn_limits=limits)
    me = shop.customer(engine=HybridEngine(EmbeddedEngine(shop.store), model, "model"))
    reply = await me.says(text)
    await model.close()
    calls, use = parted(me.answers[-1].tool_calls)
    assert use is not None
    return reply, use, [(call.name, call.outcome) for call in calls[: use.tools]]


async def test_words_and_what_they_cost(grocer: Shop, aimock: str) -> None:
    """One call; the tokens are counted as the endpoint counts them (it tells of no cached ones)."""
    reply, use, _ = await said(grocer, aimock, "how do I keep beans fresh in the summer heat?")
    assert reply == "It keeps longest in a cool, dry place."
    assert (use.outcome, use.calls) == ("ok", 1)
    assert (use.input_tokens, use.output_tokens) == (1_000, 20)


async def test_a_tool_and_then_words(grocer: Shop, aimock: str) -> None:
    """The call goes back with its result, under the id that the endpoint gave it."""
    reply, use, tools = await said(grocer, aimock, "price of filter coffee, please?")
    assert reply == "Filter Coffee 500 g is ₹362.50 plus GST."
    assert (use.calls, tools) == (2, [("get_price", "ok")])


async def test_broken_arguments_are_put_right(grocer: Shop, aimock: str) -> None:
    """The model is told, the endpoint takes the conversation, and the second call is sound."""
    reply, use, tools = await said(grocer, aimock, "cost of filter coffee?")
    assert "₹362.50" in reply
    assert (use.calls, tools) == (3, [("get_price", "bad_arguments"), ("get_price", "ok")])


async def test_too_many_calls_are_tried_once_more(grocer: Shop, aimock: str) -> None:
    """A 429 with a Retry-After, and then the answer."""
    reply, use, _ = await said(grocer, aimock, "I am hurried, are you there?")
    assert (reply, use.outcome, use.calls) == ("Here I am again.", "ok", 2)


@pytest.mark.parametrize(
    ("text", "outcome", "calls"),
    [
        ("what if you run out of money?", "endpoint:quota", 1),
        ("what if you have the wrong key?", "endpoint:refused", 1),
        ("what if there is a broken server?", "endpoint:server", 2),
        ("what if the words are garbled?", "endpoint:nonsense", 2),
        ("what if the model has vanished?", "endpoint:unreachable", 2),
    ],
)
async def test_failures_have_their_names(
    grocer: Shop, aimock: str, text: str, outcome: str, calls: int
) -> None:
    """Each is told apart, and the customer gets an answer by code."""
    reply, use, _ = await said(grocer, aimock, text)
    assert (use.outcome, use.calls) == (outcome, calls)
    assert reply
