"""The real hub as it comes: its own settings, its own rules for shops, an echo for the assistant.

    python -m bench.flood_hub FOLDER

serves the shops that were prepared in `FOLDER/hub.db` on a free port and prints one JSON line when
it is ready. SIGTERM ends it. `bench.hub` is the same without waiting for customers to fall silent
and without any limit on how much may wait.
"""

import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from bench.hub import Echo, serve
from hub import logs
from hub.app import Hub, listen
from hub.clock import SystemClock
from hub.settings import Settings


def main() -> None:
    """Take the shops' figures back to the product's, then serve."""
    database = Path(sys.argv[1]) / "hub.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE tenants SET settings = '{}'")
    logs.configure("warning", SystemClock())
    settings = Settings(port=0, database_url=f"sqlite:///{database}")
    hub = Hub(settings, SystemClock(), listen("127.0.0.1", 0), lambda _: Echo())
    with asyncio.Runner(loop_factory=hub.loop_factory) as runner:
        runner.run(serve(hub))


if __name__ == "__main__":
    main()
