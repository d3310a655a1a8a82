"""Catalog files as shop owners make them: what is read, and how every fault is named."""

import json
import os
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.commerce.catalog_fields import COLUMNS, Money
from hub.commerce.catalog_file import BYTES_MAX, CatalogRow, read_catalog
from hub.commerce.errors import CatalogError
from hub.commerce.products import Slab

RUPEES = Money("INR", 2)
HEAD = "sku,name,price"


def read(tmp_path: Path, content: str | bytes, name: str = "shop.csv") -> list[CatalogRow]:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_catalog(path, RUPEES)


def faults(tmp_path: Path, content: str, name: str = "shop.csv") -> list[tuple[int, str, str]]:
    with pytest.raises(CatalogError) as caught:
        read(tmp_path, content, name)
    assert "nothing was imported" in str(caught.value)
    return [(fault.row, fault.column, fault.problem) for fault in caught.value.rows]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_separators_marks_and_line_ends(
    tmp_path: Path, separator: str, mark: str, newline: str
) -> None:
    """What spreadsheets write: any of three separators, with or without a byte order mark."""
    lines = [["SKU", "Name ", "Price", "Min Qty"], ["A-1", "चाय", "24.50", "5"]]
    text = mark + newline.join(separator.join(line) for line in lines) + newline
    (row,) = read(tmp_path, text)
    assert row.fields == {"sku": "A-1", "name": "चाय", "price": 2450, "min_qty": 5}


def test_every_column_of_a_csv(tmp_path: Path) -> None:
    """Each column has one form, and an empty cell is None."""
    cells = {
        "sku": "A-1",
        "name": "  Long   name ",
        "price": '"₹ 1,234.50"',
        "description": "=SUM(A1)",
        "category": "",
        "aliases": "tea|chai| |tea",
        "unit": "carton",
        "tax_pct": "18%",
        "hsn": "7318",
        "stock": '"1,200"',
        "min_qty": "5",
        "step": "5.0",
        "packs": "Box=12; carton=144",
        "pieces_per_unit": "3000",
        "slabs": "50:=1100.00; 10:5%",
        "image_url": "https://shop.example/a-1.jpg",
        "active": "No",
    }
    (row,) = read(tmp_path, f"{','.join(cells)}\n{','.join(cells.values())}\n")
    assert row.fields == {
        "sku": "A-1",
        "name": "Long name",
        "price": 123_450,
        "description": "=SUM(A1)",
        "category": None,
        "aliases": ("tea", "chai"),
        "unit": "carton",
        "tax_pct": 18,
        "hsn": "7318",
        "stock": 1200,
        "min_qty": 5,
        "step": 5,
        "packs": {"box": 12, "carton": 144},
        "pieces_per_unit": 3000,
        "slabs": (Slab(Decimal(10), pct=Decimal(5)), Slab(Decimal(50), unit_price=110_000)),
        "image_url": "https://shop.example/a-1.jpg",
        "active": False,
    }
    assert row.fields.keys() == COLUMNS.keys()


@pytest.mark.parametrize("wrapped", [True, False])
def test_json_has_its_own_forms(tmp_path: Path, wrapped: bool) -> None:
    """Lists and objects instead of cells; numbers are taken as they are written."""
    product: dict[str, Any] = {
        "sku": 1001,
        "name": "Tea",
        "price": 0.1,
        "aliases": ["chai"],
        "packs": {"Box": 12},
        "slabs": [{"min_qty": 50, "unit_price": 0.09}, {"min_qty": 10, "pct": 2.5}],
        "active": True,
        "stock": None,
    }
    document = {"products": [product]} if wrapped else [product]
    (row,) = read(tmp_path, json.dumps(document), "shop.json")
    assert row.fields == {
        "sku": "1001",
        "name": "Tea",
        "price": 10,
        "aliases": ("chai",),
        "packs": {"box": 12},
        "slabs": (Slab(Decimal(10), pct=Decimal("2.5")), Slab(Decimal(50), unit_price=9)),
        "active": True,
        "stock": None,
    }


def test_rows_are_counted_as_a_spreadsheet_does(tmp_path: Path) -> None:
    """The header is row 1, blank rows count, and a cell may hold line breaks."""
    text = f'{HEAD}\n,,\nA-1,"two\nlines",1\n\nA-2,,1\n'
    assert faults(tmp_path, text) == [(5, "name", "it is empty")]


def test_columns_without_a_name_at_the_end_are_passed_over(tmp_path: Path) -> None:
    """Spreadsheets write them where a cell once was; what stands in them is not lost silently."""
    (row,) = read(tmp_path, f"{HEAD},,\nA-1,Tea,1,, \n")
    assert row.fields == {"sku": "A-1", "name": "Tea", "price": 100}
    assert faults(tmp_path, f"{HEAD},\nA-1,Tea,1,\nA-2,Tea,1,x\nA-3,Tea,1\n") == [
        (3, "(row)", "a cell stands under no column's name"),
        (4, "(row)", "3 cells under 4 columns"),
    ]


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    """All rows are checked, so that the owner corrects the file in one go."""
    text = f'{HEAD},active\nA-1,Tea,"24,50",yes\n,Tea,-1,perhaps\nA-3,Tea\nA-4,Tea,1,\na-4,Tea,1,\n'
    found = faults(tmp_path, text)
    assert [(row, column) for row, column, _ in found] == [
        (2, "price"),
        (3, "sku"),
        (3, "price"),
        (3, "active"),
        (4, "(row)"),
        (6, "sku"),
    ]
    assert found[-1][2] == "'a-4' stands in row 5 already"


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("price", "1.005"),
        ("price", "1" + "0" * 12),
        ("name", "x" * 201),
        ("name", "bell\x07"),
        ("aliases", "|".join(str(n) for n in range(51))),
        ("tax_pct", "101"),
        ("tax_pct", "many"),
        ("packs", "box; carton=12"),
        ("stock", "-1"),
        ("stock", "1.5005"),
        ("stock", "1000000001"),
        ("min_qty", "0"),
        ("min_qty", "0.0005"),
        ("step", "0"),
        ("step", "half"),
        ("pieces_per_unit", "0"),
        ("packs", "box"),
        ("packs", "=12"),
        ("packs", "box=12; box=10"),
        ("packs", "box=12; Box=10"),
        ("slabs", "10"),
        ("slabs", "10:5"),
        ("slabs", "10:0%"),
        ("slabs", "10:100%"),
        ("slabs", "10:=0"),
        ("slabs", "10:5%; 10.0:6%"),
        ("slabs", "0.0005:5%"),
        ("image_url", "shop.example/a.jpg"),
        ("image_url", "file:///etc/passwd"),
        ("image_url", "https://"),
        ("image_url", "https://user@shop.example/a.jpg"),
        ("image_url", "https://shop.example/a b.jpg"),
        ("image_url", "https://[half/a.jpg"),
        ("active", "perhaps"),
    ],
)
def test_values_that_do_not_fit(tmp_path: Path, column: str, value: str) -> None:
    """Each column refuses what it cannot hold, with the column's name and a remedy."""
    cells = {"sku": "A-1", "name": "Tea", "price": "1"} | {column: value}
    quoted = ",".join(f'"{cell}"' for cell in cells.values())
    assert [fault[:2] for fault in faults(tmp_path, f"{','.join(cells)}\n{quoted}\n")] == [
        (2, column)
    ]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("sku", ["A"]),
        ("name", True),
        ("name", "half a pair \ud800"),
        ("price", True),
        ("price", {"amount": 1}),
        ("tax_pct", []),
        ("stock", False),
        ("active", 2),
        ("aliases", {"a": 1}),
        ("packs", ["box"]),
        ("packs", {"a=b": 12}),
        ("packs", {"a;b": 12}),
        ("aliases", ["tea|chai"]),
        ("slabs", {"min_qty": 1}),
        ("slabs", [{"min_qty": 1}]),
        ("slabs", [{"min_qty": 1, "pct": 5, "unit_price": 1}]),
        ("slabs", ["10:5%"]),
        ("prize", 5),
        ("half \ud800", 5),
    ],
)
def test_json_values_that_do_not_fit(tmp_path: Path, column: str, value: object) -> None:
    """The same holds for JSON, where a value may have any shape and a field any name."""
    product = {"sku": "A-1", "name": "Tea", "price": 1} | {column: value}
    found = faults(tmp_path, json.dumps([product]), "shop.json")
    assert [fault[:2] for fault in found] == [(1, column.replace("\ud800", "?"))]


@pytest.mark.parametrize("column", ["price", "stock", "tax_pct"])
@pytest.mark.parametrize(
    "number", ["9" * 5000, "9" * 101 + ".5", "1e999999999", "1e1000000000000000000"]
)
def test_json_numbers_beyond_all_bounds(tmp_path: Path, column: str, number: str) -> None:
    """A fault of its row like any other; neither quoted nor written out in full."""
    values = {"sku": '"A-1"', "name": '"Tea"', "price": "1"} | {column: number}
    content = "[{" + ",".join(f'"{key}": {value}' for key, value in values.items()) + "}]"
    ((row, found, problem),) = faults(tmp_path, content, "shop.json")
    assert (row, found, len(problem) < 80) == (1, column, True)


def test_a_key_that_stands_twice_is_a_fault_of_its_row(tmp_path: Path) -> None:
    """JSON takes the last one without a word; the owner may have meant the first."""
    sound = '{"sku": "A-1", "name": "Tea", "price": 1}'
    twice = '{"sku": "A-2", "name": "Tea", "price": 1, "price": 2}'
    within = '{"sku": "A-3", "name": "Tea", "price": 1, "packs": {"box": 12, "box": 10}}'
    slabs = '[{"min_qty": 5, "pct": 1, "pct": 2}]'
    deep = f'{{"sku": "A-4", "name": "Tea", "price": 1, "slabs": {slabs}}}'
    assert faults(tmp_path, f"[{sound}, {twice}, {within}, {deep}]", "shop.json") == [
        (2, "price", "it stands in this product twice"),
        (3, "packs", "'box' stands in it twice"),
        (4, "slabs", "'pct' stands in it twice"),
    ]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("lines", "place"),
    [
        (["sku;name;price", "A;Tea;1", "B;Crème;1"], (3, "name")),
        (["sku;name;price;aliases", 'A;"two', 'lines";1;', "B;Tea;1;café"], (3, "aliases")),
        (["sku;name;price", "A;Tea;1;café"], (2, "(row)")),
        (["sku;name;größe", "A;Tea;1"], (1, "gr\ufffd\ufffde")),
    ],
)
def test_the_first_cell_of_another_encoding_is_named(
    tmp_path: Path, lines: list[str], place: tuple[int, str], newline: str
) -> None:
    """What Windows writes as plain CSV is not guessed: its letters could be any country's."""
    with pytest.raises(CatalogError, match="save it as CSV UTF-8") as caught:
        read(tmp_path, newline.join(lines).encode("cp1252"))
    (fault,) = caught.value.rows
    assert (fault.row, fault.column, fault.remedy) == (*place, "save the file as CSV UTF-8")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_text_of_windows_is_read(tmp_path: Path, encoding: str) -> None:
    """UTF-16 with its mark says what it is; spreadsheets put tabs between the cells."""
    mark = "" if encoding == "utf-16" else "\ufeff"
    text = f"{mark}sku\tname\tprice\r\nA-1\tचाय Crème\t24.50\r\n"
    (row,) = read(tmp_path, text.encode(encoding))
    assert row.fields == {"sku": "A-1", "name": "चाय Crème", "price": 2450}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"\nsku,name,price\n", "begins with a blank line"),
        (b"\rsku,name,price\r", "begins with a blank line"),
        (b"sku,name,price\n", "holds no products"),
        (b"sku,name,price\r", "holds no products"),
        (b"sku|name|price\nA|Tea|1\n", "separated by commas, semicolons or tabs"),
        (b"a" * 200_000, "not sound CSV"),
        (b"sku,name\nA,Tea\n", "has no column 'price'"),
        (b"sku,name,price,prize\n", "unknown column 'prize'"),
        (b"sku,name,price,SKU\n", "names a column twice"),
        ("sku,name,price\n".encode("utf-16-le"), "save it as CSV UTF-8"),
        ("sku,name,price\n".encode("utf-32"), "save it as CSV UTF-8"),
        ("sku,name,price\n".encode("utf-16")[:-1], "save it as CSV UTF-8"),
        ('[{"name": "Crème"}]'.encode("cp1252"), "not UTF-8 in line 1"),
        ("crème".encode("cp1252") + b"a" * 200_000, "not UTF-8 in line 1"),
        (b"PK\x03\x04rest", "save the sheet as CSV UTF-8"),
        (b'sku,name,price\nA,Tea,1\nB,"Tea,1\n', "data, in row 3"),
        (b"sku,,name,price\nA,,Tea,1\n", "a column without a name"),
        (b"[1", "not sound JSON"),
        (b"[NaN]", "not sound JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"items": []}', "must be a list of products"),
        (b'{"products": [], "products": []}', "has 'products' twice"),
        (b"[1]", "must be a list of products"),
        (b"[]", "holds no products"),
        (b"a" * (BYTES_MAX + 1), "larger than 16 MB"),
    ],
)
def test_files_that_are_none(tmp_path: Path, content: bytes, says: str) -> None:
    """A file that is no catalog at all gets one sentence with the remedy."""
    with pytest.raises(CatalogError, match=says) as caught:
        read(tmp_path, content)
    assert "\n" not in str(caught.value)
    assert caught.value.rows == ()


def test_a_missing_file(tmp_path: Path) -> None:
    """A path that leads nowhere is named."""
    with pytest.raises(CatalogError, match=r"none\.csv cannot be read"):
        read_catalog(tmp_path / "none.csv", RUPEES)


def test_what_is_no_regular_file(tmp_path: Path) -> None:
    """A pipe that nobody writes to is refused, not waited for; so is a folder."""
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path / "pipe.csv", tmp_path, Path("/dev/null")):
        with pytest.raises(CatalogError, match="give a regular file"):
            read_catalog(path, RUPEES)


@given(
    content=st.binary(max_size=200) | st.text(max_size=200).map(lambda t: f"{HEAD}\n{t}".encode())
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    """Whatever the file holds: rows, or a CatalogError."""
    with suppress(CatalogError):
        assert read(tmp_path, content)
