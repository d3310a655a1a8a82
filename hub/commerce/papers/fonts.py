"""Where the fonts of the papers are.

The fonts that every PDF reader has know neither ₹ nor Hindi nor Arabic, and an invoice with holes
in its names is none: where these files are missing no invoice is made, and `doctor` says so.
Noto Sans has Latin, Greek, Cyrillic and Devanagari, Noto Sans Arabic has Arabic; both are under the
SIL Open Font License. What neither has is printed as U+FFFD (see `lettering.py`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

import msgspec

_PACKAGES: Final = Path(__file__).parents[3] / "node_modules/@expo-google-fonts"
FOLDERS: Final = (
    Path(__file__).with_name("ttf"),  # packed with a release
    _PACKAGES / "noto-sans/400Regular",
    _PACKAGES / "noto-sans/700Bold",
    _PACKAGES / "noto-sans-arabic/400Regular",
    _PACKAGES / "noto-sans-arabic/700Bold",
)


class FontsMissingError(Exception):
    """An invoice cannot be printed here: one sentence with the remedy."""


class Fonts(msgspec.Struct, frozen=True, kw_only=True):
    """The files, each a TrueType font."""

    regular: str
    bold: str
    arabic: str
    arabic_bold: str

    @classmethod
    def find(cls, folders: Sequence[Path] = FOLDERS) -> Self:
        """The files where set-up or the release put them; FontsMissingError names one that is not.

        Looks at the disk.
        """
        return cls(
            regular=_find("NotoSans_400Regular.ttf", folders),
            bold=_find("NotoSans_700Bold.ttf", folders),
            arabic=_find("NotoSansArabic_400Regular.ttf", folders),
            arabic_bold=_find("NotoSansArabic_700Bold.ttf", folders),
        )


def _find(name: str, folders: Sequence[Path]) -> str:
    found = next((path for folder in folders if (path := folder / name).is_file()), None)
    if found is None:
        raise FontsMissingError(
            f"The font {name} is missing, and without it no invoice can be printed: "
            "run `make setup`, or install the hub again."
        )
    return str(found)
