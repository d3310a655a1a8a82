"""`sak-hub eval`."""

import json
from pathlib import Path

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
    assert counts == {
        "engine": "embedded",
        "passed": 1,
        "failed": 1,
        "skipped": 0,
        "total": 2,
        "failures": counts["failures"],
        "runs": 1,
        "pass_k": {"1": 0.5},
        "skipped_because": {},
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


FAULTS = """
model_faults:
- {id: dear, customer: asha, say: price of blue pen, model: [{text: Only ₹99.00!}],
   expect: {by: retry_once_then_embedded, sent_money: [1000], sent_money_not: [9900]}}
- {id: slow, customer: asha, say: price of blue pen, model: [{trickle_s: 600}],
   expect: {by: embedded, answer_within_s: 26}}
"""


def test_a_models_faults_are_played_without_a_key(cli: Cli, tmp_path: Path) -> None:
    """A minute of waiting passes at once; the dialogues say what they lack."""
    cli.env["OPENAI_API_KEY"] = ""
    path = written(tmp_path, FILE.replace("- {id: dear,", "- {id: dearer,") + FAULTS)
    result = cli.run("eval", path, "--engine", "model")
    assert result.exit_code == 0, result.output
    first, *_, last = result.output.splitlines()
    lacks = "it needs a real model: set OPENAI_API_KEY and SAK_HUB_MODEL_NAME"
    assert first == f"skipped good  {lacks}"
    told = json.loads(last)
    counts = [told[name] for name in ("engine", "passed", "failed", "skipped", "skipped_because")]
    assert counts == ["model", 2, 0, 2, {lacks: 2}]


def test_a_model_that_cannot_be_reached_is_told(cli: Cli, tmp_path: Path) -> None:
    """The settings are the hub's; nobody takes code's answer for a model's, in any run."""
    cli.env |= {
        "OPENAI_API_KEY": "sk-test",
        "SAK_HUB_MODEL_NAME": "scripted",
        "SAK_HUB_MODEL_URL": "http://127.0.0.1:9/v1",
    }
    path = written(tmp_path)
    result = cli.run("eval", path, "--engine", "model", "--runs", "2", "--only", "good")
    assert result.exit_code == 1
    assert result.output.splitlines()[:2] == ["failed  good  0 of 2", "    turn 1, run 1"]
    assert "      expected  a model that can be asked" in result.output
    assert last_object(result)["pass_k"] == {"1": 0.0, "2": 0.0}


def test_a_shop_that_cannot_be_stops_both_engines(cli: Cli, tmp_path: Path) -> None:
    """By the same sentence."""
    bad = written(tmp_path, FILE.replace("Asia/Kolkata", "Mars/Base"))
    assert cli.failure("eval", bad)[0] == "bad_file"
    assert cli.failure("eval", bad, "--engine", "model")[0] == "bad_file"
    assert cli.failure("eval", bad, "--runs", "0")[0] == "usage"
