"""`sak-hub eval`: dialogues from a file, held with the assistant before customers hold them."""

import asyncio
from pathlib import Path
from typing import Final

import click
import msgspec
from structlog.testing import capture_logs

from hub.cli.command import JSON_FLAG, Failure, printable

FAILED_CODE: Final = 1


@click.command("eval")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--engine",
    type=click.Choice(["embedded"]),
    default="embedded",
    show_default=True,
    help="Which assistant answers.",
)
@click.option("--only", multiple=True, metavar="ID", help="Hold this dialogue; may be repeated.")
@click.option(JSON_FLAG, "as_json", is_flag=True, help="Print nothing but the last line.")
def evaluate(file: Path, engine: str, only: tuple[str, ...], as_json: bool) -> int:
    """Hold the dialogues of FILE with the assistant and judge its replies.

    Works in a database of its own that is removed afterwards; docs/evaluation.md explains the
    file. The last line is a JSON object. Exit code 1: a dialogue failed.
    """
    from hub.assistant.embedded import EmbeddedEngine  # with what no other command shall wait for
    from hub.evaluation import report, runner
    from hub.evaluation.format import EvalFile, EvalFileError, load

    def check(read: EvalFile) -> None:
        known = {entry.id for entry in (*read.dialogues, *read.model_faults)}
        if unknown := [name for name in only if name not in known]:
            message = f"The file has no dialogue {printable(unknown[0])}."
            raise Failure("unknown_dialogue", message)

    async def work() -> list[runner.Outcome]:
        read = load(file)
        check(read)
        outcomes = []
        async for outcome in runner.run(read, EmbeddedEngine, only):
            outcomes.append(outcome)
            for line in () if as_json else report.lines(outcome):
                click.echo(printable(line))
        return outcomes

    try:
        with capture_logs():  # what went wrong stands in the report
            outcomes = asyncio.run(work())
    except EvalFileError as error:
        raise Failure("bad_file", f"{error}.") from None
    facts = report.facts(outcomes)
    click.echo(msgspec.json.encode({"engine": engine} | facts))
    return FAILED_CODE if facts["failed"] else 0
