"""`sak-hub notices`: what happened that an operator should know, each in a sentence."""

from typing import Any, Final

import click
import msgspec

from hub.cli import find
from hub.cli.command import Failure, answer, changed, json_option, looked, moment, printable
from hub.store import operator_notices
from hub.store.tx import Row, Tx

SHOWN_MAX: Final = 100
HUB: Final = "hub"
"""What stands for a shop where the hub itself is meant."""

PERIODS: Final = {"tenant_day": "the day", "tenant_month": "the month"}
SETTINGS: Final = {
    "tenant_day": "model_day_tokens or model_day_cost",
    "tenant_month": "model_month_tokens or model_month_cost",
    "customer_day": "model_customer_day_tokens",
}
REASONS: Final = {
    "refused": (
        "its provider refused the key or the model",
        "Correct OPENAI_API_KEY, SAK_HUB_MODEL_NAME or SAK_HUB_MODEL_URL and start the hub anew.",
    ),
    "quota": (
        "the quota at its provider is used up",
        "Pay or raise it there; the hub tries again every ten minutes.",
    ),
}


class Notice(msgspec.Struct, frozen=True):
    """A notice in words; `tenant` is empty for the hub's own."""

    tenant_id: str
    tenant: str
    kind: str
    subject: str
    at: str | None
    finding: str
    remedy: str


@click.command()
@click.option("--seen", metavar="TENANT", help="Mark those of this shop (or 'hub') as seen.")
@json_option
def notices(seen: str | None, as_json: bool) -> None:
    """List what happened and nobody marked as seen: limits reached, a model's key refused.

    A shop called "hub" is named by its id.
    """
    if seen is not None:
        marked = changed(lambda tx, now_ms: _see(tx, seen, now_ms))
        line = f"{printable(marked['tenant'])}: {marked['seen']} marked as seen"
        answer(marked, [line], as_json=as_json)
        return
    found = looked(lambda tx: unseen(tx, SHOWN_MAX))
    lines = [line for one in found for line in _lines(one)] or ["No notices."]
    answer({"notices": msgspec.to_builtins(found)}, lines, as_json=as_json)


def unseen(tx: Tx, limit: int) -> list[Notice]:
    """The newest notices that nobody marked as seen, in words."""
    return [_worded(tx, row) for row in operator_notices.unseen(tx, limit)]


def _see(tx: Tx, ref: str, now_ms: int) -> dict[str, Any]:
    if ref == HUB:
        tenant_id, name = "", HUB
    else:
        try:
            row = find.tenant(tx, ref)
        except Failure as failure:
            message = f"{failure.message} The hub's own notices are those of '{HUB}'."
            raise Failure(failure.code, message) from None
        tenant_id, name = row["tenant_id"], row["name"]
    count = operator_notices.see(tx, tenant_id, now_ms)
    return {"tenant_id": tenant_id, "tenant": name, "seen": count}


def _lines(notice: Notice) -> list[str]:
    return [f"{notice.at}  {printable(notice.finding)}", f"      {printable(notice.remedy)}"]


def _worded(tx: Tx, row: Row) -> Notice:
    finding, remedy = _words(tx, row)
    return Notice(
        tenant_id=row["tenant_id"],
        tenant=row["tenant"] or "",
        kind=row["kind"],
        subject=row["subject"],
        at=moment(row["at"]),
        finding=finding,
        remedy=remedy,
    )


def _words(tx: Tx, row: Row) -> tuple[str, str]:
    """What happened, and what can be done."""
    what, _, when = row["subject"].partition(" ")
    name = row["tenant"] or "this hub"
    match row["kind"]:
        case "budget":
            return _budget(tx, row, what, when, name)
        case "breaker":
            why, remedy = REASONS.get(what, (f"it failed ({what})", "The hub's log says more."))
            return f"No model was asked from {when} UTC on: {why}.", remedy
        case "loop":
            where = f"{row['tenant_id']} {what}"
            return (
                f"{name}: the assistant stopped itself in chat {what}: it went round in circles, "
                "perhaps with another program.",
                f"Look with 'sak-hub chats show {where}', and if it is a person, give the chat "
                f"back with 'sak-hub chats resume {where}'.",
            )
        case _:
            return f"{name}: {row['kind']} {row['subject']}", "The hub's log says more."


def _budget(tx: Tx, row: Row, scope: str, period: str, name: str) -> tuple[str, str]:
    remedy = (
        f"See 'sak-hub tenant spending {row['tenant_id']}'. To raise it, set the shop's "
        f"{SETTINGS.get(scope, 'limits')}, or the hub's SAK_HUB_MODEL_{scope.upper()}_...: "
        "the lower one counts."
    )
    if scope == "customer_day":
        where = {"tenant_id": row["tenant_id"], "period": period}
        told = tx.one("spending.customers", **where)
        stopped = told["stopped"] if told is not None else 0
        who = f"{stopped} of its customers" if stopped > 1 else "a customer"
        finding = f"{name}: {who} reached the limit of one customer for the day {period}"
    else:
        finding = f"{name} reached its limit of the model for {PERIODS.get(scope, '')} {period}"
    return f"{finding}; the assistant went on without it.", remedy
