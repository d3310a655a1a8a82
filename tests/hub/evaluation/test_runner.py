"""Dialogues go the hub's own way: in time, once, and with what happens behind them."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from hub.assistant.embedded import EmbeddedEngine
from hub.assistant.engine import Answer, Engine, Turn
from hub.evaluation import furnishing
from hub.evaluation.format import EvalFileError
from hub.evaluation.reading import load
from hub.evaluation.runner import Cast, Outcome, run
from hub.store.database import Store
from tests.hub.evaluation.conftest import SMALL, small

HEAD = "tenant: kiosk, customer: asha"


class Says:
    """An engine that always says the same, or breaks."""

    def __init__(self, text: str) -> None:
        self.text = text

    async def answer(self, turn: Turn) -> Answer:
        if not self.text:
            raise KeyError("broken")
        return Answer(text=self.text, path="said")


async def outcomes(path: Path, make: Callable[[Store], Engine]) -> list[Outcome]:
    return [outcome async for outcome in run(load(path), Cast(engine=make))]


async def held(tmp_path: Path, turns: str, make: Callable[[Store], Engine]) -> list[str]:
    """What one dialogue with these turns misses."""
    path = small(tmp_path, f"- {{id: x1, {HEAD}, turns: [{turns}]}}\n")
    [outcome] = await outcomes(path, make)
    assert outcome.result == ("failed" if outcome.failures else "passed")
    return [
        f"{failure.turn} {miss.expected} <- {miss.came}"
        for failure in outcome.failures
        for miss in failure.misses
    ]


@pytest.mark.parametrize(
    "turns",
    [
        "{say: price of rose soap, money: [2500], calls: [get_price SOAP-1 1]}",
        "{say: where is my order K-41, any_of: [[delivered]], calls: [order_status K-41]}",
        "{burst: [[0, add 2 blue pens], [1.5, and 1 rose soap]], replies: 1,"
        " state: {cart: {PEN-1: 2, SOAP-1: 1}}}",
        "{say: add 1 blue pen, message_id: a.1, state: {cart: {PEN-1: 1}}},"
        " {say: add 1 blue pen, message_id: a.1, replies: 0, state: {cart: {PEN-1: 1}}}",
        "{say: price of soap, age_s: 90000, replies: 0, state: {flags: [stale]}}",
        "{sys: {owner_says: I am here}}, {say: hello, replies: 0}",
        "{sys: {set_price: {SOAP-1: 2600}}}, {say: price of rose soap, money: [2600]}",
        "{sys: {set_stock: {PEN-1: 1}}}, {say: add 3 blue pens, state: {cart: {}}}",
        "{sys: {set_status: {K-41: returned}}}, {say: status of K-41, any_of: [[returned]]}",
        "{media: {type: image}, replies: 1, any_of: [[लिख]]}",
        "{flood: {count: 40, window_s: 60, text: price of soap}, replies_max: 4}",
        "{burst: [[0, price of blue pen], [6, price of rose soap]], model_delay_s: 8,"
        " replies: 1, money: [1000, 2500]}",
    ],
)
async def test_the_embedded_engine_holds_it(tmp_path: Path, turns: str) -> None:
    """One dialogue for each way in which a step may begin."""
    assert await held(tmp_path, turns, EmbeddedEngine) == []


async def test_an_answer_that_takes_no_time_is_not_overtaken(tmp_path: Path) -> None:
    """The same burst gets two replies when nobody waits for a model."""
    turns = "{burst: [[0, price of blue pen], [6, price of rose soap]], replies: 2}"
    assert await held(tmp_path, turns, EmbeddedEngine) == []


@pytest.mark.parametrize(
    ("text", "turns", "missed"),
    [
        ("only ₹19.99", "{say: price of rose soap}", "1 invariant: every amount comes from"),
        ("", "{say: hello}", "1 an engine that answers <- KeyError"),
        ("fine", "{say: hello}, {say: hello, lang: hi}", "2 lang: hi <- "),
        ("ok", "{echo: {rounds: 9}, replies_max: 2}", "1 replies: at most 2 <- "),
    ],
)
async def test_what_an_engine_does_wrong_is_told(
    tmp_path: Path, text: str, turns: str, missed: str
) -> None:
    """By turn, expectation and what came."""
    found = await held(tmp_path, turns, lambda _: Says(text))
    assert any(miss.startswith(missed) for miss in found), found


async def test_each_dialogue_begins_anew(tmp_path: Path) -> None:
    """What one of them leaves in a cart is not in the next one's; what is given is."""
    add = f"{HEAD}, turns: [{{say: add 1 blue pen, state: {{cart: {{PEN-1: 1}}}}}}]"
    given = f"{HEAD}, given: {{cart: {{PEN-1: 2}}, stock: {{PEN-1: 9}}}}"
    path = small(
        tmp_path,
        f"- {{id: x1, {add}}}\n- {{id: x2, {add}}}\n"
        f"- {{id: x3, {given}, turns: [{{say: show my cart, state: {{cart: {{PEN-1: 2}}}}}}]}}\n",
    )
    assert [o.result for o in await outcomes(path, EmbeddedEngine)] == ["passed"] * 3


class Meddling:
    """The embedded engine in a shop that raises a price while each of its answers is made."""

    def __init__(self, store: Store, times: int) -> None:
        self._store = store
        self._times = times
        self._price = 1_000

    async def answer(self, turn: Turn) -> Answer:
        answer = await EmbeddedEngine(self._store).answer(turn)
        if self._times:
            self._times -= 1
            self._price += 100
            change = partial(furnishing.set_price, tenant="kiosk", wanted={"PEN-1": self._price})
            await self._store.write(change)
        return answer


@pytest.mark.parametrize(
    ("times", "turn"),
    [
        (1, "{say: add 2 blue pens, money: [2200], state: {cart: {PEN-1: 2}}}"),
        (9, "{say: add 2 blue pens, replies: 0, state: {cart: {}, flags: [turn_failed]}}"),
    ],
)
async def test_an_answer_that_the_shop_overtook_is_made_anew(
    tmp_path: Path, times: int, turn: str
) -> None:
    """As the worker does it: at once, and a person looks at it when that does not end."""
    assert await held(tmp_path, turn, lambda store: Meddling(store, times)) == []


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ("given: {cart: {PEN-1: 0.3}}, turns: [{say: hello}]", "x1, given.cart: 0.3 of PEN-1"),
        ("turns: [{sys: {set_status: {K-41: cancelled}}}]", "x1, order K-41: it cannot be"),
    ],
)
async def test_what_the_shop_refuses_fails_the_dialogue_alone(
    tmp_path: Path, more: str, why: str
) -> None:
    """With the reason; the next one is held."""
    path = small(
        tmp_path, f"- {{id: x1, {HEAD}, {more}}}\n- {{id: x2, {HEAD}, turns: [{{say: hello}}]}}\n"
    )
    odd, good = await outcomes(path, EmbeddedEngine)
    assert (odd.result, good.result) == ("failed", "passed")
    assert why in odd.failures[0].misses[0].came


async def test_what_only_a_model_must_do_is_skipped_when_it_fails(tmp_path: Path) -> None:
    """And passes when it does not; a malformed dialogue fails, a model's faults are skipped."""
    turns = f"{HEAD}, embedded: may, turns: [{{say: hello, replies: %s}}]"
    path = small(
        tmp_path,
        f"- {{id: x1, {turns % 1}}}\n- {{id: x2, {turns % 7}}}\n- {{id: x3}}\n"
        "model_faults:\n- {id: f1, customer: asha, say: hello, model: [], expect: {by: model}}\n",
    )
    found = [(o.id, o.result) for o in await outcomes(path, EmbeddedEngine)]
    assert found == [("x1", "passed"), ("x2", "skipped"), ("x3", "failed"), ("f1", "skipped")]


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("total: 2000", "total: 2001", "order K-41, total: the shop's comes to 2000"),
        ("PEN-1: 2}, pay", "PEN-1: 0.3}, pay", "order K-41, lines: 0.3 of PEN-1 is refused"),
        ("price: 1000", "price: -5", "products of kiosk: PEN-1"),
        ("tz: Asia/Dubai", "tz: Mars/Base", "tenant depot, tz"),
        ("clock: 2026-03-10T11:00:00", "clock: noon", "rules, clock"),
        ("payment: [cod]", "payment: [cowries]", "tenant kiosk, payment"),
    ],
)
async def test_shops_that_cannot_be_are_refused(
    tmp_path: Path, old: str, new: str, named: str
) -> None:
    """Before any dialogue, by the sentence of the service that refused."""
    shops = SMALL.replace(old, new, 1)
    path = small(tmp_path, f"- {{id: x1, {HEAD}, turns: [{{say: hello}}]}}\n", shops)
    with pytest.raises(EvalFileError) as raised:
        await outcomes(path, EmbeddedEngine)
    assert named in str(raised.value)
