"""The customers, and what they saw: the practice network outlives every kill, and it counts."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Final

import httpx2
import msgspec

from tests.chaos_browser.schedule import CHATS, Line, word_of

_WORD: Final = re.compile(r"\bask-(\d{6})\b")


class Bubble(msgspec.Struct, frozen=True):
    """One message on a customer's phone; `arrivals` above 1: the phone dropped repeats."""

    key: str
    from_shop: bool
    text: str
    arrivals: int

    @property
    def quotes(self) -> list[int]:
        """The numbers of the messages that it repeats."""
        return [int(number) for number in _WORD.findall(self.text)]


class _Page(msgspec.Struct):
    messages: list[Bubble]


class _Customer(msgspec.Struct):
    chat: str


class Written(msgspec.Struct, frozen=True):
    """A message as a customer sent it; `key` is WhatsApp's."""

    number: int
    chat: str
    key: str

    @property
    def word(self) -> str:
        """What stands in it only."""
        return word_of(self.number)


class Phones:
    """Five customers of the shop."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client
        self.chats = list[str]()
        self.written = list[Written]()
        self.seen = dict[str, list[Bubble]]()

    async def furnish(self) -> None:
        """Give each customer a phone; one is known by number, one hides it, as in real life."""
        for number in range(CHATS):
            about = {"hidden_phone": number == 1, "by_phone": number == 2}
            added = await self._client.post("/api/customers", json=about)
            self.chats.append(msgspec.json.decode(added.content, type=_Customer).chat)

    async def write(self, line: Line) -> None:
        """Type and send."""
        chat = self.chats[line.chat]
        answer = await self._client.post(f"/api/chats/{chat}/messages", json={"text": line.text})
        key = answer.raise_for_status().json()["key"]
        self.written.append(Written(line.number, chat, key))

    async def look(self) -> None:
        """Take in what stands on every phone now."""
        for chat in self.chats:
            page = await self._client.get(f"/api/chats/{chat}")
            self.seen[chat] = msgspec.json.decode(
                page.raise_for_status().content, type=_Page
            ).messages

    @property
    def replies(self) -> Iterator[Bubble]:
        """What the shop wrote, chat by chat in order."""
        return (one for bubbles in self.seen.values() for one in bubbles if one.from_shop)

    @property
    def quoted(self) -> Counter[int]:
        """How many replies repeat each message."""
        return Counter(number for reply in self.replies for number in reply.quotes)

    def answered(self, chat: str) -> list[int]:
        """The messages of a chat in the order in which they were answered first."""
        replies = [one for one in self.seen.get(chat, []) if one.from_shop]
        return list(dict.fromkeys(number for reply in replies for number in reply.quotes))

    def by_chat(self) -> dict[str, list[Written]]:
        """What was written, chat by chat, in order."""
        chats: dict[str, list[Written]] = defaultdict(list)
        for message in self.written:
            chats[message.chat].append(message)
        return chats
