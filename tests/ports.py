"""A port for a process that is about to start, and that starts there again after its death."""

import secrets
import socket
from contextlib import suppress
from typing import Final

FIRST: Final = 20_000
COUNT: Final = 12_000
"""Up to what systems hand out by themselves: nobody else is given one of these meanwhile."""


def free_port() -> int:
    """A port of this computer on which nobody listens."""
    while True:
        port = FIRST + secrets.randbelow(COUNT)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
