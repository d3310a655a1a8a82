"""What the shop owner's own phone does about linking: it scans, or a code is typed into it.

Codes belong to the moment: none of this is written down.
"""

import secrets
from collections.abc import Callable

from agent.practice.network import SHOP_PHONE, Linked, Network

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTVWXYZ"
REMOVED = "unknown_companion"  # what the page is told as the reason, in WhatsApp's word


class WrongCodeError(Exception):
    """The phone says that it does not work; the message is its sentence."""


class OwnerPhone:
    """The codes that the page shows now, and the number of the phone that used one."""

    def __init__(self, network: Network, commit: Callable[[Linked], None]) -> None:
        self._network = network
        self._commit = commit
        self._reference: str | None = None
        self._code: tuple[str, str] | None = None  # the number that may type it, and the code
        self.refuses_codes = False
        self.renewals = 0
        self.reason: str | None = REMOVED

    def show_qr(self, reference: str) -> None:
        """The page shows another QR; the one before is worth nothing."""
        self._reference = reference

    def show_code(self, phone: str, code: str) -> bool:
        """The page shows a code for a number; False when WhatsApp does not allow that."""
        self._code = None if self.refuses_codes else (phone, code)
        return not self.refuses_codes

    def scan(self, text: str, phone: str = SHOP_PHONE) -> None:
        """Hold the phone before a screen; WrongCodeError."""
        if self._reference is None or text.partition(",")[0] != self._reference:
            raise WrongCodeError("This code is not valid any more.")
        self.link(phone)

    def type(self, code: str, phone: str = SHOP_PHONE) -> None:
        """Type the letters of a screen; WrongCodeError."""
        if self._code != (phone, code):
            raise WrongCodeError("This code is wrong, or for another number.")
        self.link(phone)

    def link(self, phone: str = SHOP_PHONE) -> None:
        """Be linked with the browser, however that came about."""
        self._reference = self._code = None
        if self._network.device is None:
            self._commit(Linked(secrets.token_hex(8), phone))
