"""`sak-hub key`: operators' keys for the HTTP API."""

import secrets
from typing import Any

import click

from hub.api.access import KEY_PREFIX
from hub.cli import find
from hub.cli.command import (
    Failure,
    Session,
    answer,
    json_option,
    moment,
    printable,
    table,
    with_store,
)
from hub.cli.tenant_values import NAME_MAX_CHARS
from hub.gateway.tokens import hash_secret
from hub.store.tx import Row, Tx

ID_PREFIX = "key_"


@click.group()
def key() -> None:
    """Operators' keys: add, list, revoke."""


@key.command()
@click.argument("name")
@click.option("--tenant", help="Reach this shop (id or name) only; without it, all of them.")
@json_option
def add(name: str, tenant: str | None, as_json: bool) -> None:
    """Make a key called NAME. It is shown this once and stored as a hash."""
    _check_name(name)
    secret = KEY_PREFIX + secrets.token_urlsafe(32)

    async def work(session: Session) -> dict[str, Any]:
        now_ms = session.clock.now_ms()
        return await session.store.write(lambda tx: _insert(tx, name, tenant, secret, now_ms))

    facts = with_store(work)
    reach = f"tenant {facts['tenant_id']}" if tenant else "all tenants"
    lines = [f"Key {name} for {reach}; keep it, it is not shown again:", secret]
    answer({**facts, "key": secret}, lines, as_json=as_json)


def _check_name(name: str) -> None:
    fits = name == name.strip() and name.isprintable() and 1 <= len(name) <= NAME_MAX_CHARS
    if not fits or name.startswith(ID_PREFIX):
        raise Failure(
            "bad_value",
            f"A key's name has 1 to {NAME_MAX_CHARS} printable characters "
            f"and does not begin with {ID_PREFIX}.",
        )


def _insert(tx: Tx, name: str, tenant: str | None, secret: str, now_ms: int) -> dict[str, Any]:
    if tx.one("keys.named", ref=name) is not None:
        raise Failure("name_taken", f"There is, or was, a key {name}. Choose another name.")
    facts = {
        "key_id": ID_PREFIX + secrets.token_hex(8),
        "name": name,
        "tenant_id": find.tenant(tx, tenant)["tenant_id"] if tenant else None,
    }
    tx.run("keys.insert", **facts, key_hash=hash_secret(secret), created_at=now_ms)
    return facts


@key.command("list")
@json_option
def list_(as_json: bool) -> None:
    """Show all keys, revoked ones too; never the secrets."""

    async def work(session: Session) -> list[Row]:
        return await session.store.all("keys.all")

    facts = [_facts(row) for row in with_store(work)]
    heads = ("key_id", "name", "tenant_id", "created_at", "revoked_at")
    lines = table(heads, [[fact[head] for head in heads] for fact in facts])
    answer({"keys": facts}, lines if facts else ["No keys yet."], as_json=as_json)


def _facts(row: Row) -> dict[str, Any]:
    times = {name: moment(row[name]) for name in ("created_at", "revoked_at")}
    return dict(row) | times


@key.command()
@click.argument("key")
@json_option
def revoke(key: str, as_json: bool) -> None:
    """End KEY (id or name) at once."""

    async def work(session: Session) -> Row:
        now_ms = session.clock.now_ms()
        return await session.store.write(lambda tx: _revoke(tx, key, now_ms))

    row = with_store(work)
    line = f"Revoked the key {printable(row['name'])}."
    answer({"key_id": row["key_id"], "name": row["name"]}, [line], as_json=as_json)


def _revoke(tx: Tx, ref: str, now_ms: int) -> Row:
    row = find.key(tx, ref)
    tx.run("keys.revoke", key_id=row["key_id"], now_ms=now_ms)
    return row
