"""The words of a message: what its signs say of a number is said by words, too.

`₹500` is read as `rs 500`, `-5` as `minus 5`, `2-3` as `2 either 3`, `½ kg` as `0.5 kg`. Numbers
that are known by their form, like a postcode, get a word in front that makes them no quantity.
"""

import re
import unicodedata
from decimal import Decimal
from typing import Final

from hub.assistant.tables import Tables, fold
from hub.commerce.words import MEASURES, normalise

MINUS: Final = "minus"
CURRENCY: Final = "rs"
PERCENT: Final = "percent"
APPROVAL: Final = "thumbsup"
EITHER: Final = "either"
POSTCODE: Final = "postcode"
SIGNS: Final = frozenset({MINUS, CURRENCY, PERCENT, APPROVAL, EITHER, POSTCODE})

LINES_NUMBERED_MIN: Final = 2

_FOREIGN_COMMA: Final = "٬"
_FOREIGN_POINTS: Final = str.maketrans(
    {"٫": ".", _FOREIGN_COMMA: ",", "\u2044": "/", "–": "-", "−": "-"}
)
_GROUPED: Final = re.compile(r"(?<![\w.,*×])\d{1,3}(?:(?:,\d\d)*,\d{3})+(?![\d*×]|,\d|[xX]\d)")
_VULGAR: Final = re.compile(r"(\d*)\s?([¼½¾⅛⅜⅝⅞⅓⅔])")
_NOT_INCH: Final = r'(?!\s*(?:inch|in\b|["″”]|mm))'  # 1/2 inch is a size
_FRACTION: Final = re.compile(
    rf"(?<![\w.,/*×])(?:(\d{{1,4}})[\s-]+)?([1357])\s?/\s?([248])(?![\d/]|\.\d){_NOT_INCH}"
)
_SLASHED: Final = re.compile(rf"(?<![\w.,/])(\d{{1,4}})/(\d{{1,4}})(?![\w/]|\.\d){_NOT_INCH}")
_RANGE: Final = re.compile(r"(?<![\w.,/*×-])(\d{1,4}) ?- ?(\d{1,4})(?![\d.,/*×]|-|[xX]\d)")
_MINUS_SIGN: Final = re.compile(r"(?<!\S)-(?=\d)")
_CURRENCY_SIGN: Final = re.compile(r"[₹$€£¥]|\brs\.?(?=\s?\d)|(?<!\w)@(?=\s?\d)", re.IGNORECASE)
_PRICE_END: Final = re.compile(r"(\d)\s?/-")
_APPROVAL_SIGN: Final = re.compile("[👍👌]")
_INCH_SIGN: Final = re.compile(r'(?<![\w.*×"])(\d+(?:\.\d+)?)["″”](?!\w)')
_PHONE: Final = re.compile(r"(?<![\w.,])(?:\+|00)?\d[\d ()-]{8,17}\d(?![\w])")
_POSTCODE: Final = re.compile(
    r"(?<![\w.,/-])(?:(?<=pin )|(?<=pincode )|(?<=pin code )|(?=\d{6}))"
    r"([1-8]\d{2}) ?(?!000)(\d{3})(?!\w|[.,/-]\d)",
    re.IGNORECASE,
)
_ORDER_NO: Final = re.compile(r"(?<!\w)(?:[A-Za-z]-\d{4,}|#\s?\d+)(?!\w)")
_ENDLESS: Final = re.compile(r"(\d{16})\d+")  # no number of ours is longer
_TIME: Final = re.compile(r"(?<![\w:])\d{1,2}:\d{2}(?![\w:])")
_COUNTING: Final = re.compile(r"\s*(\d{1,2})\s*[.):]\s*(?!\d)")
_STUCK_AND: Final = "و"


def words_of(text: str, tables: Tables | None = None) -> list[str]:
    """The words of a message; with `tables` also those that a language sticks together."""
    words = normalise(_spoken(text)).split()
    return words if tables is None else _loosened(words, tables)


def without_counting(lines: list[str]) -> list[str]:
    """The lines of a list without their numbers, which count 1. 2. 3.; others may be around it."""
    heads = [_COUNTING.match(_folded_digits(line)) for line in lines if line.strip()]
    numbers = [int(head[1]) for head in heads if head is not None]
    least = LINES_NUMBERED_MIN + (len(numbers) < len(heads))
    if len(numbers) < least or numbers != list(range(1, len(numbers) + 1)):
        return lines
    return [_COUNTING.sub("", _folded_digits(line), count=1) for line in lines]


def held_together(text: str) -> str:
    """The text with other signs in place of the commas inside of numbers, which part nothing."""
    plain = _folded_digits(text).translate(_FOREIGN_POINTS)
    return _GROUPED.sub(lambda hit: hit[0].replace(",", _FOREIGN_COMMA), plain)


def _spoken(text: str) -> str:
    text = _VULGAR.sub(_vulgar, _ENDLESS.sub(r"\1", text))
    text = _folded_digits(text).translate(_FOREIGN_POINTS)
    text = _TIME.sub(" ", _ORDER_NO.sub(" ", text))
    text = _PHONE.sub(_phone, text)
    text = _POSTCODE.sub(rf"{POSTCODE} \1\2", text)
    text = _GROUPED.sub(lambda hit: hit[0].replace(",", ""), text).replace(",", ", ")
    text = _PRICE_END.sub(rf"\1 {CURRENCY} ", text)
    text = _FRACTION.sub(_fraction, text)
    text = _SLASHED.sub(_slashed, text)
    text = _RANGE.sub(_range, text)
    text = _MINUS_SIGN.sub(f"{MINUS} ", text)
    text = _CURRENCY_SIGN.sub(f" {CURRENCY} ", text)
    text = _INCH_SIGN.sub(r"\1 inch", text)
    text = _APPROVAL_SIGN.sub(f" {APPROVAL} ", text)
    return text.replace("%", f" {PERCENT} ")


def _folded_digits(text: str) -> str:
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)


def _vulgar(hit: re.Match[str]) -> str:
    """`2½` as 2 1/2."""
    top, bottom = unicodedata.normalize("NFKC", hit[2]).split("\u2044")
    return f"{hit[1]} {top}/{bottom}"


def _phone(hit: re.Match[str]) -> str:
    """A number in groups as one word, if it has as many digits as a phone's."""
    groups = hit[0].replace("(", " ").replace(")", " ").replace("-", " ").split()
    digits = "".join(groups).lstrip("+")
    far = hit[0].startswith(("+", "00"))
    grouped = far or all(len(group) >= 3 for group in groups[1:])
    return digits if grouped and 10 <= len(digits) <= 15 else hit[0]


def _fraction(hit: re.Match[str]) -> str:
    whole, top, bottom = Decimal(hit[1] or 0), Decimal(hit[2]), Decimal(hit[3])
    if top >= bottom or (hit[1] is None and top > 1 and bottom == top + 1):
        measured = re.match(r"\s*([^\W\d]+)", hit.string[hit.end() :])
        if top >= bottom or measured is None or MEASURES.get(measured[1].casefold()) is None:
            return hit[0]  # 3/4 boxes: three or four
    return f"{whole + top / bottom}"


def _slashed(hit: re.Match[str]) -> str:
    """`3/4 boxes` is three or four of them, `6/40` a size."""
    first, second = int(hit[1]), int(hit[2])
    if first + 1 == second:
        return f"{first} {EITHER} {second}"
    return hit[0] if first < second and second in (2, 3, 4, 8, 16, 32, 64) else f"{first}x{second}"


def _range(hit: re.Match[str]) -> str:
    return f"{hit[1]} {EITHER} {hit[2]}" if int(hit[1]) <= int(hit[2]) else hit[0]


def _loosened(words: list[str], tables: Tables) -> list[str]:
    """The words with the Arabic "and" apart from the number that it is stuck to."""
    loose: list[str] = []
    for at, word in enumerate(words):
        rest = [word[1:], *words[at + 1 : at + 2]] if word.startswith(_STUCK_AND) else []
        apart = bool(rest) and _counts([fold(part) for part in rest], tables)
        loose.extend([_STUCK_AND, word[1:]] if apart else [word])
    return loose


def _counts(words: list[str], tables: Tables) -> bool:
    """Whether with the first of `words` an amount may begin."""
    first = words[0]
    if not first or first[0].isdigit() or first in tables.duals:
        return bool(first)
    return tables.numbers.at(words, 0) is not None or tables.times.at(words, 0) is not None
