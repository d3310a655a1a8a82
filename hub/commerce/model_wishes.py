"""What a shop sets about the language model: `model` in `tenants.settings`.

Nothing said means as the hub has it. Read with tolerance, written strictly: `change` refuses with
a sentence for the person who typed.
"""

from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, get_args

import msgspec
from msgspec import Meta

from hub.commerce import stored
from hub.commerce.errors import BadValueError
from hub.commerce.money import parse_number
from hub.commerce.rounding import plain

SECTION: Final = "model"

Mode = Literal["embedded", "hybrid", "model"]
"""A model is asked never, for what code cannot answer, or for all that it may."""

TOKENS_MAX: Final = 1_000_000_000
COST_MAX: Final = 1_000_000_000
COST_DECIMALS_MAX: Final = 6  # costs are counted in millionths
NONE: Final = ("", "none")

Tokens = Annotated[int, Meta(ge=1, le=TOKENS_MAX)]


class ModelWishes(msgspec.Struct, frozen=True, kw_only=True):
    """A shop's own mode and limits; None: the hub's. Costs are in the currency of its bill."""

    model_mode: Mode | None = None
    model_day_tokens: Tokens | None = None
    model_month_tokens: Tokens | None = None
    model_customer_day_tokens: Tokens | None = None
    model_day_cost: Decimal | None = None
    model_month_cost: Decimal | None = None

    def __post_init__(self) -> None:
        for cost in (self.model_day_cost, self.model_month_cost):
            if cost is not None and not (cost.is_finite() and 0 < cost <= COST_MAX):
                raise ValueError("a limit of cost is above 0")


KEYS: Final = tuple(field.name for field in msgspec.structs.fields(ModelWishes))
COSTS: Final = ("model_day_cost", "model_month_cost")
DEFAULTS: Final = ModelWishes()


@lru_cache(maxsize=256)
def load(settings: str) -> ModelWishes:
    """The wishes in `tenants.settings`; what is not sound counts as not said."""
    return stored.sound(stored.section(settings, SECTION), DEFAULTS)


def change(settings: str, key: str, text: str) -> str:
    """The new `tenants.settings` after `key` was set to what a person typed; BadValueError.

    An empty text or `none` takes the wish back.
    """
    if key not in KEYS:
        raise BadValueError(f"there is no setting {key!r}", f"use one of {', '.join(KEYS)}")
    said = stored.section(settings, SECTION)
    said.pop(key, None)
    typed = text.strip()
    if typed.casefold() not in NONE:
        said[key] = _parse(key, typed)
    return stored.with_section(settings, SECTION, said)


def shown(wishes: ModelWishes) -> dict[str, Any]:
    """Every wish as it was set; None where the hub's own counts."""
    values = msgspec.structs.asdict(wishes)
    return {key: str(value) if key in COSTS and value else value for key, value in values.items()}


def _parse(key: str, text: str) -> str | int:
    if key == "model_mode":
        return _mode(text)
    number = parse_number(text)
    return _cost(text, number) if key in COSTS else _tokens(text, number)


def _mode(text: str) -> str:
    word = text.casefold()
    if word not in get_args(Mode):
        raise BadValueError(f"{_short(text)} is no mode", f"write {', '.join(get_args(Mode))}")
    return word


def _tokens(text: str, number: Decimal | None) -> int:
    if number is None or number != number.to_integral_value() or not 1 <= number <= TOKENS_MAX:
        remedy = f"write a whole number from 1 to {TOKENS_MAX:,}, or none"
        raise BadValueError(f"{_short(text)} is no number of tokens", remedy)
    return int(number)


def _cost(text: str, number: Decimal | None) -> str:
    if number is None or not 0 < number <= COST_MAX:
        remedy = f"write one above 0, at most {COST_MAX:,}, like 2.50, or none"
        raise BadValueError(f"{_short(text)} is no cost", remedy)
    if number != round(number, COST_DECIMALS_MAX):
        remedy = f"write at most {COST_DECIMALS_MAX}"
        raise BadValueError(f"{_short(text)} has too many decimals", remedy)
    return f"{plain(number):f}"


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:39] + "…")
