"""The QR in a terminal, read back from its letters as a phone's camera would."""

import pytest

from agent.qr import drawn, width
from tests.agent.camera import cells, photographed

TEXT = "2@" + "Ab1+/" * 30 + "," + ",".join(["k" * 44] * 3)


@pytest.mark.parametrize(("encoding", "most"), [("utf-8", 70), ("cp437", 70), ("ascii", 140)])
def test_a_phone_reads_what_a_dark_terminal_shows(encoding: str, most: int) -> None:
    """Also where the terminal has no half blocks; on its own colours it never depends."""
    lines = drawn(TEXT, encoding)
    "".join(lines).encode(encoding)
    assert photographed(lines) == [TEXT]
    assert width(lines) <= most
    assert {len(cells(line)) for line in lines} == {width(lines)}


def test_an_unknown_encoding_is_no_obstacle() -> None:
    """A terminal that names none that Python knows gets what every terminal can show."""
    assert drawn("x", "no-such-code") == drawn("x", "ascii")
