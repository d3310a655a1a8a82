"""Answers that do something: with their reply, or not at all."""

from functools import partial

from hub.assistant.engine import Answer, Turn
from hub.commerce import carts, customers, drafts, orders
from hub.commerce.aliases import aliases_of
from hub.commerce.carts import Cart
from hub.commerce.drafts import Wish
from hub.commerce.effects import Effect, PlaceOrder, SetCart, ShowDraft
from hub.commerce.pricing import Line
from hub.commerce.products import Product
from hub.store.tx import Tx
from tests.hub.commerce.counter import product, put_product
from tests.hub.conversation.scene import CHAT, Scene, running

TEA = product("TEA", 24_000)
SHOP = "ten_a"


async def sells_tea(scene: Scene) -> Product:
    return await scene.store.write(lambda tx: put_product(tx, SHOP, TEA))


def customer_of(tx: Tx, turn: Turn) -> customers.Customer | None:
    return customers.find(tx, SHOP, aliases_of(turn.chat_key, turn.phone, turn.lid))


def cart_of(tx: Tx, turn: Turn) -> Cart:
    customer = customer_of(tx, turn)
    return carts.load(tx, SHOP, None if customer is None else customer.customer_id)


class Clerk:
    """Puts a pack of tea into the cart, shows it as an order, takes the yes: one step a turn."""

    def __init__(self, scene: Scene, tea: Product) -> None:
        self._scene = scene
        self._tea = tea
        self.asked = 0
        self.says_number = "A-1001"

    async def __call__(self, turn: Turn) -> Answer:
        self.asked += 1
        effect = await self._scene.store.read(partial(self._effect, turn=turn))
        return Answer(text=f"done, see {self.says_number}", path="clerk", effects=(effect,))

    def _effect(self, tx: Tx, turn: Turn) -> Effect:
        before, customer = cart_of(tx, turn), customer_of(tx, turn)
        if not before.lines or customer is None:
            return SetCart(before, Cart((Line(self._tea, 1),)))
        draft = drafts.newest(tx, SHOP, customer.customer_id)
        if draft is None:
            ready = drafts.prepare(tx, SHOP, customer, before, Wish(), turn.now_ms)
            return ShowDraft(ready.bill, ready.delivery)
        return PlaceOrder(draft.draft_id, self.says_number)


async def says(scene: Scene, clerk: Clerk, *texts: str) -> None:
    """The customer's messages, each answered before the next is written; not yet a yes to any."""
    async with running(scene, clerk) as hub:
        for number, text in enumerate(texts, start=len(await scene.turns())):
            await hub.says(f"M{number}", text)
            hub.later(3)
            await hub.settles()


async def test_effects_are_there_with_the_reply_and_the_customer_is_known(scene: Scene) -> None:
    tea = await sells_tea(scene)
    await says(scene, Clerk(scene, tea), "tea please", "show it", "yes")
    found = await scene.store.read(lambda tx: orders.find(tx, SHOP, "A-1001"))
    assert found is not None
    assert [(line.sku, str(line.quantity)) for line in found.bill.lines] == [("TEA", "1")]
    customer = await scene.rows("SELECT name FROM customers")
    assert customer == [{"name": "Asha"}]
    papers = await scene.rows("SELECT kind, chat, agent_id, done_at FROM order_papers")
    assert papers == [{"kind": "invoice", "chat": CHAT, "agent_id": "agt_a", "done_at": None}]


async def test_a_reply_names_the_number_that_the_order_got(scene: Scene) -> None:
    """Another customer's order may have taken the number that the engine expected."""
    clerk = Clerk(scene, await sells_tea(scene))
    clerk.says_number = "A-1007"
    await says(scene, clerk, "tea please", "show it", "yes")
    assert (await scene.texts())[-1] == "done, see A-1001"


async def test_an_answer_that_the_shop_overtook_is_made_anew_at_once(scene: Scene) -> None:
    """The price changes between the look and the commit: nothing of the first answer remains."""
    tea = await sells_tea(scene)
    clerk = Clerk(scene, tea)

    async def overtaken(turn: Turn) -> Answer:
        answer = await clerk(turn)
        if clerk.asked == 2:
            await scene.change("UPDATE products SET price = 25000")
        return answer

    async with running(scene, overtaken) as hub:
        for wa_id in ("A", "B"):
            await hub.says(wa_id)
            hub.later(3)
            await hub.settles()
    assert clerk.asked == 3
    assert len(await scene.texts()) == 2
    totals = await scene.rows("SELECT state, total FROM drafts")
    assert totals == [{"state": "open", "total": 26_250}]  # 250.00 and 5 % tax


async def test_two_customers_who_turn_out_to_be_one_go_on_with_both_carts(scene: Scene) -> None:
    """A LID's first message with a phone: the answer is made for the one whom they are together."""
    tea = await sells_tea(scene)
    clerk = Clerk(scene, tea)
    async with running(scene, clerk) as hub:
        for wa_id, chat, phone in (
            ("A", CHAT, None),
            ("B", "100000000000001@lid", None),
            ("C", "100000000000001@lid", "+919800000001"),
        ):
            await hub.says(wa_id, chat=chat, phone=phone)
            hub.later(3)
            await hub.settles()
    assert [state for state, _ in await scene.states()] == ["answered"] * 3
    assert await scene.rows("SELECT count(*) AS n FROM customers WHERE merged_into IS NULL") == [
        {"n": 1}
    ]
    assert len(await scene.rows("SELECT * FROM drafts")) == 1


async def test_what_is_overtaken_every_time_goes_to_a_person(scene: Scene) -> None:
    tea = await sells_tea(scene)
    wrong = SetCart(Cart((Line(tea, 7),)), Cart())

    async def stubborn(turn: Turn) -> Answer:
        return Answer(text="emptied", path="clerk", effects=(wrong,))

    async with running(scene, stubborn) as hub:
        await hub.says("A")
        hub.later(3)
        await hub.reaches("waiting")
    assert len(hub.engine.asked) == 3
    assert await scene.texts() == []
    assert await scene.rows("SELECT * FROM cart_lines") == []


async def test_a_suggested_reply_does_nothing_yet(scene: Scene) -> None:
    tea = await sells_tea(scene)
    await scene.change("UPDATE tenants SET mode = 'suggest'")
    async with running(scene, Clerk(scene, tea)) as hub:
        await hub.says("A")
        hub.later(3)
        await hub.reaches("suggested")
    assert await scene.rows("SELECT * FROM cart_lines") == []


async def test_whoever_makes_papers_hears_of_answers_that_act_and_of_no_others(
    scene: Scene,
) -> None:
    tea, heard = await sells_tea(scene), list[int]()
    clerk = Clerk(scene, tea)

    async def at_times(turn: Turn) -> Answer:
        if turn.messages[-1].text == "hello":
            return Answer(text="hello", path="hello")
        return await clerk(turn)

    async with running(scene, at_times, acted=lambda: heard.append(1)) as hub:
        await hub.says("A", "hello")
        hub.later(3)
        await hub.reaches("answered")
        assert heard == []
        await hub.says("B", "tea please")
        hub.later(3)
        await hub.reaches("answered", "answered")
        await hub.settles()
    assert heard == [1]
