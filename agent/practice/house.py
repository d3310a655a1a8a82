"""The whole system on one computer, each part in a process of its own as in real life.

    house/            (the folder given to `House`)
        hub.db, hub.log        the hub with the sample shops
        agent/, agent.log      the agent, its journal and its browser profile
        phone.jsonl, phone.log the practice phone

The phone and the agent are one shop's: those of another are `agent-noor/`, `phone-noor.jsonl` and
so on, beside these.

Nothing here imports the hub: like an operator, it types `sak-hub` commands.
"""

import asyncio
import signal
import socket
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import psutil

SHOP = "fasteners"
"""The sample whose customer one is, unless another is chosen."""

_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 15.0
_POLL_S = 0.1
_WATCH_S = 1.0
_DEATHS_MAX = 5  # within _DEATHS_S; a part that dies more often cannot be helped by a start
_DEATHS_S = 60.0
_LOG_TAIL_CHARS = 2_000


class HouseError(Exception):
    """A part of the house did not do what it was told; the text says which and why."""


class Part:
    """One process of the house, its log in a file."""

    def __init__(self, name: str, command: list[str], env: Mapping[str, str], log: Path) -> None:
        self.name = name
        self._command = command
        self._env = dict(env)
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the process; it appends to its log."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, env=self._env, stdout=log, stderr=log, start_new_session=True
            )

    async def stop(self) -> None:
        """Ask it to end, and insist after a while."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def kill(self) -> None:
        """End it without a warning, as a power cut would."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    @property
    def pid(self) -> int | None:
        """Of the newest process; None before the first start."""
        return None if self._process is None else self._process.pid

    def rss_mib(self) -> float:
        """Its memory now."""
        if self._process is None:
            raise HouseError(f"{self.name} does not run")
        rss: int = psutil.Process(self._process.pid).memory_info().rss
        return rss / 2**20

    @property
    def has_died(self) -> bool:
        """It was started and has ended."""
        return self._process is not None and self._process.returncode is not None

    def check(self) -> None:
        """Raise with the end of its log when it has died."""
        if self._process is not None and self._process.returncode is not None:
            text = self._log.read_text(errors="replace")
            tail = text[-_LOG_TAIL_CHARS:]
            if len(text) > len(tail):
                tail = tail.partition("\n")[2]
            raise HouseError(f"{self.name} stopped ({self._process.returncode}):\n{tail}")


class Shop(msgspec.Struct, frozen=True):
    """A sample shop of the hub's, and a `question` to begin with."""

    sample: str
    name: str
    question: str


class House:
    """Hub, practice phone and agent, in that order."""

    def __init__(
        self,
        folder: Path,
        hub_port: int,
        phone_port: int,
        environ: Mapping[str, str],
        settings: Mapping[str, str],
        sample: str = SHOP,
    ) -> None:
        """`environ` is this process's own; of it no SAK_ name reaches a part, `settings` do.

        `sample` is the shop that the phone writes to.
        """
        self.folder = folder
        self._sample = sample
        self.shops: tuple[Shop, ...] = ()
        suffix = "" if sample == SHOP else f"-{sample}"
        self._paired = folder / f"paired{suffix}"
        self._agent_folder = folder.absolute() / f"agent{suffix}"
        self._hub_port, self._phone_port = hub_port, phone_port
        self.hub_url = f"http://127.0.0.1:{hub_port}"
        self.phone_url = f"http://127.0.0.1:{phone_port}"
        env = {k: v for k, v in environ.items() if not k.startswith("SAK_")}
        self.hub_env = env | {
            "SAK_HUB_PORT": str(hub_port),
            "SAK_HUB_DATABASE_URL": f"sqlite:///{folder.absolute() / 'hub.db'}",
        }
        self.agent_env = env | {
            "SAK_AGENT_DATA_DIR": str(self._agent_folder),
            "SAK_AGENT_WHATSAPP_URL": f"{self.phone_url}/web",
        }
        for name, value in settings.items():
            target = self.hub_env if name.startswith("SAK_HUB_") else self.agent_env
            target[name] = value
        phone_state = str(folder.absolute() / f"phone{suffix}.jsonl")
        python = sys.executable
        phone = ["-m", "agent.practice", "phone", "--port", str(phone_port), "--state", phone_state]
        self.hub = self._part("hub", [python, "-m", "hub", "serve"], self.hub_env)
        self.phone = self._part("phone", [python, *phone], env)
        self.agent = self._part("agent", [python, "-m", "agent", "run"], self.agent_env)

    def _part(self, name: str, command: list[str], env: Mapping[str, str]) -> Part:
        return Part(name, command, env, self.folder / f"{name}.log")

    @asynccontextmanager
    async def running(self, pair_url: str | None = None) -> AsyncIterator["House"]:
        """Furnish and start everything; stop it when the block ends.

        `pair_url` is where the agent finds the hub when that is not the hub's own address.

        Raises:
            HouseError: a part did not start.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, port in (("hub", self._hub_port), ("phone", self._phone_port)):
            _require_free(name, port)
        try:
            await self._furnish_shop()
            await self._start_hub_and_phone()
            await self._pair(pair_url or self.hub_url)
            await self.agent.start()
            await until(self._agent_is_ready, "the agent's WhatsApp is not ready")
            yield self
        finally:
            for part in reversed(self.parts):
                await part.stop()

    async def _start_hub_and_phone(self) -> None:
        await self.hub.start()
        await self.phone.start()
        await self.answers(self.hub, f"{self.hub_url}/readyz")
        await self.answers(self.phone, f"{self.phone_url}/api/state")

    async def _agent_is_ready(self) -> bool:
        self.agent.check()
        try:
            status = msgspec.json.decode((self._agent_folder / "status.json").read_bytes())
        except FileNotFoundError:
            return False
        return bool(status["whatsapp"] == "ready" and status["pid"] == self.agent.pid)

    async def _furnish_shop(self) -> None:
        opened = await self.sak_hub("tenant", "add-samples")
        self.shops = msgspec.convert(opened["tenants"], tuple[Shop, ...])
        if all(shop.sample != self._sample for shop in self.shops):
            known = ", ".join(shop.sample for shop in self.shops)
            raise HouseError(f"There is no shop {self._sample!r}; choose from {known}.")

    @property
    def shop(self) -> Shop:
        """Whose customer one is; there once the house is furnished."""
        return next(shop for shop in self.shops if shop.sample == self._sample)

    async def _pair(self, url: str) -> None:
        """Pair the agent once; a house that is opened again keeps its pairing."""
        if self._paired.exists():
            return
        invitation = await self.sak_hub("agent", "invite", self.shop.name)
        await run_command("agent", ["pair", url, invitation["code"], "--json"], self.agent_env)
        self._paired.touch()

    @property
    def parts(self) -> tuple[Part, ...]:
        """In the order in which they start."""
        return (self.hub, self.phone, self.agent)

    def check(self) -> None:
        """Raise HouseError when a part has died, with the end of its log."""
        for part in self.parts:
            part.check()

    async def sak_hub(self, *words: str) -> Any:
        """Type a `sak-hub` command; the object that its `--json` ends with."""
        return await run_command("hub", [*words, "--json"], self.hub_env)

    async def answers(self, part: Part, url: str) -> None:
        """Wait until a part answers with 200."""
        async with httpx2.AsyncClient() as client:
            await until(lambda: _is_up(client, part, url), f"{part.name} does not answer")


async def keep_running(
    parts: tuple[Part, ...], say: Callable[[str], None], every_s: float = _WATCH_S
) -> None:
    """Start each part anew that dies, as a service manager does, until cancelled.

    Raises:
        HouseError: one dies again and again; which it is, and the end of its log.
    """
    deaths: dict[str, deque[float]] = {part.name: deque(maxlen=_DEATHS_MAX) for part in parts}
    loop = asyncio.get_running_loop()
    while True:
        for part in parts:
            if not part.has_died:
                continue
            mine = deaths[part.name]
            if len(mine) == _DEATHS_MAX and loop.time() - mine[0] < _DEATHS_S:
                part.check()
            mine.append(loop.time())
            say(f"The {part.name} died; it is started again.")
            await part.start()
        await asyncio.sleep(every_s)


def _require_free(part: str, port: int) -> None:
    """Another program on the port would be taken for ours."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise HouseError(
                f"Port {port} is taken by another program: stop it, or choose another one "
                f"with `make run {part.upper()}_PORT=…`."
            ) from None


async def until(holds: Any, otherwise: str, timeout_s: float = _START_TIMEOUT_S) -> None:
    """Ask an async question until it is true; HouseError(`otherwise`) after the timeout."""
    try:
        async with asyncio.timeout(timeout_s):
            while not await holds():  # noqa: ASYNC110 - another process cannot set an Event
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        raise HouseError(f"{otherwise} within {timeout_s:.0f} s") from None


async def _is_up(client: httpx2.AsyncClient, part: Part, url: str) -> bool:
    part.check()
    try:
        return (await client.get(url)).status_code == 200
    except httpx2.HTTPError:
        return False


async def run_command(module: str, words: list[str], env: Mapping[str, str]) -> Any:
    """Run one command of `hub` or `agent` to its end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *words),
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    if process.returncode != 0:
        said = (err or out).decode(errors="replace").strip()
        raise HouseError(f"sak-{module} {words[0]} failed ({process.returncode}): {said}")
    return msgspec.json.decode(out.splitlines()[-1])
