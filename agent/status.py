"""What a running agent says of itself: a small file that `sak-agent status` reads.

It holds no message and no token, and is replaced as a whole so that nobody reads half of it.
"""

import os
from pathlib import Path
from typing import Final

import msgspec

from agent.link import LinkStatus

FILE_NAME: Final = "status.json"


class StatusFile(msgspec.Struct, frozen=True, kw_only=True):
    """The agent at one moment. `_ms` are UTC; a stale `written_ms` means that it does not run."""

    written_ms: int
    pid: int
    version: str
    agent_id: str
    tenant_id: str
    hub_url: str
    hub: LinkStatus
    whatsapp: str
    account: str | None
    advice: str
    paused: bool
    outbox: int
    inbox: int
    last_inbound_ms: int | None
    last_sweep_ms: int | None
    rss_mib: int
    panel_port: int = 0  # where the panel is served now


def write_status(data_dir: Path, status: StatusFile) -> None:
    """Replace the status file.

    Raises:
        OSError: it could not be written; the old one stands.
    """
    path = data_dir / FILE_NAME
    draft = path.with_name(f"{FILE_NAME}.{status.pid}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(status)))
    draft.replace(path)


def read_status(data_dir: Path) -> StatusFile | None:
    """What the agent last said; None when it never ran, or a different version wrote the file."""
    try:
        return msgspec.json.decode((data_dir / FILE_NAME).read_bytes(), type=StatusFile)
    except (OSError, msgspec.MsgspecError):
        return None
