"""What a shop owner is told about linking: how, why it did not work, and why a link ended."""

from typing import Final, Literal

Why = Literal["unused", "no_code", "refused", "other_number"]
"""Why a round of codes ended without a link."""

AGAIN: Final = "to begin again press *Link* in the panel or run `sak-agent link`."
HOW_QR: Final = (
    "Link WhatsApp: on the shop's phone open WhatsApp, Linked devices, Link a device, and scan the "
    "code that the panel or `sak-agent link` shows."
)
HOW_CODE: Final = (
    "Link WhatsApp: on the shop's phone open WhatsApp, Linked devices, Link a device, Link with "
    "phone number instead, and type the code."
)
HOW_SCAN: Final = (
    "On the shop's phone open WhatsApp, Linked devices, Link a device, and scan this code."
)
IS_LINKED: Final = (
    "WhatsApp is linked already: to link another phone remove this PC on the phone first, under "
    "Linked devices."
)
OTHER_PHONE: Final = (
    "This is another number than the shop's: give the one that was linked before, or "
    "`--new-number` if the shop has a new one."
)
NO_WINDOW: Final = "The browser's window cannot be shown on this computer: link without it."

_ENDS: Final[dict[Why, str]] = {
    "unused": f"No phone used the codes: have the phone at hand; {AGAIN}",
    "no_code": f"WhatsApp gave no code: check this PC's internet and its free disk space; {AGAIN}",
    "refused": "WhatsApp gives no code for this number now: check the number, wait an hour, or use "
    f"the QR; {AGAIN}",
    "other_number": "The phone that was linked has another number than this shop's, and was not "
    "taken: use the shop's phone, or run `sak-agent link --new-number` if the number is new.",
}

GROUP: Final = "code_"  # begins the names of groups of reasons, as the page's address has them
_ON_THE_PHONE: Final = "somebody removed this PC on the phone, under Linked devices"
_NOT_SYNCED: Final = "the phone did not hand over its chats in time; keep it on and online"
_STORAGE: Final = "the browser could not store; check the disk's free space"
_MIGRATED: Final = "WhatsApp changed how it names numbers and could not take this link along"
_BROKEN: Final = "WhatsApp could not read its own data here"
_REASONS: Final = {
    "user_initiated": f"the link was ended here, or {_ON_THE_PHONE}",
    "unknown_companion": f"the phone does not know this PC any more: {_ON_THE_PHONE}, or the phone "
    "was not used for 14 days",
    "invalid_adv_status": _ON_THE_PHONE,
    "md_opt_out": _ON_THE_PHONE,
    "account_locked": "WhatsApp locked this number; open WhatsApp on the phone and read why",
    "primary_identity_key_change": "WhatsApp was installed anew on the phone, or moved to another",
    "client_version_outdated": "this WhatsApp Web is too old; start the agent again",
    "critical_sync_timeout": _NOT_SYNCED,
    "syncd_timeout": _NOT_SYNCED,
    "history_sync_timeout": _NOT_SYNCED,
    "account_sync_timeout": _NOT_SYNCED,
    "storage_quota_exceeded": _STORAGE,
    "web_fail_storage_initialization": _STORAGE,
    "cache_storage_open_failed": _STORAGE,
    "code_0": "WhatsApp Web had an error that it could not mend",
    "code_1": _BROKEN,
    "code_2": _NOT_SYNCED,
    "code_3": "WhatsApp locked this number; open WhatsApp on the phone and read why",
}
_UNSAID: Final = (
    f"it does not say why; usual reasons: {_ON_THE_PHONE}, the phone was not used for 14 days, or "
    "the link was not used for 30"
)


def invites(advice: str) -> bool:
    """Whether an advice is to use a code."""
    return advice.endswith((HOW_QR, HOW_CODE))


def ends(why: Why) -> str:
    """Why the last codes did not lead to a link."""
    return _ENDS[why]


def logout(reason: str | None) -> str:
    """Why WhatsApp ended the link, and what to do; `reason` is WhatsApp's own word."""
    return f"WhatsApp ended the link with this PC: {_meaning(reason)}; {AGAIN}"


def _meaning(reason: str | None) -> str:
    if reason is None:
        return _UNSAID
    if reason.startswith("lid_"):
        return _MIGRATED
    if reason.startswith(("syncd_", "account_sync", "missing_", "web_fail")):
        return _REASONS.get(reason, _BROKEN)
    return _REASONS.get(reason, _UNSAID)
