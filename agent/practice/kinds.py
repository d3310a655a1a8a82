"""What a customer can send besides words and files, and what they can do to a message."""

from typing import Literal

import msgspec


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """A point on the map."""

    lat: float
    lng: float
    name: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.lat},{self.lng}".strip()


class Card(msgspec.Struct, frozen=True):
    """Somebody's name and number."""

    name: str
    phone: str

    def __str__(self) -> str:
        return f"{self.name} {self.phone}"


ChangeKind = Literal["edit", "revoke", "reaction"]
