"""One finding of the doctor's."""

from typing import Literal

import msgspec

Verdict = Literal["ok", "warn", "fail"]


class Check(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the doctor's. `remedy` is there whenever something can be done."""

    name: str
    verdict: Verdict
    finding: str
    remedy: str | None = None


def failed(name: str, error: Exception) -> Check:
    """An error whose sentence is a finding, a colon and what to do."""
    finding, _, remedy = str(error).partition(": ")
    return Check(name, "fail", finding, remedy[:1].upper() + remedy[1:] or None)
