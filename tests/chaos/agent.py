"""`python -m tests.chaos.agent`: the real agent with the memory driver, and points to die at."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

from agent import logs
from agent.daemon import run_agent
from agent.drivers.memory import MemoryDriver, MemorySettings
from agent.journal import Journal
from agent.settings import Settings
from protocol.session import Session
from tests.chaos.account import AccountDriver, OneSession
from tests.chaos.points import CrashPoint, Passed, around, around_call
from tests.chaos.process_life import ENV_CLOCK, ENV_SESSION, JumpingClock, end_with_parent

JOURNAL: Final = (
    "record_inbound",
    "unsent",
    "acknowledge_up",
    "accept",
    "mark",
    "finish",
    "next_conn_no",
    "reconcile",
    "note_searched",
)


def place_points(passed: Passed) -> None:
    """Wrap the seams of the product that an agent is to die at."""
    for name in JOURNAL:
        around(Journal, name, passed)
    around(MemoryDriver, "send", passed)
    around_call(Session, "committed", passed)


def main() -> None:
    """Be the agent until SIGTERM, as `sak-agent run` is."""
    environ = dict(os.environ)  # noqa: TID251 - the command line of a process of its own
    end_with_parent()
    place_points(CrashPoint(environ).passed)
    settings = Settings.load(environ)
    logs.configure(settings.log_level)
    clock = JumpingClock(Path(environ[ENV_CLOCK]))
    if settings.memory_in is None or settings.memory_out is None:
        sys.exit("a chaos agent needs the two files of its WhatsApp")
    files = MemorySettings(settings.memory_in, settings.memory_out, settings.memory_send_s)
    driver = AccountDriver(files, OneSession(Path(environ[ENV_SESSION])), clock.now_ms)
    asyncio.run(run_agent(settings, driver, clock))


if __name__ == "__main__":
    main()
