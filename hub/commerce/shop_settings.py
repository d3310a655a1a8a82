"""Everything that a shop may set: each key in the part of `tenants.settings` where it belongs."""

from typing import Final

from hub.commerce import model_wishes, price_settings, shop_profile
from hub.commerce.catalog_fields import Money
from hub.commerce.errors import BadValueError
from hub.store import policy

KEYS: Final = (*policy.KEYS, *shop_profile.KEYS, *price_settings.KEYS, *model_wishes.KEYS)


def change(settings: str, key: str, text: str, money: Money) -> str:
    """The new `tenants.settings` after `key` was set to what a person typed; BadValueError.

    PolicyError for a rule of its conversations that does not fit.
    """
    if key in policy.KEYS:
        return policy.change(settings, key, text)
    if key in shop_profile.KEYS:
        return shop_profile.change(settings, key, text, money.currency)
    if key in price_settings.KEYS:
        return price_settings.change(settings, key, text, money)
    if key in model_wishes.KEYS:
        return model_wishes.change(settings, key, text)
    raise BadValueError(f"there is no setting {key!r}", f"use one of {', '.join(KEYS)}")
