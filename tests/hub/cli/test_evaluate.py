"""`sak-hub eval`."""

import json
from pathlib import Path

from hub.evaluation.report import facts
from tests.hub.cli.conftest import Cli, last_object

FILE = """
tenants:
  kiosk: {name: Corner Kiosk, currency: INR, locale: en_IN, tz: Asia/Kolkata}
products:
- {tenant: kiosk, sku: PEN-1, name: Blue Pen, price: 1000}
customers:
  asha: {tenant: kiosk, phone: '+919800000001'}
dialogues:
- {id: good, tenant: kiosk, customer: asha, turns: [{say: price of blue pen, money: [1000]}]}
- {id: dear, tenant: kiosk, customer: asha, turns: [{say: price of blue pen, money: [1001]}]}
"""


def written(tmp_path: Path, text: str = FILE) -> str:
    path = tmp_path / "own.yaml"
    path.write_text(text, "utf-8")
    return str(path)


def test_a_failure_is_told_and_the_last_line_counts(cli: Cli, tmp_path: Path) -> None:
    """What was said, expected and what came; exit code 1; the hub's own database is not opened."""
    result = cli.run("eval", written(tmp_path))
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert lines[0] == "passed  good"
    assert "      said      price of blue pen" in lines
    assert "      expected  money: 1001" in lines
    assert "      came      1000" in lines
    counts = last_object(result)
    assert {key: counts[key] for key in facts([])} == {
        "passed": 1,
        "failed": 1,
        "skipped": 0,
        "total": 2,
        "failures": counts["failures"],
    }
    assert counts["failures"][0]["id"] == "dear"
    assert not cli.path.exists()


def test_json_is_one_line_and_only_names_dialogues(cli: Cli, tmp_path: Path) -> None:
    """Nothing else is printed; an unknown id is refused."""
    result = cli.run("eval", written(tmp_path), "--only", "good", "--engine", "embedded", "--json")
    assert result.exit_code == 0
    assert json.loads(result.output)["total"] == 1
    failure = cli.failure("eval", written(tmp_path), "--only", "best")
    assert failure == ("unknown_dialogue", "The file has no dialogue best.")


def test_a_bad_file_is_one_sentence(cli: Cli, tmp_path: Path) -> None:
    """With exit code 2."""
    assert cli.failure("eval", str(tmp_path / "none.yaml"))[0] == "usage"
    bad = written(tmp_path, FILE.replace("price: 1000", "price: dear"))
    code, message = cli.failure("eval", bad)
    assert code == "bad_file"
    assert "products" in message


def test_a_dialogue_that_cannot_be_held_fails(cli: Cli, tmp_path: Path) -> None:
    """By its name; the others are held."""
    result = cli.run("eval", written(tmp_path, FILE + "- {id: odd, tenant: kiosk}\n"))
    assert result.exit_code == 1
    assert "failed  odd" in result.output
    assert last_object(result)["passed"] == 1
