"""`make demo`: a customer's conversation through the whole system, with two bad moments in it.

What is judged is what stands on the customer's phone. The last line printed is a JSON object; its
`ok` is true only if every step held, nothing was lost and nothing came twice.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import median

import httpx2
import msgspec

from agent.practice.cable import Cable
from agent.practice.house import House, HouseError, until

DEBOUNCE_S = 0.5  # of the demo's shop; a real one waits longer for the customer to finish
_REPLY_TIMEOUT_S = 40.0
_QUIET_S = 2 * DEBOUNCE_S  # after the last reply, time for a wrong second one to show up
_SETTINGS = {
    "SAK_HUB_DRAIN_DEADLINE_S": "5",
    "SAK_HUB_DRAIN_RECONNECT_MAX_S": "2",
    "SAK_AGENT_BACKOFF_MAX_S": "2",
    "SAK_AGENT_HEADLESS": "true",
    "SAK_AGENT_SEND_GAP_S": "0",
    "SAK_AGENT_TYPING_MAX_S": "0",
}


class Summary(msgspec.Struct, kw_only=True):
    """The demo's verdict. Latencies in milliseconds, from writing to reading, debounce excluded."""

    ok: bool
    messages: int
    replies: int
    lost: int
    duplicated: int
    failed_steps: list[str]
    latency_p50_ms: int
    latency_max_ms: int
    seconds: float


class Bubble(msgspec.Struct):
    """One message on the customer's phone."""

    from_shop: bool
    text: str
    at_ms: int
    arrivals: int


class _ChatPage(msgspec.Struct):
    messages: list[Bubble]


class _Customer(msgspec.Struct):
    chat: str


class Customer:
    """One customer's phone."""

    def __init__(self, client: httpx2.AsyncClient, chat: str) -> None:
        self._client = client
        self._chat = f"/api/chats/{chat}"
        self.written = 0
        self.expected = 0  # replies that must be here by now

    async def write(self, text: str) -> None:
        """Type and send."""
        response = await self._client.post(f"{self._chat}/messages", json={"text": text})
        response.raise_for_status()
        self.written += 1

    async def bubbles(self) -> list[Bubble]:
        """Everything in the chat, oldest first."""
        page = await self._client.get(self._chat)
        return msgspec.json.decode(page.raise_for_status().content, type=_ChatPage).messages

    async def replies(self) -> list[Bubble]:
        """What the shop wrote."""
        return [bubble for bubble in await self.bubbles() if bubble.from_shop]


class Demo:
    """The play: each step writes something and expects exactly one reply.

    Two customers, because nobody writes seven times a minute: the shop would call a person.
    """

    def __init__(self, house: House, cable: Cable, first: Customer, second: Customer) -> None:
        self._house = house
        self._cable = cable
        self._customers = (first, second)
        self._failed: list[str] = []
        self._latencies: list[int] = []
        self._lost = self._duplicated = 0

    async def play(self) -> Summary:
        """All steps in order."""
        began = time.monotonic()
        first, second = self._customers
        await self._step(first, "greeting", ["Hello"], lambda reply: bool(reply))
        await self._step(first, "product", ["Do you have 6x40?"], lambda r: "6x40" in r)
        await self._step(first, "price", ["How much for 10 cartons of 6x40?"], lambda r: "₹" in r)
        await self._step(first, "unknown", ["Can you repair my bicycle?"], lambda r: "know" in r)
        await self._step(first, "burst", ["Price of 8x80", "and of 10x140?"], lambda r: "₹" in r)
        await self._without_network(second)
        await self._without_hub(second)
        return self._judge(time.monotonic() - began)

    async def _step(
        self, customer: Customer, name: str, texts: list[str], right: Callable[[str], bool]
    ) -> None:
        for text in texts:
            await customer.write(text)
        asked, replies = await self._expect_reply(customer, name, right)
        if replies:
            self._latencies.append(replies[-1].at_ms - asked.at_ms - int(DEBOUNCE_S * 1000))

    async def _without_network(self, customer: Customer) -> None:
        self._cable.pull()
        print("--- the PC's network is cut; a second customer writes")
        await customer.write("What is the price of 8x100?")
        await asyncio.sleep(_QUIET_S)
        self._cable.plug_in()
        print("--- the network is back")
        await self._expect_reply(customer, "network cut", lambda reply: "₹" in reply)

    async def _without_hub(self, customer: Customer) -> None:
        await self._house.hub.stop()
        print("--- the hub is stopped")
        await customer.write("And 10x160, please?")
        await self._house.hub.start()
        await self._house.answers(self._house.hub, f"{self._house.hub_url}/readyz")
        print("--- the hub is started again")
        await self._expect_reply(customer, "hub restarted", lambda reply: "₹" in reply)

    async def _expect_reply(
        self, customer: Customer, name: str, right: Callable[[str], bool]
    ) -> tuple[Bubble, list[Bubble]]:
        """Exactly one more reply than before, and the right one; what was asked and all replies."""
        customer.expected += 1
        try:
            there = partial(self._has_reply, customer)
            await until(there, f"{name}: no reply", _REPLY_TIMEOUT_S)
            await asyncio.sleep(_QUIET_S)
        except HouseError as error:
            print(f"!!! {error}")
        bubbles = await customer.bubbles()
        _print_newest_exchange(bubbles)
        replies = [bubble for bubble in bubbles if bubble.from_shop]
        self._lost += max(0, customer.expected - len(replies))
        self._duplicated += max(0, len(replies) - customer.expected)
        if len(replies) != customer.expected or not right(replies[-1].text):
            self._failed.append(name)
        customer.expected = len(replies)
        return [bubble for bubble in bubbles if not bubble.from_shop][-1], replies

    async def _has_reply(self, customer: Customer) -> bool:
        self._house.check()
        return len(await customer.replies()) >= customer.expected

    def _judge(self, seconds: float) -> Summary:
        return Summary(
            ok=not self._failed,
            messages=sum(customer.written for customer in self._customers),
            replies=sum(customer.expected for customer in self._customers),
            lost=self._lost,
            duplicated=self._duplicated,
            failed_steps=self._failed,
            latency_p50_ms=int(median(self._latencies or [0])),
            latency_max_ms=max(self._latencies, default=0),
            seconds=round(seconds, 1),
        )


def _print_newest_exchange(bubbles: list[Bubble]) -> None:
    """Print what came after the last reply but one, as it stands on the phone."""
    shop = [n for n, bubble in enumerate(bubbles[:-1]) if bubble.from_shop]
    for bubble in bubbles[shop[-1] + 1 if shop else 0 :]:
        who = "shop    " if bubble.from_shop else "customer"
        print(f"{who} │ " + bubble.text.replace("\n", "\n         │ "))


async def play_in(
    folder: Path, hub_port: int, phone_port: int, environ: Mapping[str, str]
) -> Summary:
    """Build a house in `folder`, play, and close it again."""
    house = House(folder, hub_port, phone_port, environ, _SETTINGS)
    async with (
        Cable(hub_port).running() as cable,
        house.running(f"http://127.0.0.1:{cable.port}"),
        httpx2.AsyncClient(base_url=house.phone_url) as client,
    ):
        await house.sak_hub("tenant", "set", house.shop.name, "debounce_s", str(DEBOUNCE_S))
        first, second = [await _new_customer(client) for _ in range(2)]
        return await Demo(house, cable, first, second).play()


async def _new_customer(client: httpx2.AsyncClient) -> Customer:
    added = await client.post("/api/customers", json={})
    return Customer(
        client, msgspec.json.decode(added.raise_for_status().content, type=_Customer).chat
    )
