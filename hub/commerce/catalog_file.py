"""A catalog file as a shop owner made it: CSV or JSON, read into rows of checked fields."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any, Final

import msgspec

from hub.commerce.catalog_fields import COLUMNS, REQUIRED, Money
from hub.commerce.errors import BadValueError, CatalogError, RowError

BYTES_MAX: Final = 16 * 1024 * 1024
"""About 100,000 products; a larger file is hardly a price list."""

SEPARATORS: Final = (",", ";", "\t")
DIGITS_MAX: Final = 40
"""Of a JSON number, as it stands or written out: far more than any column takes."""

_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")  # what spreadsheets call "Unicode text"
_JSON_STARTS: Final = ("[", "{")
_ZIP: Final = b"PK\x03\x04"
_UNREADABLE: Final = "\N{REPLACEMENT CHARACTER}"


class CatalogRow(msgspec.Struct, frozen=True):
    """One product of the file: only the fields that the file speaks of, None where left empty."""

    number: int
    sku: str
    fields: dict[str, Any]


class _Raw(msgspec.Struct, frozen=True):
    number: int
    cells: Mapping[str, object]


class _Object(dict[str, Any]):
    """A JSON object, and the keys that stand in it more than once."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        counted = Counter(key for key, _ in pairs) if len(self) < len(pairs) else {}
        self.doubled = [key for key, count in counted.items() if count > 1]


def read_catalog(path: Path, money: Money) -> list[CatalogRow]:
    """The rows of the file at `path`; CatalogError names everything that is wrong with it."""
    text = _decode(_load(path), path.name)
    faults: list[RowError] = []
    read = _from_json if _is_json(path, text) else _from_csv
    raws = read(text, path.name, faults)
    rows = [row for raw in raws if (row := _check(raw, money, faults)) is not None]
    faults += _repeated(rows)
    if faults:
        faults.sort(key=lambda fault: fault.row)
        raise CatalogError(_summary(path.name, len(faults)), tuple(faults))
    if not rows:
        raise CatalogError(f"{path.name} holds no products; add one row for each product")
    return rows


def _summary(name: str, count: int) -> str:
    faults = "1 fault" if count == 1 else f"{count} faults"
    return f"{name} has {faults}; nothing was imported, correct the rows named and try again"


def _load(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for, perhaps for ever
            raise CatalogError(f"{path} is a folder, a pipe or a device; give a regular file")
        with path.open("rb") as file:
            content = file.read(BYTES_MAX + 1)
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise CatalogError(f"{path} cannot be read ({reason}); check the path") from None
    if len(content) > BYTES_MAX:
        limit = BYTES_MAX // 1024 // 1024
        raise CatalogError(f"{path.name} is larger than {limit} MB; split it into several files")
    return content


def _decode(content: bytes, name: str) -> str:
    if content.startswith(_ZIP):
        raise CatalogError(f"{name} is a workbook or archive; save the sheet as CSV UTF-8")
    try:
        text = content.decode("utf-16" if content.startswith(_UTF16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_utf8(content, name, error) from None
    if "\0" in text:
        raise CatalogError(f"{name} is not plain UTF-8 text; save it as CSV UTF-8")
    if not text.strip():
        raise CatalogError(f"{name} is empty; its first row must name the columns")
    return text


def _not_utf8(content: bytes, name: str, error: UnicodeDecodeError) -> CatalogError:
    """Which line is in another encoding and, where there are cells, which cell."""
    line = len(content[: error.start + 1].splitlines())
    summary = f"{name} is not UTF-8 in line {line}; save it as CSV UTF-8"
    text = content.decode("utf-8-sig", "replace")
    is_table = not text.lstrip().startswith(_JSON_STARTS) and "\0" not in text
    return CatalogError(summary, tuple(islice(_garbled(text), 1)) if is_table else ())


def _garbled(text: str) -> Iterator[RowError]:
    """A fault for each cell of a CSV with letters that could not be read."""
    with suppress(csv.Error):
        header, separator = _columns(text)
        for number, cells in enumerate(_reader(text, separator), start=1):
            for column, cell in zip(chain(header, repeat("(row)")), cells, strict=False):
                if _UNREADABLE in cell:
                    problem = f"{_short(cell)} has letters in another encoding"
                    yield RowError(number, column, problem, "save the file as CSV UTF-8")


def _is_json(path: Path, text: str) -> bool:
    return path.suffix.casefold() == ".json" or text.lstrip().startswith(_JSON_STARTS)


def _from_json(text: str, name: str, faults: list[RowError]) -> list[_Raw]:
    try:
        document = json.loads(
            text,
            parse_int=_whole_number,
            parse_float=_number,
            parse_constant=_no_constant,
            object_pairs_hook=_Object,
        )
    except RecursionError:
        raise CatalogError(f"{name} is nested too deeply; give a list of products") from None
    except ValueError as error:
        raise CatalogError(f"{name} is not sound JSON ({error}); correct it there") from None
    if isinstance(document, _Object) and document.doubled:
        raise CatalogError(f"{name} has {document.doubled[0]!r} twice; keep one of them")
    items = document.get("products") if isinstance(document, dict) else document
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise CatalogError(f'{name} must be a list of products, or {{"products": [...]}}')
    for number, item in enumerate(items, start=1):
        faults += _doubled(number, item)
    return [_Raw(number, item) for number, item in enumerate(items, start=1)]


def _doubled(number: int, product: _Object) -> Iterator[RowError]:
    """A fault for each key that the product, or a value of it, has twice: which one is meant?"""
    remedy = "keep one of them"
    for key in product.doubled:
        yield RowError(number, _shown(key), "it stands in this product twice", remedy)
    for column, value in product.items():
        parts = value if isinstance(value, list) else [value]
        for key in (key for part in parts if isinstance(part, _Object) for key in part.doubled):
            yield RowError(number, _shown(column), f"{key!r} stands in it twice", remedy)


def _whole_number(digits: str) -> int | str:
    return int(digits) if len(digits) <= DIGITS_MAX else digits


def _number(digits: str) -> Decimal | str:
    """The number; its text where no column takes that much, so that the column says so."""
    try:
        number = Decimal(digits) if len(digits) <= DIGITS_MAX else None
    except InvalidOperation:  # an exponent beyond all bounds
        return digits
    return digits if number is None or abs(number.adjusted()) > DIGITS_MAX else number


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def _from_csv(text: str, name: str, faults: list[RowError]) -> list[_Raw]:
    raws = []
    try:
        header, separator = _header(text, name)
        named = _named(header)
        for number, cells in _records(text, separator):
            if len(cells) != len(header):
                faults.append(_ragged(number, len(cells), len(header)))
            elif any(cell.strip() for cell in cells[len(named) :]):
                problem = "a cell stands under no column's name"
                faults.append(RowError(number, "(row)", problem, "name the column, or empty it"))
            else:
                raws.append(_Raw(number, dict(zip(named, cells, strict=False))))
    except csv.Error as error:
        raise CatalogError(f"{name} is not sound CSV ({error}); check its quotes") from None
    return raws


def _records(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The rows under the header that are not blank, numbered as a spreadsheet does."""
    for number, cells in enumerate(_reader(text, separator), start=1):
        if number > 1 and any(cell.strip() for cell in cells):
            yield number, cells


def _reader(text: str, separator: str) -> Iterator[list[str]]:
    read = 0
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        for cells in rows:
            yield cells
            read += 1
    except csv.Error as error:
        raise csv.Error(f"{error}, in row {read + 1}") from None


def _ragged(number: int, cells: int, columns: int) -> RowError:
    remedy = "put cells that contain the separator in double quotes"
    if cells < columns:
        remedy = "leave no cell of a row out, not even an empty one"
    return RowError(number, "(row)", f"{cells} cells under {columns} columns", remedy)


def _header(text: str, name: str) -> tuple[list[str], str]:
    """The column names, which are checked, and the separator."""
    if text[0] in "\r\n":
        raise CatalogError(f"{name} begins with a blank line; its first row must name the columns")
    header, separator = _columns(text)
    _check_columns(_named(header), name)
    return header, separator


def _named(header: list[str]) -> list[str]:
    """Without the nameless ones at the end: a spreadsheet writes those that it once had."""
    return header[: max((end for end, column in enumerate(header, start=1) if column), default=0)]


def _columns(text: str) -> tuple[list[str], str]:
    """The cells of the first row, and the separator that yields the most known ones."""
    first = io.StringIO(text, newline="").readline()  # whatever ends it: \n, \r\n or \r
    headers = {
        separator: [_column(cell) for cell in next(csv.reader([first], delimiter=separator), [])]
        for separator in SEPARATORS
    }
    separator = max(SEPARATORS, key=lambda sign: len(COLUMNS.keys() & headers[sign]))
    return headers[separator], separator


def _column(cell: str) -> str:
    return "_".join(cell.casefold().replace("_", " ").split())


def _check_columns(header: list[str], name: str) -> None:
    if not COLUMNS.keys() & header:
        raise CatalogError(
            f"{name} names no known column in its first row; "
            "name them there, separated by commas, semicolons or tabs"
        )
    if missing := [column for column in REQUIRED if column not in header]:
        names = ", ".join(map(repr, missing))
        raise CatalogError(f"{name} has no column {names}; its first row must name the columns")
    if "" in header:
        raise CatalogError(f"{name} has a column without a name; name it, or remove it")
    if unknown := [column for column in header if column not in COLUMNS]:
        known = ", ".join(COLUMNS)
        raise CatalogError(
            f"{name} has the unknown column {unknown[0]!r}; rename or remove it (known: {known})"
        )
    if len(set(header)) != len(header):
        raise CatalogError(f"{name} names a column twice; keep one of them")


def _check(raw: _Raw, money: Money, faults: list[RowError]) -> CatalogRow | None:
    """The row's fields; what does not fit goes to `faults` instead."""
    fields: dict[str, Any] = {}
    before = len(faults)
    for column in dict.fromkeys((*REQUIRED, *raw.cells)):
        try:
            fields[column] = _field(column, raw.cells.get(column), money)
        except BadValueError as fault:
            faults.append(RowError(raw.number, _shown(column), fault.problem, fault.remedy))
    return CatalogRow(raw.number, fields["sku"], fields) if len(faults) == before else None


def _short(cell: str) -> str:
    return repr(cell if len(cell) <= 40 else cell[:39] + "…")


def _shown(column: str) -> str:
    """A field's name that any output takes; JSON allows halves of characters."""
    return column.encode("utf-8", "replace").decode()


def _field(column: str, value: object, money: Money) -> Any:
    if column not in COLUMNS:
        raise BadValueError("this field is not known", f"use one of {', '.join(COLUMNS)}")
    if value is None or (isinstance(value, str) and not value.strip()):
        if column in REQUIRED:
            raise BadValueError("it is empty", f"every product needs its {column}")
        return None
    return COLUMNS[column](value, money)


def _repeated(rows: list[CatalogRow]) -> list[RowError]:
    first: dict[str, int] = {}
    faults = []
    for row in rows:
        earlier = first.setdefault(row.sku.casefold(), row.number)
        if earlier != row.number:
            problem = f"{row.sku!r} stands in row {earlier} already"
            faults.append(RowError(row.number, "sku", problem, "keep one row for each product"))
    return faults
