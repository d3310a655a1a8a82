"""`sak-hub customer export` and `erase`: what the law gives a customer a right to."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click
import msgspec

from hub.cli import customer_refs as refs
from hub.cli import find
from hub.cli.command import Failure, Session, answer, changed, json_option, printable, with_store
from hub.commerce import customer_erasure, customer_records
from hub.commerce import customer_rows as rows
from hub.commerce.customer_erasure import Erased
from hub.commerce.customer_records import Holdings
from hub.store.media import MediaFiles
from hub.store.tx import Tx


@click.command()
@click.argument("tenant")
@click.argument("customer")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
def export(tenant: str, customer: str, file: Path, as_json: bool) -> None:
    """Write all that the shop TENANT holds on CUSTOMER into FILE, as JSON. FILE must be new."""

    def collect(tx: Tx, now_ms: int) -> Holdings:
        shop = find.tenant(tx, tenant)
        customer_id = refs.resolve_or_make(tx, shop, customer, now_ms)
        found = customer_records.collect(tx, shop["tenant_id"], customer_id)
        rows.audit(tx, shop["tenant_id"], customer_id, "exported", found.summary, now_ms)
        return found

    held = _into_new(file, lambda: changed(collect))
    facts = {"customer_id": held.customer["customer_id"], "file": str(file)}
    facts |= msgspec.to_builtins(held.summary)
    line = (
        f"Wrote {printable(file)}: messages {held.summary.messages}, orders {held.summary.orders}."
    )
    answer(
        facts, [line, "It is personal data: hand it over safely, then delete it."], as_json=as_json
    )


def _into_new(file: Path, collect: Callable[[], Holdings]) -> Holdings:
    """Write what is collected into a file that only its owner may read, or leave none."""
    try:
        file.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        shown = printable(file)
        raise Failure("file_exists", f"{shown} is there already. Name a new file.") from None
    try:
        held = collect()
        file.write_bytes(msgspec.json.format(msgspec.json.encode(held), indent=2) + b"\n")
    except BaseException:
        file.unlink()
        raise
    return held


@click.command()
@click.argument("tenant")
@click.argument("customer")
@click.option("--yes", is_flag=True, help="Do it. Nobody can take it back.")
@json_option
def erase(tenant: str, customer: str, yes: bool, as_json: bool) -> None:
    """Erase CUSTOMER: words, names, numbers, addresses and files. Orders stay without them.

    Without --yes it only says what would be erased. The shop's own phone and PC are not reached:
    delete the chat in WhatsApp too.
    """
    if not yes:
        changed(lambda tx, now_ms: _refuse(tx, tenant, customer, now_ms))

    async def work(session: Session) -> tuple[str, Erased, int]:
        now_ms = session.clock.now_ms()

        def change(tx: Tx) -> tuple[str, str, Erased]:
            shop = find.tenant(tx, tenant)
            customer_id = refs.resolve_or_make(tx, shop, customer, now_ms)
            done = customer_erasure.erase(tx, shop["tenant_id"], customer_id, now_ms)
            return shop["tenant_id"], customer_id, done

        tenant_id, customer_id, erased = await session.store.write(change)
        files = MediaFiles(session.store.path.parent / "media")
        return customer_id, erased, _delete(files, tenant_id, erased.files)

    customer_id, erased, deleted = with_store(work)
    facts: dict[str, Any] = msgspec.to_builtins(erased) | {"files": deleted}
    line = f"Erased {customer_id}: {refs.summary(facts)}."
    answer({"customer_id": customer_id, **facts}, [line], as_json=as_json)


def _refuse(tx: Tx, tenant: str, customer: str, now_ms: int) -> NoReturn:
    """Say what would be erased, and how to have it done."""
    shop = find.tenant(tx, tenant)
    customer_id = refs.resolve_or_make(tx, shop, customer, now_ms)
    held = customer_records.collect(tx, shop["tenant_id"], customer_id).summary
    raise Failure(
        "unconfirmed",
        f"This erases {held.messages} messages for good and takes name, address and number off "
        f"{held.orders} orders. Say --yes to have it done.",
    )


def _delete(files: MediaFiles, tenant_id: str, names: tuple[str, ...]) -> int:
    """Delete a shop's files; how many there were."""
    paths = [path for name in names if (path := files.find(tenant_id, name)) is not None]
    for path in paths:
        path.unlink(missing_ok=True)
    return len(paths)
