"""The operator's command is one process, the hub another: what is typed reaches the shop's PC."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from hub.conversation import suggestions
from hub.conversation.turns import ChatKey
from hub.store import serving
from hub.store.tx import Tx
from protocol.messages import Event, Instant, MessageSend
from tests.hub.gateway.client import READY, Dialled, message
from tests.hub.gateway.stage import Stage
from tests.hub.process import ROOT, WAIT_S, environment

CHAT = "919800000001@c.us"
KEY = ChatKey("ten_a", "+919800000009", CHAT)


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


async def waits(stage: Stage) -> bool:
    """Whether a draft waits for a click."""
    return await stage.store.read(lambda tx: suggestions.find(tx, KEY)) is not None


async def outcome(stage: Stage) -> str | None:
    """What became of the one thing that was to go out."""

    def look(tx: Tx) -> str | None:
        [row] = tx._connection.execute("SELECT outcome FROM outgoing").fetchall()
        found: str | None = row["outcome"]
        return found

    return await stage.store.read(look)


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

        await stage.until(lambda: waits(stage))
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


async def test_a_draft_waits_while_the_pc_is_away(tmp_path: Path) -> None:
    """The hub ran all the time; what the customer wrote meanwhile comes back with the PC."""
    async with Stage.set(tmp_path, debounce_s=0.0) as stage:
        await stage.store.write(suggests)
        async with stage.running():
            async with stage.agent().dial() as line:
                await line.live()
                await says(line, stage, "100 cartons")
                await stage.until(lambda: waits(stage))
            await stage.becomes("offline")
            now = stage.clock.now_ms()
            await stage.store.write(lambda tx: suggestions.approve(tx, KEY, None, now))
            await stage.parts.outgoing.work_off()
            assert await outcome(stage) is None
            agent = stage.agent()
            agent.write(message("no, 10", chat=CHAT, sent_at=Instant(now + 1)))
            async with agent.dial() as line:
                await line.live()

                async def settled() -> bool:
                    return await outcome(stage) is not None

                await line.until(lambda: line.acked == len(agent.log))
                await stage.until(settled)
            assert await outcome(stage) == "changed"
            assert agent.orders == []


async def test_a_draft_goes_out_as_soon_as_the_pc_is_back(tmp_path: Path) -> None:
    """It has nothing to tell; as long as it does not see what customers write, that waits."""
    async with Stage.set(tmp_path, debounce_s=0.0) as stage:
        await stage.store.write(suggests)
        async with stage.running():
            async with stage.agent().dial() as line:
                await line.live()
                await says(line, stage, "hello")
                await stage.until(lambda: waits(stage))
            await stage.becomes("offline")
            now = stage.clock.now_ms()
            await stage.store.write(lambda tx: suggestions.approve(tx, KEY, None, now))
            stage.agent().status = replace(READY, whatsapp="starting")
            async with stage.agent().dial() as line:
                await line.live()
                await stage.parts.outgoing.work_off()
                assert await outcome(stage) is None
                await line.beat(whatsapp="ready")
                await brings(line, "You said: hello")
