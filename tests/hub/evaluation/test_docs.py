"""docs/evaluation.md says what the code does."""

import asyncio
import re
from pathlib import Path

import msgspec

from hub.assistant.embedded import EmbeddedEngine
from hub.evaluation import script
from hub.evaluation.clockwork import Clockwork
from hub.evaluation.faults import Wanted
from hub.evaluation.format import Expected, State, Step
from hub.evaluation.reading import EvalFile, load
from hub.evaluation.runner import Cast, run
from hub.evaluation.stage import staged
from tests.hub.evaluation.conftest import FILE

PAGE = (FILE.parents[2] / "docs" / "evaluation.md").read_text("utf-8")


def under(heading: str) -> str:
    """A section of the page, up to the next heading."""
    found = re.search(rf"^#+ {heading}$(.*?)(?=^#|\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None, heading
    return found[1]


def listed(heading: str) -> list[str]:
    """What the first column of a section's table names."""
    rows = re.findall(r"^\| (`.*?) \|", under(heading), re.MULTILINE)
    return [name for fields in rows for name in re.findall(r"`(\w+)`", fields)]


async def results(read: EvalFile, clockwork: Clockwork) -> list[str]:
    async with staged(clockwork) as stage:
        cast = Cast(engine=EmbeddedEngine)
        return [outcome.result async for outcome in run(read, cast, player=stage)]


def test_the_pages_examples_pass(tmp_path: Path) -> None:
    """As they stand there, copied into a file."""
    path, clockwork = tmp_path / "example.yaml", Clockwork()
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    path.write_text("\n".join(blocks), "utf-8")
    with asyncio.Runner(loop_factory=clockwork.new_loop) as runner:
        assert runner.run(results(load(path), clockwork)) == ["passed"] * 3


def test_the_pages_tables_have_every_field() -> None:
    """What may happen, what may be expected, and every part of the state."""
    steps = {field.name for field in msgspec.structs.fields(Step)} - {"note"}
    expected = {field.name for field in msgspec.structs.fields(Expected)}
    assert sorted(listed("What may happen in a turn")) == sorted(steps - expected)
    assert sorted(listed("What may be expected of it")) == sorted(expected)
    row = re.search(r"^\| `state` \|(.*)\|$", PAGE, re.MULTILINE)
    assert row is not None
    parts = {field.name for field in msgspec.structs.fields(State)}
    assert set(re.findall(r"`(\w+)(?:: null)?`", row[1])) == parts


def test_the_pages_tables_have_every_step_and_expectation_of_a_fault() -> None:
    """Under the names that are read; others for the same are for those who guess."""
    steps = re.findall(r"`(\w+)`", under("What the model does"))
    assert set(steps) >= script.FIELDS
    assert set(listed("What the model does")) <= script.FIELDS
    wanted = {field.name for field in msgspec.structs.fields(Wanted)}
    assert sorted(listed("What must come of it")) == sorted(wanted)
