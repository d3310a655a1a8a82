"""What a profile remembers of its link: whose number it is, and why the link ended."""

import contextlib
import os
from pathlib import Path

import msgspec

from agent.linking import Known

FILE_NAME = "linked"


class LinkRecord:
    """The file `linked` in the profile's directory; it is there once WhatsApp was linked."""

    def __init__(self, profile_dir: Path) -> None:
        self._path = profile_dir / FILE_NAME

    def read(self) -> Known | None:
        """What is remembered; a file of an earlier version says only that there was a link."""
        try:
            content = self._path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        with contextlib.suppress(msgspec.MsgspecError):
            return msgspec.json.decode(content, type=Known)
        return Known()

    def write(self, known: Known) -> None:
        """Replace the file as a whole; OSError."""
        draft = self._path.with_name(f"{FILE_NAME}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(known))
        draft.replace(self._path)
