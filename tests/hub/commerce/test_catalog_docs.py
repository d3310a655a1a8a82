"""The shop owner's page about the file says what the code does."""

import re
from pathlib import Path

from hub.commerce.catalog_fields import COLUMNS, Money
from hub.commerce.catalog_file import read_catalog

PAGE = Path(__file__).parents[3] / "docs" / "catalog.md"


def test_the_examples_are_sound(tmp_path: Path) -> None:
    """Both examples on the page can be imported."""
    examples = re.findall(r"```(csv|json)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert [kind for kind, _ in examples] == ["csv", "json"]
    for kind, text in examples:
        path = tmp_path / f"shop.{kind}"
        path.write_text(text, "utf-8")
        assert read_catalog(path, Money("INR", 2))


def test_every_column_is_described() -> None:
    """The table has one row for each column that a file may have."""
    described = re.findall(r"^\| `(\w+)` \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert sorted(described) == sorted(COLUMNS)
