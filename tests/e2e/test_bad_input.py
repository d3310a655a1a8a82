"""What customers may send, through every process: too large, too long, too strange."""

import json
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import httpx2
import psutil
import pytest
import pytest_asyncio

from agent.files import FILE_MAX_BYTES
from agent.practice.house import House
from agent.status import read_status
from protocol.messages import TEXT_MAX_CHARS
from tests.agent.practice.stage import Person
from tests.agent.samples import png
from tests.ports import free_port

pytestmark = pytest.mark.asyncio(loop_scope="module")

SETTINGS = {
    "SAK_HUB_DRAIN_DEADLINE_S": "2",
    "SAK_HUB_DEBOUNCE_S": "0.5",
    "SAK_AGENT_BACKOFF_MAX_S": "0.5",
    "SAK_AGENT_HEADLESS": "true",
    "SAK_AGENT_SEND_GAP_S": "0",
    "SAK_AGENT_TYPING_MAX_S": "0",
    "SAK_AGENT_PANEL_PORT": "0",
}
STRANGE = "Mona\x00\x07\x1b[31m\u202egnihtemos\u2066\n\r\x7f\uffff\U0001f4a1"
LOG_LINES_MAX = 60
IDLE_PCT_MAX = 60.0


class Street:
    """A house and its customers' phones."""

    def __init__(self, house: House, phones: httpx2.AsyncClient) -> None:
        self.house = house
        self._phones = phones

    async def customer(self, name: str) -> Person:
        """Somebody new."""
        added = await self._phones.post("/api/customers", json={"name": name})
        return Person(self._phones, added.raise_for_status().json()["chat"])

    def stored(self, chat: str) -> list[Any]:
        """What the hub has of a chat's customer: text, file and sender."""
        with closing(sqlite3.connect(self.house.folder / "hub.db")) as connection:
            sql = "SELECT text, media, sender FROM messages WHERE direction = 'in' AND chat = ?"
            return connection.execute(sql, (chat,)).fetchall()

    def log(self) -> list[str]:
        """The agent's log."""
        return (self.house.folder / "agent.log").read_text("utf-8").splitlines()

    def is_calm(self) -> bool:
        """Whether the agent is ready, took everything up, and does next to nothing now."""
        status = read_status(self.house.folder.absolute() / "agent")
        assert status is not None
        assert (status.whatsapp, status.outbox, status.hub.phase) == ("ready", 0, "online")
        return psutil.Process(self.house.agent.pid).cpu_percent(interval=1) < IDLE_PCT_MAX


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def street(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Street]:
    """All processes, for every test."""
    folder = tmp_path_factory.mktemp("street")
    environ = os.environ.copy()  # noqa: TID251 - the processes need PATH
    house = House(folder, free_port(), free_port(), environ, SETTINGS)
    async with house.running(), httpx2.AsyncClient(base_url=house.phone_url, timeout=20) as client:
        yield Street(house, client)


async def answered(customer: Person) -> list[Any]:
    """The chat once the shop has answered."""
    seen = await customer.sees_until(lambda seen: any(m["from_shop"] for m in seen["messages"]))
    return [m for m in seen["messages"] if m["from_shop"]]


async def test_a_photo_of_16_mib_comes_whole(street: Street) -> None:
    """It is at the hub under its hash when its message is, and the customer has an answer."""
    customer = await street.customer("Ravi")
    picture = png(64, 64)
    photo = picture + bytes(FILE_MAX_BYTES - len(picture))
    await customer.sends_file(photo, "image/png", name="wall.png", caption="do you have 6x40?")
    assert len(await answered(customer)) == 1
    ((text, media, _),) = street.stored(customer.chat)
    told = json.loads(media)
    assert (text, told["size"]) == ("do you have 6x40?", FILE_MAX_BYTES)
    (kept,) = (street.house.folder / "media").glob(f"*/{told['sha256']}")
    assert kept.stat().st_size == FILE_MAX_BYTES
    assert street.is_calm()


async def test_a_message_of_60_000_characters_comes_whole(street: Street) -> None:
    """In a script of three bytes a letter; stored to the last one, answered once."""
    customer = await street.customer("Sunita")
    text = ("क्या 6x40 है? " * TEXT_MAX_CHARS)[: TEXT_MAX_CHARS - 1] + "!"
    await customer.write(text)
    (reply,) = await answered(customer)
    assert 0 < len(reply["text"]) <= 1000
    assert street.stored(customer.chat)[0][0] == text
    assert street.is_calm()


async def test_a_name_of_control_characters_does_no_harm(street: Street) -> None:
    """NUL, escapes, a turned direction: the message is stored and answered, the log stays plain."""
    customer = await street.customer(STRANGE)
    await customer.write("Do you have 6x40?")
    await answered(customer)
    ((text, _, sender),) = street.stored(customer.chat)
    assert text == "Do you have 6x40?"
    assert "Mona" in json.loads(sender)["name"]
    assert "\0" not in json.loads(sender)["name"]
    assert not any("\x1b" in line or "Mona" in line for line in street.log())
    assert street.is_calm()


async def test_none_of_it_made_a_noise(street: Street) -> None:
    """So many log lines of the agent for the whole of it, none of them an error."""
    lines = street.log()
    assert len(lines) < LOG_LINES_MAX
    assert [line for line in lines if '"level":"error"' in line.replace('": "', '":"')] == []
