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
    assert plain[-1].strip() == "and 10 more"
    result = cli.run("catalog", "import", "Shop A", str(file), "--json")
    assert len(last_object(result)["error"]["rows"]) == 30


def test_a_missing_file_or_shop_is_told(cli: Cli, file: Path) -> None:
    """One sentence for each."""
    assert cli.failure("catalog", "import", "Shop A", str(file))[0] == "bad_catalog"
    assert cli.failure("catalog", "import", "Nowhere", str(file))[0] == "unknown_tenant"
