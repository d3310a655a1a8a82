"""`sak-hub serve` and `sak-hub migrate`."""

import click

from hub.cli.command import Session, answer, json_option, load_settings, with_store


@click.command()
@json_option
def serve(as_json: bool) -> int:
    """Run the hub until it is told to stop (SIGTERM, Ctrl-C)."""
    from hub import app  # with the server's libraries, for which no other command shall wait

    code = app.serve(load_settings())
    if code == 0 and as_json:
        answer({"stopped": True}, [], as_json=True)
    return code


@click.command()
@json_option
def migrate(as_json: bool) -> None:
    """Create the database or bring it up to date. Every other command does so, too."""

    async def work(session: Session) -> dict[str, object]:
        row = await session.store.one("doctor.schema")
        schema = row["schema"] if row else None
        return {"database": str(session.store.path), "schema": schema}

    facts = with_store(work)
    line = f"{facts['database']} is up to date: schema {facts['schema']}."
    answer(facts, [line], as_json=as_json)
