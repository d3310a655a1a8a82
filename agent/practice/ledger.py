"""The file through which the practice network outlives a kill: one fact a line."""

from pathlib import Path
from typing import Self

import msgspec

from agent.practice.network import AnyFact, Network

_decoder = msgspec.json.Decoder(AnyFact)
_encoder = msgspec.json.Encoder()


class LedgerDamagedError(Exception):
    """The state file holds something that no practice phone wrote."""


class Ledger:
    """An append-only file of facts; without a path it keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self._file = None if path is None else path.open("ab", buffering=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def append(self, fact: AnyFact) -> None:
        """Write one fact; it survives a kill of this process from here on."""
        if self._file is not None:
            self._file.write(_encoder.encode(fact) + b"\n")


def restore(path: Path | None) -> Network:
    """Rebuild the network from its file, and cut off a last line that a kill left unfinished.

    Raises:
        LedgerDamagedError: a finished line is not a fact.
    """
    network = Network()
    if path is None or not path.exists():
        return network
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            network.apply(_decoder.decode(line))
        except (msgspec.MsgspecError, KeyError) as error:
            raise LedgerDamagedError(
                f"Line {number} of {path} is not readable; delete the file to start afresh."
            ) from error
    if len(whole) < len(content):
        with path.open("r+b") as file:
            file.truncate(len(whole))
    return network
