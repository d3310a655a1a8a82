"""`sak-hub eval`: dialogues from a file, held with the assistant before customers hold them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import msgspec
from structlog.testing import capture_logs

from hub.cli.command import JSON_FLAG, Failure, load_settings, printable
from hub.clock import SystemClock

if TYPE_CHECKING:
    from hub.evaluation.clockwork import Clockwork
    from hub.evaluation.reading import EvalFile
    from hub.evaluation.runner import Cast, FaultPlayer, Outcome
    from hub.settings import Settings

FAILED_CODE: Final = 1
RUNS_MAX: Final = 100


@click.command("eval")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--engine",
    type=click.Choice(["embedded", "model"]),
    default="embedded",
    show_default=True,
    help="Which assistant answers.",
)
@click.option(
    "--runs",
    type=click.IntRange(1, RUNS_MAX),
    default=1,
    show_default=True,
    help="Hold each dialogue so often; it has to go well every time.",
)
@click.option("--only", multiple=True, metavar="ID", help="Hold this dialogue; may be repeated.")
@click.option(JSON_FLAG, "as_json", is_flag=True, help="Print nothing but the last line.")
def evaluate(file: Path, engine: str, runs: int, only: tuple[str, ...], as_json: bool) -> int:
    """Hold the dialogues of FILE with the assistant and judge its replies.

    Works in a database of its own that is removed afterwards; docs/evaluation.md explains the
    file. With --engine model the file's scripts for a model that errs are played as well, and the
    dialogues go to the model that OPENAI_API_KEY, SAK_HUB_MODEL_NAME and SAK_HUB_MODEL_URL name.
    The last line is a JSON object. Exit code 1: a dialogue failed.
    """
    from hub.evaluation import report  # with what no other command shall wait for
    from hub.evaluation.clockwork import Clockwork
    from hub.evaluation.format import EvalFileError
    from hub.evaluation.reading import load
    from hub.evaluation.runner import run

    outcomes: list[Outcome] = []
    settings = load_settings() if engine == "model" else None
    clockwork = Clockwork()

    async def work() -> None:
        read = load(file)
        _check(read, only)
        async with _cast(settings, clockwork) as (cast, player):
            async for outcome in run(read, cast, only, runs=runs, player=player):
                outcomes.append(outcome)
                for line in () if as_json else report.lines(outcome, runs):
                    click.echo(printable(line))

    try:
        with capture_logs(), asyncio.Runner(loop_factory=clockwork.new_loop) as runner:
            runner.run(work())  # what went wrong stands in the report
    except EvalFileError as error:
        raise Failure("bad_file", f"{error}.") from None
    facts = report.facts(outcomes, runs)
    click.echo(msgspec.json.encode({"engine": engine} | facts))
    return FAILED_CODE if facts["failed"] else 0


def _check(read: "EvalFile", only: tuple[str, ...]) -> None:
    known = {entry.id for entry in (*read.dialogues, *read.model_faults)}
    if unknown := [name for name in only if name not in known]:
        raise Failure("unknown_dialogue", f"The file has no dialogue {printable(unknown[0])}.")


@asynccontextmanager
async def _cast(
    settings: "Settings | None", clockwork: "Clockwork"
) -> AsyncIterator[tuple["Cast", "FaultPlayer | None"]]:
    """Who answers the dialogues, and who plays the faults; without settings no model does."""
    from hub.evaluation.runner import Cast

    if settings is None:
        from hub.assistant.embedded import EmbeddedEngine

        yield Cast(engine=EmbeddedEngine), None
        return
    from hub.evaluation.real_model import cast
    from hub.evaluation.stage import staged

    async with cast(settings, SystemClock()) as named, staged(clockwork) as stage:
        yield named, stage
