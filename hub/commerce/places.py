"""CORE: places as people write them, and the states of India as GST numbers them.

The numbers are those of form GST REG-01 (rules of the CGST Act 2017).
"""

import unicodedata
from collections.abc import Mapping
from typing import Final

STATES: Final[Mapping[str, tuple[str, ...]]] = {
    "01": ("Jammu and Kashmir", "J&K", "JK"),
    "02": ("Himachal Pradesh", "HP"),
    "03": ("Punjab", "PB"),
    "04": ("Chandigarh", "CH"),
    "05": ("Uttarakhand", "Uttaranchal", "UK"),
    "06": ("Haryana", "HR"),
    "07": ("Delhi", "New Delhi", "NCT of Delhi", "DL"),
    "08": ("Rajasthan", "RJ"),
    "09": ("Uttar Pradesh", "UP"),
    "10": ("Bihar", "BR"),
    "11": ("Sikkim", "SK"),
    "12": ("Arunachal Pradesh", "AR"),
    "13": ("Nagaland", "NL"),
    "14": ("Manipur", "MN"),
    "15": ("Mizoram", "MZ"),
    "16": ("Tripura", "TR"),
    "17": ("Meghalaya", "ML"),
    "18": ("Assam", "AS"),
    "19": ("West Bengal", "WB"),
    "20": ("Jharkhand", "JH"),
    "21": ("Odisha", "Orissa", "OD"),
    "22": ("Chhattisgarh", "Chattisgarh", "CG"),
    "23": ("Madhya Pradesh", "MP"),
    "24": ("Gujarat", "GJ"),
    "26": ("Dadra and Nagar Haveli and Daman and Diu", "Dadra and Nagar Haveli", "Daman and Diu"),
    "27": ("Maharashtra", "MH"),
    "29": ("Karnataka", "KA"),
    "30": ("Goa", "GA"),
    "31": ("Lakshadweep", "LD"),
    "32": ("Kerala", "KL"),
    "33": ("Tamil Nadu", "TN"),
    "34": ("Puducherry", "Pondicherry", "PY"),
    "35": ("Andaman and Nicobar Islands", "Andaman and Nicobar", "AN"),
    "36": ("Telangana", "TS", "TG"),
    "37": ("Andhra Pradesh", "AP"),
    "38": ("Ladakh", "LA"),
    "97": ("Other Territory",),
}
"""Code -> the state's name first, then what else people write."""

FORMER: Final[Mapping[str, str]] = {"25": "26", "28": "37"}
"""Codes of states that are no more, which numbers may still bear: Daman and Diu, old Andhra."""

WITHOUT_LEGISLATURE: Final = frozenset({"04", "26", "31", "35", "38", "97"})
"""Where the second half of the tax is the Union Territory's (UTGST Act 2017)."""


def place_key(text: str) -> str:
    """A place or postcode as it is compared: letters and digits alone, without accents.

    `411 004` is `411004`, `٤١١` is `411`, `Sao Paulo` is `São Paulo`, and `ابوظبي` is `أبوظبي`.
    """
    folded = unicodedata.normalize("NFKD", text).casefold()
    return "".join(filter(None, map(_kept, folded)))


def _kept(char: str) -> str:
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    accent = unicodedata.combining(char)
    if accent >= 200 or 27 <= accent <= 35:  # accents above and below; Arabic short vowels
        return ""
    return char if unicodedata.category(char)[0] in "LM" else ""


def state_code(text: str) -> str | None:
    """The state that a person wrote, by its number, name or short name; None for none of India."""
    key = place_key(text)
    if key.isdecimal():
        code = key.zfill(2)
        return FORMER.get(code, code) if code in STATES or code in FORMER else None
    return _BY_NAME.get(key)


_BY_NAME: Final[Mapping[str, str]] = {
    place_key(name): code for code, names in STATES.items() for name in names
}
