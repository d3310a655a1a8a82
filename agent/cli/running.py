"""`sak-agent pair`, `run` and `install-browser`: becoming an agent and being one."""

import asyncio
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import click
import structlog

from agent import logs
from agent.cli.command import SENTENCES, Failure, answer, explained, json_option, load_settings
from agent.cli.link import shown_on_terminal
from agent.cli.practice import practice_phone
from agent.clock import Clock, SystemClock
from agent.daemon import run_agent
from agent.database import discard
from agent.drivers.driver import Driver
from agent.drivers.memory import MemoryDriver, MemorySettings
from agent.journal import FILE_NAME, Journal
from agent.link import Phase
from agent.lock import AlreadyRunningError, DataDirLock, is_held
from agent.pairing import SOFTWARE, Device, Former, Paired
from agent.pairing import pair as redeem
from agent.settings import BROWSER_PROFILE, Settings, SettingsError
from agent.status import read_status

log = structlog.get_logger(__name__)

PRACTICE_PROFILE = "practice-profile"
MEND_S = 60.0  # between two tries of a service that cannot run
FORMER_MS = 60_000  # the status is written so much more often
DEVICE_FIELD_MAX = 200  # characters; SPEC §2


@click.command()
@click.argument("url")
@click.argument("code")
@click.option("--name", help="What the hub shall call this PC; else its own name.")
@json_option
def pair(url: str, code: str, name: str | None, as_json: bool) -> None:
    """Make this PC the agent of a shop, with the CODE that the hub at URL gave."""
    settings = load_settings()
    running = _takes_pairing(settings.data_dir)
    is_first = not (settings.data_dir / FILE_NAME).exists()
    with DataDirLock(settings.data_dir) if is_first else nullcontext():
        paired = asyncio.run(_pair(settings, url, code, _device(name), is_first=is_first))
    facts = {
        "agent_id": paired.agent_id,
        "tenant_id": paired.tenant_id,
        "hub_url": url.rstrip("/"),
        "data_dir": str(settings.data_dir),
    }
    lines = [
        f"This PC is now agent {paired.agent_id} of shop {paired.tenant_id}.",
        "The agent that is running takes it up." if running else "Start it with `sak-agent run`.",
    ]
    answer(facts, lines, as_json=as_json)


def _takes_pairing(data_dir: Path) -> bool:
    """Whether an agent is running that waits to be paired again.

    Raises:
        AlreadyRunningError: it works for a shop now, and pairing would mix up the two.
    """
    if not is_held(data_dir):
        return False
    said = read_status(data_dir)
    if said is None or said.hub.phase is not Phase.REFUSED:
        raise AlreadyRunningError(
            f"An agent is running with {data_dir}: stop it before you pair it anew."
        )
    return True


async def _pair(
    settings: Settings, url: str, code: str, device: Device, *, is_first: bool
) -> Paired:
    """Pair; the journal is opened before, so that no code is spent where none can be kept."""
    clock, path = SystemClock(), settings.data_dir / FILE_NAME
    journal = await Journal.open(path, clock)
    try:
        paired = await redeem(
            url,
            code,
            device=device,
            settings=settings,
            journal=journal,
            clock=clock,
            former=_former(settings.data_dir) if is_first else None,
        )
    except BaseException:
        await journal.close()
        if is_first:
            discard(path)
        raise
    await journal.close()
    return paired


def _former(data_dir: Path) -> Former | None:
    """Whose journal was moved aside here, by what that agent last said of itself."""
    said = read_status(data_dir)
    if said is None:
        return None
    return Former(said.hub_url, said.tenant_id, said.written_ms - FORMER_MS)


def _device(name: str | None) -> Device:
    system = f"{platform.system()} {platform.release()}".strip() or "unknown"
    chosen = name or platform.node() or "PC"
    return Device(chosen[:DEVICE_FIELD_MAX], system[:DEVICE_FIELD_MAX], SOFTWARE.version)


@click.command()
@click.option("--practice", is_flag=True, help="Serve a stand-in phone instead of WhatsApp.")
@click.option("--quiet", is_flag=True, help="Log to the file only, as the service does.")
@json_option
def run(practice: bool, quiet: bool, as_json: bool) -> int:
    """Be the agent until it is told to stop (SIGTERM, Ctrl-C)."""
    with _waiting_for_a_person() if quiet else nullcontext():
        settings, clock = load_settings(), SystemClock()
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        logs.configure(settings.log_level, settings.data_dir, to_stderr=not quiet)
        with _driver(settings, clock, practice=practice) as driver:
            code = _run(settings, driver, clock)
    if code == 0 and as_json:
        answer({"stopped": True}, [], as_json=True)
    return code


@contextmanager
def _waiting_for_a_person() -> Iterator[None]:
    """Log what a person has to mend, and take time: a service is started anew at once."""
    try:
        yield
    except (Failure, *SENTENCES, OSError) as error:
        log.error("the agent cannot run", reason=str(error))
        time.sleep(MEND_S)
        raise


def _run(settings: Settings, driver: Driver, clock: Clock) -> int:
    """The exit code of the agent's life; what a user can mend is raised as its sentence."""
    try:
        asyncio.run(run_agent(settings, driver, clock, _show_panel))
    except (*SENTENCES, PermissionError):
        raise
    except Exception as error:
        from agent.drivers.whatsapp_web import WhatsAppWebError

        if isinstance(error, WhatsAppWebError):
            raise explained(error) from error
        log.exception("the agent broke")
        return 1
    return 0


def _show_panel(address: str) -> None:
    """Tell a person where the panel is; a file or a service's log does not get the key."""
    if sys.stderr is not None and sys.stderr.isatty():  # Windows has programs without one
        click.echo(f"Panel: {address}", err=True)


def require_browser(settings: Settings) -> None:
    """Find a browser before the hub is told that this agent is online; Failure."""
    from agent.drivers import whatsapp_web
    from agent.drivers.whatsapp_web.browser import find_browser

    try:
        find_browser(settings.browser)
    except whatsapp_web.WhatsAppWebError as error:
        raise explained(error) from error


@contextmanager
def _driver(settings: Settings, clock: Clock, *, practice: bool) -> Iterator[Driver]:
    """The WhatsApp that the settings or the practice ask for."""
    if practice or settings.driver != "memory":
        require_browser(settings)
    if practice:
        with practice_phone(settings) as url:
            yield web_driver(settings, url, PRACTICE_PROFILE, headless=True, bundles=False)
    elif settings.driver == "memory":
        yield memory_driver(settings, clock)
    else:
        yield web_driver(
            settings, settings.whatsapp_url, BROWSER_PROFILE, headless=settings.headless
        )


def memory_driver(settings: Settings, clock: Clock) -> MemoryDriver:
    """The driver over two files.

    Raises:
        SettingsError: a file is missing in the settings, or cannot be written.
    """
    inbox, outbox = settings.memory_in, settings.memory_out
    if inbox is None or outbox is None:
        raise SettingsError("Give SAK_AGENT_MEMORY_IN and SAK_AGENT_MEMORY_OUT.")
    try:
        return MemoryDriver(MemorySettings(inbox, outbox, settings.memory_send_s), clock.now_ms)
    except OSError as error:
        raise SettingsError(
            f"SAK_AGENT_MEMORY_OUT is {str(outbox)!r}, which cannot be written "
            f"({error.strerror}): give another path."
        ) from error


def web_driver(
    settings: Settings, url: str, profile: str, *, headless: bool, bundles: bool = True
) -> Driver:
    """The driver with a browser; loading it takes a second, so nobody else does.

    `bundles`: also with a wa-js that was fetched, of which the practice page proves nothing.
    """
    from agent.drivers.whatsapp_web import WebSettings, WhatsAppWebDriver
    from agent.drivers.whatsapp_web.bundle import FOLDER

    return WhatsAppWebDriver(
        WebSettings(
            profile_dir=settings.data_dir / profile,
            url=url,
            headless=headless,
            browser_path=settings.browser,
            bundles_dir=settings.data_dir / FOLDER if bundles else None,
            ping_interval_s=settings.ping_interval_s,
            memory_max_mib=settings.memory_max_mib,
            takes_over=settings.conflict == "take_over",
            link_attempts_max=settings.link_attempts_max,
        ),
        offered=shown_on_terminal(),
    )


@click.command("install-browser")
@json_option
def install_browser(as_json: bool) -> None:
    """Make sure that there is a browser for WhatsApp Web; an installed one is enough."""
    from agent.drivers import whatsapp_web
    from agent.drivers.whatsapp_web.browser import find_installed

    wanted = load_settings().browser
    try:
        if find_installed(wanted) is None:
            click.echo("No browser is installed: fetching one takes some minutes.", err=True)
        path = whatsapp_web.install_browser(wanted)
    except whatsapp_web.WhatsAppWebError as error:
        raise explained(error) from error
    answer({"browser": str(path)}, [f"The browser is {path}."], as_json=as_json)
