"""`sak-hub catalog import`."""

from pathlib import Path

import pytest

from tests.hub.cli.conftest import Cli, last_object


@pytest.fixture
def file(cli: Cli) -> Path:
    """An empty place for a catalog file, and a shop to import it into."""
    cli.run("tenant", "add", "Shop A")
    return cli.directory / "catalog.csv"


def test_a_file_is_imported(cli: Cli, file: Path) -> None:
    """The answer counts what was added, changed and left."""
    file.write_text("sku,name,price\nA-1,Blue cup,24.50\nA-2,Red cup,25\n")
    assert cli.facts("catalog", "import", "Shop A", str(file)) == {
        "added": 2,
        "changed": 0,
        "unchanged": 0,
    }
    file.write_text("sku,name,price\nA-1,Blue cup,24.50\nA-2,Red cup,26\n")
    assert cli.lines("catalog", "import", "Shop A", str(file)) == [
        "0 added, 1 changed, 1 unchanged."
    ]


def test_every_wrong_row_is_named_and_nothing_is_imported(cli: Cli, file: Path) -> None:
    """Row, column, fault and remedy, to a person and to a program; all or nothing."""
    file.write_text("sku,name,price\nA-1,Blue cup,24.50\nA-2,,25\nA-3,Cup,much\n")
    result = cli.run("catalog", "import", "Shop A", str(file), "--json")
    assert result.exit_code == 2
    error = last_object(result)["error"]
    assert error["code"] == "bad_catalog"
    assert [(row["row"], row["column"]) for row in error["rows"]] == [(3, "name"), (4, "price")]
    plain = cli.run("catalog", "import", "Shop A", str(file)).stderr.splitlines()
    assert [line.strip().partition(",")[0] for line in plain[1:]] == ["row 3", "row 4"]
    (tenant,) = cli.facts("tenant", "list")["tenants"]
    assert tenant["products"] == 0


def test_a_long_list_of_faults_is_cut_for_people(cli: Cli, file: Path) -> None:
    """A terminal shows twenty faults and how many more there are; a program gets all."""
    rows = "".join(f"A-{n},Cup,much\n" for n in range(30))
    file.write_text(f"sku,name,price\n{rows}")
    plain = cli.run("catalog", "import", "Shop A", str(file)).stderr.splitlines()
    assert len(plain) == 22
    assert plain[-1].strip() == "and 10 more; --json shows them all"
    result = cli.run("catalog", "import", "Shop A", str(file), "--json")
    assert len(last_object(result)["error"]["rows"]) == 30


def test_a_missing_file_or_shop_is_told(cli: Cli, file: Path) -> None:
    """One sentence for each."""
    assert cli.failure("catalog", "import", "Shop A", str(file))[0] == "bad_catalog"
    assert cli.failure("catalog", "import", "Nowhere", str(file))[0] == "unknown_tenant"


def test_a_dry_run_says_what_would_change(cli: Cli, file: Path) -> None:
    """Each new product and each changed cell, to a person and to a program; nothing is changed."""
    file.write_text("sku,name,price\nA-1,Blue cup,24.50\n")
    cli.run("catalog", "import", "Shop A", str(file))
    file.write_text("sku,name,price,unit\nA-1,Blue mug,25,\nA-2,Red cup,25,box\n")
    dry = ("catalog", "import", "Shop A", str(file), "--dry-run")
    assert cli.lines(*dry) == [
        "+ A-2",
        "~ A-1: name Blue cup -> Blue mug; price 24.50 -> 25.00",
        "Nothing was imported. It would be: 1 added, 1 changed, 0 unchanged.",
    ]
    facts = cli.facts(*dry)
    assert (facts["dry_run"], facts["added"], facts["new_skus"]) == (True, 1, ["A-2"])
    assert facts["changes"][0]["cells"]["price"] == ["24.50", "25.00"]
    assert cli.facts("catalog", "list", "Shop A")["count"] == 1
    file.write_text("sku,name,price\nA-1,Blue cup,x\n")
    assert cli.run(*dry).exit_code == 2


def test_a_long_dry_run_is_cut_for_people(cli: Cli, file: Path) -> None:
    """Twenty lines, and how many more there are."""
    rows = "".join(f"A-{n},Cup,1\n" for n in range(30))
    file.write_text(f"sku,name,price\n{rows}")
    lines = cli.lines("catalog", "import", "Shop A", str(file), "--dry-run")
    assert (len(lines), lines[20]) == (22, "and 10 more; --json shows them all")


@pytest.mark.parametrize("suffix", ["csv", "JSON"])
def test_an_export_comes_back_unchanged(cli: Cli, suffix: str) -> None:
    """Every sample shop, in both formats; a file that is there is not overwritten."""
    for shop in cli.facts("tenant", "add-samples")["tenants"]:
        path = cli.directory / f"{shop['sample']}.{suffix}"
        facts = cli.facts("catalog", "export", shop["name"], str(path))
        before = cli.facts("catalog", "list", shop["name"], "--limit", "1000")
        assert facts["products"] == before["count"] > 0
        done = cli.facts("catalog", "import", shop["name"], str(path))
        assert (done["added"], done["changed"]) == (0, 0)
        assert cli.facts("catalog", "list", shop["name"], "--limit", "1000") == before
        assert cli.failure("catalog", "export", shop["name"], str(path))[0] == "file_exists"
    wrong = str(cli.directory / "shop.xlsx")
    assert cli.failure("catalog", "export", "Noor Gifts", wrong)[0] == "bad_value"


def test_an_exported_csv_names_its_encoding(cli: Cli) -> None:
    """Spreadsheet programs read it as UTF-8 only with the mark."""
    cli.run("tenant", "add-samples", "noor")
    path = cli.directory / "noor.csv"
    cli.run("catalog", "export", "Noor Gifts", str(path))
    assert path.read_bytes().startswith(b"\xef\xbb\xbfsku,")


def test_products_are_listed_and_searched(cli: Cli) -> None:
    """All by code with prices as the shop writes them, or what a customer would find."""
    assert cli.failure("catalog", "list", "Nowhere")[0] == "unknown_tenant"
    cli.run("tenant", "add", "Empty")
    assert cli.lines("catalog", "list", "Empty") == ["No products yet."]
    cli.run("tenant", "add-samples", "fasteners")
    shop = "Sample Fasteners"
    assert cli.facts("catalog", "list", shop)["count"] == 67
    lines = cli.lines("catalog", "list", shop, "--limit", "2")
    assert (len(lines), lines[-1]) == (4, "and 65 more; --limit shows them")
    found = cli.facts("catalog", "list", shop, "--query", "hand rivetter")["products"]
    assert [product["sku"] for product in found] == ["TOOL-RIV"]
    (_, row) = cli.lines("catalog", "list", shop, "--query", "hand rivetter")
    assert "₹640.00" in row
    assert cli.lines("catalog", "list", shop, "--query", "umbrella") == ["No such products."]
    assert cli.lines("catalog", "list", shop, "--query", "") == ["No such products."]
