"""What a reply says besides its answer, in its language or in the shop's own words."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from hub.store.policy import DEFAULTS, TenantPolicy

FALLBACK: Final = "en"


class Notices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One language of `notices.toml`."""

    disclosure: str
    late_apology: str


@cache
def languages() -> Mapping[str, Notices]:
    """Every language by its code."""
    text = files("hub.conversation").joinpath("notices.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, Notices])


def notices(policy: TenantPolicy, language: str) -> Notices:
    """The shop's notices for a reply in `language`; what the shop wrote itself stays as it is."""
    known = languages().get(language) or languages()[FALLBACK]
    own = policy.disclosure != DEFAULTS.disclosure
    own_apology = policy.late_apology != DEFAULTS.late_apology
    return Notices(
        disclosure=policy.disclosure if own else known.disclosure,
        late_apology=policy.late_apology if own_apology else known.late_apology,
    )
