"""Files through every process of the system: hub, agent with Chromium and wa-js, practice phone."""

import hashlib
import json
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
import pytest_asyncio

from agent.practice.house import House, until
from hub.clock import SystemClock
from hub.store import outbound
from hub.store.database import Store
from hub.store.media import MediaFiles
from protocol.messages import MessageSend, SentMedia
from tests.agent.practice.stage import Person
from tests.agent.samples import PDF, png
from tests.ports import free_port

pytestmark = pytest.mark.asyncio(loop_scope="module")

ACCOUNT = "+919800000009"
PHOTO = png(320, 240)
CODE = png(600, 600)
SETTINGS = {
    "SAK_HUB_DRAIN_DEADLINE_S": "3",
    "SAK_HUB_DRAIN_RECONNECT_MAX_S": "0.5",
    "SAK_AGENT_BACKOFF_MAX_S": "0.5",
    "SAK_AGENT_HEADLESS": "true",
    "SAK_AGENT_PANEL_PORT": "0",
    "SAK_AGENT_SEND_GAP_S": "0",
    "SAK_AGENT_TYPING_MAX_S": "1",  # time to die in, after a file came and before it goes out
}


class Street:
    """A house, and the phones of its customers."""

    def __init__(self, house: House, phones: httpx2.AsyncClient) -> None:
        self.house = house
        self._phones = phones

    async def customer(self, name: str) -> Person:
        """Somebody new who looks at their phone."""
        added = await self._phones.post("/api/customers", json={"name": name})
        return Person(self._phones, added.json()["chat"])

    def rows(self, sql: str) -> list[Any]:
        """What the hub's database answers."""
        with closing(sqlite3.connect(self.house.folder / "hub.db")) as connection:
            return connection.execute(sql).fetchall()

    def hub_file(self, sha256: str) -> bytes:
        """A file as the hub holds it."""
        (path,) = (self.house.folder / "media").glob(f"*/{sha256}")
        return path.read_bytes()

    async def order(self, chat: str, *files: tuple[bytes, str, str, str]) -> set[UUID]:
        """Let a hub that is not running find such orders in its log: content, mime, name, text."""
        folder, clock = self.house.folder, SystemClock()
        ((agent_id, tenant_id),) = self.rows("SELECT agent_id, tenant_id FROM agents")
        ids = set()
        async with Store.open(f"sqlite:///{folder / 'hub.db'}", clock) as store:
            for content, mime, name, text in files:
                sha256 = hashlib.sha256(content).hexdigest()
                incoming = MediaFiles(folder / "media").receive(tenant_id, sha256)
                assert incoming is not None
                incoming.write(content)
                incoming.keep()
                media = SentMedia(sha256=sha256, mime=mime, name=name)
                order = MessageSend(account=ACCOUNT, chat=chat, text=text or None, media=media)
                now_ms, event_id = clock.now_ms(), uuid4()
                add = partial(
                    outbound.enqueue_down,
                    tenant_id=tenant_id,
                    agent_id=agent_id,
                    event_id=event_id,
                    data=order,
                    now_ms=now_ms,
                )
                await store.write(add)
                ids.add(event_id)
        return ids


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def street(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Street]:
    """All processes, for both tests."""
    folder = tmp_path_factory.mktemp("street")
    environ = os.environ.copy()  # noqa: TID251 - the processes need PATH
    house = House(folder, free_port(), free_port(), environ, SETTINGS)
    async with house.running(), httpx2.AsyncClient(base_url=house.phone_url, timeout=20) as client:
        yield Street(house, client)


async def test_a_customers_photo_is_at_the_hub_when_its_message_is(street: Street) -> None:
    """Fetched by wa-js, handed over with the agent's token, named by its hash; and answered."""
    customer = await street.customer("Mona")
    await customer.sends_file(PHOTO, "image/png", name="bolt.png", caption="this one?")
    await customer.sees_until(lambda seen: len(seen["messages"]) >= 2)
    ((text, told),) = street.rows("SELECT text, media FROM messages WHERE direction = 'in'")
    media = json.loads(told)
    assert (text, media["name"], media["size"]) == ("this one?", "bolt.png", len(PHOTO))
    assert street.hub_file(media["sha256"]) == PHOTO
    assert not list((street.house.folder / "agent" / "media" / "up").iterdir())


async def test_orders_with_files_reach_the_phone_once_although_the_agent_dies(
    street: Street,
) -> None:
    """A picture with a caption and a PDF: whole, in order, once; and nothing stays on the PC."""
    house, customer = street.house, await street.customer("Ravi")
    await house.hub.stop()
    ids = await street.order(
        customer.chat,
        (CODE, "image/png", "pay.png", "Scan to *pay*"),
        (PDF, "application/pdf", "INV-1001.pdf", ""),
    )
    await house.hub.start()
    await until(lambda: fetched_any(house), "no file came to the agent")
    await house.agent.kill()
    await house.agent.start()
    seen = await customer.sees_until(lambda seen: len(seen["messages"]) == 2)
    pay, invoice = seen["messages"]
    assert (pay["text"], pay["media"]["mime"]) == ("Scan to *pay*", "image/png")
    assert (invoice["text"], invoice["media"]["name"]) == ("", "INV-1001.pdf")
    assert (await customer.opens_file(pay["key"])).content == CODE
    assert (await customer.opens_file(invoice["key"])).content == PDF

    async def all_told() -> bool:
        told = street.rows("SELECT event_id FROM down_events WHERE result IS NOT NULL")
        return {str(one) for one in ids} <= {event_id for (event_id,) in told}

    await until(all_told, "the hub was not told")
    messages = (await customer.sees())["messages"]
    assert [message["arrivals"] for message in messages] == [1, 1]
    await until(lambda: is_tidy(house), "files stayed on the PC")


async def fetched_any(house: House) -> bool:
    folder = house.folder / "agent" / "media" / "down"
    return folder.exists() and any(folder.iterdir())


async def is_tidy(house: House) -> bool:
    return not await fetched_any(house)
