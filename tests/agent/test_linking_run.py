"""Linking as a shop owner does it: the real agent, the real command in a terminal, a phone.

And nothing of the codes is left anywhere afterwards.
"""

import asyncio
import os
import re
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.clock import SystemClock
from agent.journal import FILE_NAME, Journal
from tests.agent.camera import photographed
from tests.agent.practice.stage import Phone, practice_phone
from tests.agent.scripted_hub import ScriptedHub, scripted_hub

if sys.platform == "win32":
    pytest.skip("a terminal that a test can read is POSIX's", allow_module_level=True)

from tests.agent.terminal import Terminal

ACCOUNT = "+919800000009"
ROOT = Path(__file__).parents[2]
_CLEARED = "\x1b[1;1H"
_CODE = re.compile(r"    ([1-9A-Z]{4})-([1-9A-Z]{4})")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


async def paired(data_dir: Path, hub: ScriptedHub) -> None:
    """A journal of an agent of this hub."""
    journal = await Journal.open(data_dir / FILE_NAME, SystemClock())
    await journal.save_identity(
        hub_url="http://127.0.0.1:1",
        socket_url=hub.url,
        agent_id="a1",
        tenant_id="t1",
        token="sak_a_invented",
        token_expires_ms=None,
    )
    await journal.close()


def environment(data_dir: Path, phone: Phone) -> Mapping[str, str]:
    own = {k: v for k, v in os.environ.items() if not k.startswith("SAK_")}  # noqa: TID251 - ours
    return own | {
        "SAK_AGENT_DATA_DIR": str(data_dir),
        "SAK_AGENT_WHATSAPP_URL": phone.process.web_url,
        "SAK_AGENT_HEADLESS": "true",
        "SAK_AGENT_PANEL_PORT": str(free_port()),
        "SAK_AGENT_NOTIFICATIONS": "false",
        "SAK_AGENT_LOG_LEVEL": "debug",
        "TERM": "xterm-256color",
    }


@asynccontextmanager
async def running_agent(env: Mapping[str, str], out: Path) -> AsyncIterator[None]:
    """`sak-agent run`, as a service has it: without a terminal."""
    with out.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "agent", "run"), env=env, stdout=file, stderr=file, cwd=ROOT
        )
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


async def commanded(env: Mapping[str, str], *words: str) -> Terminal:
    """`sak-agent link …`, typed until the agent is there to hear it."""
    while True:
        terminal = await Terminal.open(["link", *words], env)
        said = await terminal.until(lambda said: "Code 1 of" in said or "rror:" in said)
        if "Code 1 of" in said:
            return terminal
        assert "panel" in said or "running" in said, said
        await terminal.end()
        terminal.close()


async def linked_by_qr(env: Mapping[str, str], phone: Phone) -> str:
    terminal = await commanded(env)
    screen = terminal.said.rpartition(_CLEARED)[2]
    lines = [line.rstrip("\r") for line in screen.split("\n")]
    (text,) = photographed([line for line in lines if "\x1b[38;5;16" in line])
    await phone.post("scan", text=text)
    assert await terminal.end() == 0, terminal.said
    assert "WhatsApp is linked." in terminal.said
    terminal.close()
    return text


async def linked_by_code(env: Mapping[str, str], phone: Phone) -> str:
    terminal = await commanded(env, "--phone", "+91 98000 00009")
    found = _CODE.search(terminal.said)
    assert found is not None, terminal.said
    await phone.post("type", code="".join(found.groups()))
    assert await terminal.end() == 0, terminal.said
    terminal.close()
    return "".join(found.groups())


async def test_a_phone_is_linked_from_a_terminal_and_no_code_is_left(tmp_path: Path) -> None:
    """By QR, and after the phone ended that link by letters: not in the logs, files or frames."""
    data_dir, out = tmp_path / "data", tmp_path / "out"
    data_dir.mkdir()
    async with scripted_hub() as hub, practice_phone("--unlinked") as phone:
        await paired(data_dir, hub)
        env = environment(data_dir, phone)
        async with running_agent(env, out):
            text = await linked_by_qr(env, phone)
            await hub.until(lambda: hub.beats[-1].whatsapp == "ready")
            await phone.post("unlink")
            await hub.until(lambda: hub.beats[-1].whatsapp == "logged_out")
            code = await linked_by_code(env, phone)
            await hub.until(lambda: hub.beats[-1].whatsapp == "ready")
    secrets = [text, *text.split(","), code, f"{code[:4]}-{code[4:]}"]
    kept = [path for path in data_dir.rglob("*") if path.is_file() and "chromium" not in path.parts]
    assert {"status.json", "agent.log", FILE_NAME} <= {path.name for path in kept}
    said = [path.read_bytes() for path in (out, *kept)]
    said += [f if isinstance(f, bytes) else f.encode() for p in hub.peers for f in p.frames]
    for secret in secrets:
        assert not any(secret.encode() in one for one in said)
