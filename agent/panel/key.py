"""The secret of this installation, without which the panel shows nothing.

It lies in the data directory beside the journal, readable by its owner only, and is made when it is
first asked for.
"""

import os
import secrets
from pathlib import Path
from typing import Final

FILE_NAME: Final = "panel.key"
_BYTES: Final = 32
_MIN_CHARS: Final = 32  # a file that was cut or emptied is no secret


def panel_key(data_dir: Path) -> str:
    """The secret, made now if there is none.

    Raises:
        OSError: the file can be neither read nor written.
    """
    path = data_dir / FILE_NAME
    key = _read(path)
    return key if key is not None else _made(path)


def panel_address(port: int, key: str | None = None) -> str:
    """Where the panel is; with the key an address that lets its browser in."""
    base = f"http://127.0.0.1:{port}/"
    return base if key is None else f"{base}?key={key}"


def _read(path: Path) -> str | None:
    try:
        key = path.read_text("ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    return key if len(key) >= _MIN_CHARS else None


def _made(path: Path) -> str:
    """A new key, whole before it has its name; two who make one at once end with the same."""
    key = secrets.token_urlsafe(_BYTES)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{key}\n")
    draft.replace(path)
    return _read(path) or key
