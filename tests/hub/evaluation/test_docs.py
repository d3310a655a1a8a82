"""docs/evaluation.md says what the code does."""

import re
from pathlib import Path

import msgspec

from hub.assistant.embedded import EmbeddedEngine
from hub.evaluation import runner
from hub.evaluation.format import Expected, State, Step, load
from tests.hub.evaluation.conftest import FILE

PAGE = (FILE.parents[2] / "docs" / "evaluation.md").read_text("utf-8")


async def test_the_pages_example_passes(tmp_path: Path) -> None:
    """As it stands there, copied into a file."""
    path = tmp_path / "example.yaml"
    found = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    path.write_text(found[1], "utf-8")
    outcomes = [outcome async for outcome in runner.run(load(path), EmbeddedEngine)]
    assert [outcome.result for outcome in outcomes] == ["passed"]


def test_the_pages_tables_have_every_field() -> None:
    """What may happen, what may be expected, and every part of the state."""
    rows = re.findall(r"^\| (`.*?) \|(.*)\|$", PAGE, re.MULTILINE)
    listed = [name for fields, _ in rows for name in re.findall(r"`(\w+)`", fields)]
    steps = {field.name for field in msgspec.structs.fields(Step)} - {"note"}
    assert sorted(listed) == sorted(steps)
    assert {field.name for field in msgspec.structs.fields(Expected)} < set(listed)
    state = next(text for fields, text in rows if fields == "`state`")
    parts = {field.name for field in msgspec.structs.fields(State)}
    assert set(re.findall(r"`(\w+)(?:: null)?`", state)) == parts
