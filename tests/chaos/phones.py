"""WhatsApp and its customers, as far as a chaos run plays them: they survive everything, and count.

Each account has a file with what customers wrote and one with what WhatsApp accepted for them; both
belong to the memory driver's side that never dies. Nobody but this module decides what was lost.
"""

import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from protocol.messages import Instant

CHAT_MESSAGES_MIN: Final = 2
CHAT_MESSAGES_MAX: Final = 5
"""The loop breaker rests a chat after six automatic replies a minute: nobody writes so much."""
CHATS_AT_ONCE: Final = 12  # of one account, so that some messages of a chat come close together
_WORD: Final = re.compile(r"\bask-(\d{6})\b")


class Written(msgspec.Struct, frozen=True):
    """One message of a customer. `number` counts all of them in the order of writing."""

    number: int
    agent: int
    chat: str
    wa_id: str
    at: float  # seconds since 1970

    @property
    def word(self) -> str:
        """What the customer says, once in the whole run."""
        return f"ask-{self.number:06d}"


class Accepted(msgspec.Struct, frozen=True):
    """One line of an outgoing file."""

    key: str
    chat: str
    text: str
    at: str = ""

    @property
    def quotes(self) -> list[int]:
        """The numbers of the messages that it answers."""
        return [int(number) for number in _WORD.findall(self.text)]


def account(agent: int) -> str:
    """The number of an agent's WhatsApp."""
    return f"+9198000000{agent:02d}"


class Phones:
    """Every customer of every account."""

    def __init__(self, folder: Path, agents: int, seed: int) -> None:
        self.written: list[Written] = []
        self.accepted: list[list[Accepted]] = [[] for _ in range(agents)]
        self.quoted: Counter[int] = Counter()
        self._folder = folder
        self._writers = [_writers(Random(f"{seed}/{agent}"), agent) for agent in range(agents)]  # noqa: S311
        self._chance = Random(f"{seed}/phones")  # noqa: S311 - a schedule, not a secret
        self._read_bytes = [0] * agents
        for agent in range(agents):
            self.incoming(agent).touch()
            self.outgoing(agent).touch()

    def incoming(self, agent: int) -> Path:
        """What customers wrote to this account."""
        return self._folder / f"in-{agent}.jsonl"

    def outgoing(self, agent: int) -> Path:
        """What WhatsApp accepted from this account."""
        return self._folder / f"out-{agent}.jsonl"

    def write(self) -> Written:
        """Some customer writes the next message."""
        number, agent = len(self.written), self._chance.randrange(len(self._writers))
        now = time.time_ns()
        message = Written(number, agent, next(self._writers[agent]), f"IN{number:06d}", now / 1e9)
        line = {
            "account": account(agent),
            "chat": message.chat,
            "wa_id": message.wa_id,
            "sender": {"id": message.chat},
            "from_me": False,
            "sent_at": str(Instant(now // 1_000_000)),
            "live": True,
            "kind": "text",
            "text": message.word,
        }
        with self.incoming(agent).open("a") as lines:
            lines.write(json.dumps(line) + "\n")
        self.written.append(message)
        return message

    def look(self) -> None:
        """Take in what was accepted since the last look."""
        for agent, known in enumerate(self.accepted):
            with self.outgoing(agent).open("rb") as file:
                file.seek(self._read_bytes[agent])
                whole, newline, _ = file.read().rpartition(b"\n")
            self._read_bytes[agent] += len(whole) + len(newline)
            for line in whole.splitlines():
                reply = msgspec.json.decode(line, type=Accepted)
                known.append(reply)
                self.quoted.update(reply.quotes)

    def unanswered(self) -> list[Written]:
        """The messages that no accepted reply quotes."""
        return [message for message in self.written if not self.quoted[message.number]]

    def by_chat(self) -> dict[tuple[int, str], list[Written]]:
        """What was written, chat by chat, in order."""
        chats: dict[tuple[int, str], list[Written]] = defaultdict(list)
        for message in self.written:
            chats[message.agent, message.chat].append(message)
        return chats


def _writers(chance: Random, agent: int) -> Iterator[str]:
    """The chats of an account in the order in which their customers write."""
    opened, active = 0, list[str]()
    while True:
        while len(active) < CHATS_AT_ONCE:
            chat = f"9198{agent:02d}{opened:06d}@c.us"
            active += [chat] * chance.randint(CHAT_MESSAGES_MIN, CHAT_MESSAGES_MAX)
            opened += 1
        yield active.pop(chance.randrange(min(len(active), CHATS_AT_ONCE)))
