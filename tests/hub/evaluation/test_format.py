"""The file is read strictly: what is wrong is named by dialogue and field."""

from pathlib import Path

import pytest

from hub.evaluation.format import Dialogue, EvalFileError, Malformed
from hub.evaluation.reading import load
from tests.hub.evaluation.conftest import FILE, SMALL, small

GOOD = "- {id: x1, tenant: kiosk, customer: asha, turns: [{say: hello}]}\n"


def test_the_projects_file_is_read_whole() -> None:
    """Every dialogue of it can be held."""
    read = load(FILE)
    assert all(isinstance(dialogue, Dialogue) for dialogue in read.dialogues)
    assert (len(read.dialogues), len(read.model_faults)) == (38, 7)


@pytest.mark.parametrize(
    ("dialogue", "named"),
    [
        ("{id: x2, tenant: kiosk, customer: asha, turns: [{sya: hello}]}", "turns[0]"),
        ("{id: x2, tenant: kiosk, customer: asha, turns: [{say: a, money: [1.5]}]}", "money[0]"),
        ("{id: x2, tenant: kiosk, customer: asha, turns: [{say: a, lang: fr}]}", "lang"),
        ("{id: x2, tenant: kiosk, customer: lina, turns: [{say: a}]}", "customer: 'lina'"),
        ("{id: x2, tenant: mall, customer: asha, turns: [{say: a}]}", "tenant"),
        ("{id: x2, tenant: kiosk, customer: asha, turns: []}", "turns: there are none"),
        ("{id: x2, tenant: kiosk, customer: asha, turns: [{after_s: 3}]}", "turns[0]: nothing"),
        ("{id: x2, tenant: kiosk, customer: asha, turns: [{say: a, skus: [NO-1]}]}", "'NO-1'"),
        (
            "{id: x2, tenant: kiosk, customer: asha, given: {cart: {CRATE-1: 1}},"
            " turns: [{say: a}]}",
            "given: there is no 'CRATE-1'",
        ),
        ("{id: x2}", "x2: Object missing"),
        ("hello", "number 2"),
    ],
)
def test_a_faulty_dialogue_is_named_and_the_others_stay(
    tmp_path: Path, dialogue: str, named: str
) -> None:
    """The sentence has the dialogue's id and the field."""
    good, bad = load(small(tmp_path, f"{GOOD}- {dialogue}\n")).dialogues
    assert isinstance(good, Dialogue)
    assert isinstance(bad, Malformed)
    assert bad.why.startswith("dialogue ")
    assert named in bad.why, bad.why


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("price: 2500", "price: 25.5", "products"),
        ("{tenant: depot, sku", "{tenant: deep, sku", "product CRATE-1, tenant"),
        ("{tenant: depot, phone", "{tenant: deep, phone", "customer lina, tenant"),
        ("customer: asha, status", "customer: lina, status", "order K-41, customer"),
        ("lines: {PEN-1", "lines: {CRATE-1", "order K-41, lines"),
        ("dialogues:", "dialogs:", "no dialogues"),
        ("rules:", "rules: [", "is not YAML"),
        ("K-41:", "ORDER41:", "order ORDER41: write its number like A-1001"),
    ],
)
def test_a_faulty_shop_stops_everything(tmp_path: Path, old: str, new: str, named: str) -> None:
    """No dialogue could be held in it."""
    with pytest.raises(EvalFileError, match=r"own\.yaml|product|customer|order") as raised:
        load(small(tmp_path, GOOD, SMALL.replace(old, new, 1)))
    assert named in str(raised.value)


def test_ids_are_there_once(tmp_path: Path) -> None:
    """Else a report would not say which one failed."""
    with pytest.raises(EvalFileError, match="dialogue x1: its id is there twice"):
        load(small(tmp_path, GOOD + GOOD))
