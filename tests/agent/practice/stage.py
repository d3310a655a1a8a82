"""The practice phone as its own process, and a client that plays its people."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import httpx2

_TIMEOUT_S = 20.0


class PhoneProcess:
    """`python -m agent.practice phone`, started and ended by a test."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, web_url: str) -> None:
        self.process = process
        self.url = url
        self.web_url = web_url

    @classmethod
    async def start(cls, *arguments: str, port: int = 0) -> Self:
        """Start it and wait until it says where it is."""
        command = [sys.executable, "-m", "agent.practice", "phone", "--port", str(port)]
        process = await asyncio.create_subprocess_exec(
            *command,
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            cwd=Path(__file__).parents[3],
        )
        assert process.stdout is not None
        url, web_url = [(await process.stdout.readline()).split()[-1].decode() for _ in range(2)]
        return cls(process, url, web_url)

    async def kill(self) -> None:
        """Kill -9."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


class Person:
    """One chat, played through the JSON API."""

    def __init__(self, client: httpx2.AsyncClient, chat: str) -> None:
        self.chat = chat
        self._client = client
        self._path = f"/api/chats/{chat}"

    async def write(self, text: str, **more: Any) -> str:
        """Write to the shop; answers the message's key."""
        answer = await self._client.post(f"{self._path}/messages", json={"text": text, **more})
        key: str = answer.raise_for_status().json()["key"]
        return key

    async def changes(self, kind: str, target: str, text: str = "") -> str:
        """Edit or revoke a message, or react to it; answers the change's key."""
        body = {"kind": kind, "target": target, "text": text}
        answer = await self._client.post(f"{self._path}/changes", json=body)
        key: str = answer.raise_for_status().json()["key"]
        return key

    async def owner_writes(self, text: str) -> str:
        """The shop's owner writes in this chat, from the phone."""
        answer = await self._client.post(f"{self._path}/owner", json={"text": text})
        key: str = answer.raise_for_status().json()["key"]
        return key

    async def sends_file(self, content: bytes, mime: str, **about: Any) -> str:
        """Send a file to the shop; `about` is name, author, caption and seconds."""
        headers = {"content-type": mime}
        answer = await self._client.post(
            f"{self._path}/files", content=content, headers=headers, params=about
        )
        key: str = answer.raise_for_status().json()["key"]
        return key

    async def opens_file(self, key: str) -> httpx2.Response:
        """What a person gets who opens the file of a message."""
        return await self._client.get(f"{self._path}/messages/{key}/file")

    async def types(self, active: bool) -> None:
        """Start or stop composing."""
        await self._client.post(f"{self._path}/typing", json={"active": active})

    async def reads(self) -> None:
        """Look at the chat."""
        await self._client.post(f"{self._path}/read")

    async def sees(self) -> dict[str, Any]:
        """The chat and its messages as they are now."""
        content: dict[str, Any] = (await self._client.get(self._path)).raise_for_status().json()
        return content

    async def sees_until(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The chat as soon as `holds` is true of it."""
        async with asyncio.timeout(_TIMEOUT_S), self._client.stream("GET", "/api/events") as events:
            async for line in events.aiter_lines():
                if line and holds(seen := await self.sees()):
                    return seen
        raise AssertionError("the practice phone went away")


class Phone:
    """The whole practice phone, played through the JSON API."""

    def __init__(self, process: PhoneProcess, client: httpx2.AsyncClient) -> None:
        self.process = process
        self._client = client

    async def new_person(self, **about: Any) -> Person:
        """A customer who has not written yet."""
        answer = await self._client.post("/api/customers", json=about)
        return Person(self._client, answer.raise_for_status().json()["chat"])

    def person(self, chat: str) -> Person:
        """The customer of a chat that is there already."""
        return Person(self._client, chat)

    async def new_group(self, *members: str) -> Person:
        """A group of some customers, by id, with the shop."""
        body = {"name": "Group", "members": members}
        answer = await self._client.post("/api/groups", json=body)
        return Person(self._client, answer.raise_for_status().json()["chat"])

    async def state(self) -> dict[str, Any]:
        """Everything but the messages."""
        content: dict[str, Any] = (await self._client.get("/api/state")).json()
        return content

    async def set_faults(self, **faults: Any) -> None:
        """Set these fault knobs, and all others back."""
        (await self._client.put("/api/faults", json=faults)).raise_for_status()

    async def post(self, what: str, **body: Any) -> None:
        """`reload`, or what the owner's phone does: `link`, `scan`, `type`, `unlink`."""
        (await self._client.post(f"/api/{what}", json=body)).raise_for_status()

    async def refuses(self, what: str, **body: Any) -> bool:
        """Whether the owner's phone says that it does not work."""
        return (await self._client.post(f"/api/{what}", json=body)).status_code == 409


@asynccontextmanager
async def practice_phone(*arguments: str, port: int = 0) -> AsyncIterator[Phone]:
    """A practice phone while the block runs."""
    process = await PhoneProcess.start(*arguments, port=port)
    try:
        async with httpx2.AsyncClient(base_url=process.url, timeout=_TIMEOUT_S) as client:
            yield Phone(process, client)
    finally:
        await process.kill()


def ledger_lines(path: Path) -> list[dict[str, Any]]:
    """The facts in a state file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
