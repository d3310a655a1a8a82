"""What a phone's camera sees of a terminal."""

import zxingcpp
from PIL import Image

_SCALE = 4
_DARK_ON_WHITE = "38;5;16;48;5;231"
_BACKS = {_DARK_ON_WHITE: 255, "48;5;231": 255, "48;5;16": 0, "0": 0}


def cells(line: str) -> list[tuple[int, int]]:
    """The grey of each cell's upper and lower half, in a terminal that is white on black."""
    front, back, found = 255, 0, []
    for piece in line.split("\x1b[")[1:]:
        code, _, letters = piece.partition("m")
        front = 0 if code == _DARK_ON_WHITE else front
        back = _BACKS[code]
        halves = {" ": (back, back), "▀": (front, back), "▄": (back, front), "█": (front, front)}
        found += [halves[letter] for letter in letters]
    return found


def photographed(lines: list[str]) -> list[str]:
    """What a phone reads off these lines."""
    rows = [row for line in lines for row in zip(*cells(line), strict=True)]
    width, height = len(rows[0]), len(rows)
    small = Image.frombytes("L", (width, height), bytes(grey for row in rows for grey in row))
    image = small.resize((width * _SCALE, height * _SCALE), Image.Resampling.NEAREST)
    return [
        found.text
        for found in zxingcpp.read_barcodes(
            image, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
        )
    ]
