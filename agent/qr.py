"""A QR code for a terminal: two modules in each letter, dark on white on every background.

Colours are those of the 256-colour cube, which themes leave alone; a drawing in the terminal's own
colours would be inverted on a dark background, and phones do not read that reliably. Windows 10 and
later understand the same; `click` switches it on.
"""

from typing import Final

import segno

EDGE_MODULES: Final = 2  # of white around it; the standard asks for 4, phones are content with it
_DARK_ON_WHITE: Final = "\x1b[38;5;16;48;5;231m"
_PLAIN: Final = "\x1b[0m"
_HALVES: Final = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
_WHOLE: Final = {False: "\x1b[48;5;231m  ", True: "\x1b[48;5;16m  "}


def drawn(text: str, encoding: str) -> list[str]:
    """The lines of a code; twice as large where `encoding` has no half blocks."""
    rows = _modules(text)
    return _halves(rows) if _has_blocks(encoding) else _wholes(rows)


def width(lines: list[str]) -> int:
    """How many columns a drawing takes."""
    return max((len(_bare(line)) for line in lines), default=0)


def _modules(text: str) -> list[list[bool]]:
    code = segno.make_qr(text, error="l", boost_error=False)
    return [[bool(module) for module in row] for row in code.matrix_iter(border=EDGE_MODULES)]


def _halves(rows: list[list[bool]]) -> list[str]:
    if len(rows) % 2:
        rows = [*rows, [False] * len(rows[0])]
    pairs = zip(rows[::2], rows[1::2], strict=True)
    letters = ("".join(_HALVES[pair] for pair in zip(*two, strict=True)) for two in pairs)
    return [f"{_DARK_ON_WHITE}{line}{_PLAIN}" for line in letters]


def _wholes(rows: list[list[bool]]) -> list[str]:
    return ["".join(_WHOLE[module] for module in row) + _PLAIN for row in rows]


def _has_blocks(encoding: str) -> bool:
    try:
        "▀▄█".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _bare(line: str) -> str:
    """Without the colours."""
    pieces = line.split("\x1b[")
    return pieces[0] + "".join(piece.partition("m")[2] for piece in pieces[1:])
