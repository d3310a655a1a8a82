"""The operator's command is one process, the hub another: what is typed reaches the shop's PC."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

from hub.conversation import suggestions
from hub.conversation.turns import ChatKey
from hub.store import serving
from hub.store.tx import Tx
from protocol.messages import Event, Instant, MessageSend
from tests.hub.gateway.client import Dialled
from tests.hub.gateway.stage import Stage
from tests.hub.process import ROOT, WAIT_S, environment

CHAT = "919800000001@c.us"


async def chats(folder: Path, *args: str) -> dict[str, Any]:
    """What `sak-hub chats` answers in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "hub", "chats", *args, "--json"),
        cwd=ROOT,
        env=environment(folder, {}),
        stdout=PIPE,
    )
    async with asyncio.timeout(WAIT_S):
        output, _ = await process.communicate()
    assert process.returncode == 0, output
    answer: dict[str, Any] = json.loads(output)
    return answer


def suggests(tx: Tx) -> None:
    """The shop sends nothing without a click."""
    row = tx.one("tenants.by_id", tenant_id="ten_a")
    assert row is not None
    tx.run("tenants.update", **(dict(row) | {"mode": "suggest"}))


async def says(line: Dialled, stage: Stage, text: str) -> None:
    """A customer writes now."""
    sent_at = Instant(stage.clock.now_ms())
    await line.say(text, chat=CHAT, wa_id=f"3EB0{len(line.agent.log)}", sent_at=sent_at)


async def brings(line: Dialled, *words: str) -> None:
    """Wait until the agent was ordered to send exactly this."""

    def texts() -> list[str]:
        orders = [one.data for one in line.agent.orders if isinstance(one, Event)]
        said = [order.text or "" for order in orders if isinstance(order, MessageSend)]
        return [text.partition("\n")[0] for text in said]

    await line.until(lambda: len(texts()) >= len(words))
    assert texts() == list(words)


async def test_what_an_operator_types_reaches_the_pc(tmp_path: Path) -> None:
    """A draft is approved; a reply takes the chat over, and the bot gets it back."""
    async with Stage.set(tmp_path, debounce_s=0.0) as stage:
        await stage.store.write(suggests)
        with serving.alone(stage.store.path):  # as `sak-hub serve` does
            await conversation(tmp_path, stage)


async def conversation(tmp_path: Path, stage: Stage) -> None:
    """What customer, operator and bot say, each after the other."""
    async with stage.running(), stage.agent().dial() as line:
        await line.live()
        await says(line, stage, "hello")

        async def drafted() -> bool:
            key = ChatKey("ten_a", "+919800000009", CHAT)
            return await stage.store.read(lambda tx: suggestions.find(tx, key)) is not None

        await stage.until(drafted)
        sent = await chats(tmp_path, "send", "Shop a", CHAT)
        assert (sent["outcome"], sent["is_served"]) == ("ordered", True)
        await brings(line, "You said: hello")
        said = await chats(tmp_path, "reply", "Shop a", CHAT, "I will look.")
        assert said["outcome"] == "ordered"
        await brings(line, "You said: hello", "I will look.")
        await says(line, stage, "and now?")
        await chats(tmp_path, "mode", "Shop a", CHAT, "auto")
        assert (await chats(tmp_path, "resume", "Shop a", CHAT))["answers"]
        await brings(line, "You said: hello", "I will look.", "You said: and now?")
