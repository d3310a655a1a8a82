"""Reads an evaluation file and checks what its parts say of each other."""

import re
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import UnsetType

from hub.evaluation import faults
from hub.evaluation.faults import Fault
from hub.evaluation.format import (
    Behind,
    Dialogue,
    EvalFileError,
    Malformed,
    Shops,
    convert,
    skus,
)

BYTES_MAX: Final = 4 * 1024 * 1024
"""Some ten thousand dialogues."""

SCRIPTS: Final = frozenset(name for name, read in faults.FIELDS.items() if read == "model") | {
    "model"
}
"""Under these names a fault has its script."""

_ORDER_NO: Final = re.compile(r"[A-Z]{1,5}-\d{1,9}")


class EvalFile(msgspec.Struct, frozen=True, kw_only=True):
    """A whole file. What cannot be held is kept as such."""

    shops: Shops
    dialogues: tuple[Dialogue | Malformed, ...]
    model_faults: tuple[Fault | Malformed, ...] = ()


def load(path: Path) -> EvalFile:
    """The file at `path`; EvalFileError. A faulty dialogue is kept as such: the others can run."""
    raw = _read(path)
    dialogues, scripts = raw.pop("dialogues", "") or [], raw.pop("model_faults", "") or []
    for name, entries in (("dialogues", dialogues), ("model_faults", scripts)):
        if not isinstance(entries, list):
            raise EvalFileError(f"{path.name}, {name}: it is a list")
    if not dialogues and not scripts:
        raise EvalFileError(f"{path.name} has no dialogues; list at least one under 'dialogues:'")
    shops = convert(raw, Shops, path.name)
    _check_shops(shops)
    held = tuple(_dialogue(entry, number, shops) for number, entry in enumerate(dialogues, 1))
    played = tuple(_fault(entry, number, shops) for number, entry in enumerate(scripts, 1))
    ids = [entry.id for entry in (*held, *played)]
    if twice := sorted({name for name in ids if ids.count(name) > 1}):
        raise EvalFileError(f"dialogue {twice[0]}: its id is there twice; give each its own")
    return EvalFile(shops=shops, dialogues=held, model_faults=played)


def _read(path: Path) -> dict[str, Any]:
    """The file as texts; only what a scripted model says has numbers, as a model writes them."""
    try:
        import yaml  # only this command needs it
    except ImportError:
        raise EvalFileError("PyYAML is missing; install it: pip install pyyaml") from None
    if path.stat().st_size > BYTES_MAX:
        raise EvalFileError(f"{path.name} is above {BYTES_MAX // 1024 // 1024} MB; split it")
    try:
        loader = yaml.BaseLoader(path.read_text("utf-8"))
        node = loader.get_single_node()
        raw = None if node is None else loader.construct_document(node)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        what = " ".join(str(error).split())[:300]
        raise EvalFileError(f"{path.name} is not YAML in UTF-8: {what}") from None
    if not isinstance(raw, dict):
        raise EvalFileError(f"{path.name} has no sections; begin with 'tenants:'")
    _take_scripts(raw.get("model_faults"), _typed(_under(node, "model_faults")))
    return raw


def _take_scripts(faults_read: object, typed: object) -> None:
    """Put the scripts of faults, and of their turns, in place of their texts."""
    if not isinstance(faults_read, list) or not isinstance(typed, list):
        return
    for fault, told in zip(faults_read, typed, strict=True):
        if isinstance(fault, dict) and isinstance(told, dict):
            fault |= {name: told[name] for name in SCRIPTS & told.keys()}
            _take_scripts(fault.get("turns"), told.get("turns"))


def _under(node: Any, name: str) -> Any:
    """The node under a name in the file's own mapping."""
    return next((value for key, value in node.value if key.value == name), None)


def _typed(node: Any) -> Any:
    """A node as JSON data: what is written plainly and is a number, true, false or null is that."""
    if node is None:
        return None
    if node.id == "mapping":
        return {str(key.value): _typed(value) for key, value in node.value}
    if node.id == "sequence":
        return [_typed(one) for one in node.value]
    if node.style is not None:
        return node.value
    try:
        found = msgspec.json.decode(node.value) if node.value not in ("", "~") else None
    except msgspec.DecodeError:
        found = node.value
    return node.value if isinstance(found, list | dict) else found


def _check_shops(shops: Shops) -> None:
    for kind, entries in (("customer", shops.customers), ("order", shops.orders)):
        for name, entry in entries.items():
            if entry.tenant not in shops.tenants:
                raise EvalFileError(f"{kind} {name}, tenant: there is no tenant {entry.tenant!r}")
    for goods in shops.products:
        if goods.tenant not in shops.tenants:
            raise EvalFileError(f"product {goods.sku}, tenant: there is no {goods.tenant!r}")
    for number, order in shops.orders.items():
        if not _ORDER_NO.fullmatch(number):
            raise EvalFileError(f"order {number}: write its number like A-1001")
        whose = shops.customers.get(order.customer)
        if whose is None or whose.tenant != order.tenant:
            raise EvalFileError(f"order {number}, customer: {order.customer!r} is not the shop's")
        if unknown := order.lines.keys() - skus(shops, order.tenant):
            raise EvalFileError(f"order {number}, lines: no product {min(unknown)!r}")


def _dialogue(raw: Any, number: int, shops: Shops) -> Dialogue | Malformed:
    name = str(raw.get("id", f"number {number}")) if isinstance(raw, dict) else f"number {number}"
    try:
        dialogue = convert(raw, Dialogue, f"dialogue {name}")
        _check(dialogue, shops, f"dialogue {name}")
    except EvalFileError as error:
        return Malformed(name, str(error))
    return dialogue


def _fault(raw: Any, number: int, shops: Shops) -> Fault | Malformed:
    name = str(raw.get("id", f"number {number}")) if isinstance(raw, dict) else f"number {number}"
    try:
        if not isinstance(raw, dict):
            raise EvalFileError(f"fault {name}: write it as 'id:', 'say:', 'model:', 'expect:'")
        fault = faults.read(raw, shops)
        _check(fault.told, shops, f"fault {name}")
    except EvalFileError as error:
        return Malformed(name, str(error))
    return fault


def _check(dialogue: Dialogue, shops: Shops, where: str) -> None:
    whose = shops.customers.get(dialogue.customer)
    if dialogue.tenant not in shops.tenants:
        raise EvalFileError(f"{where}, tenant: there is no tenant {dialogue.tenant!r}")
    if whose is None or whose.tenant != dialogue.tenant:
        raise EvalFileError(f"{where}, customer: {dialogue.customer!r} is not the shop's")
    if not dialogue.turns:
        raise EvalFileError(f"{where}, turns: there are none")
    sold, anywhere = skus(shops, dialogue.tenant), {goods.sku for goods in shops.products}
    named = [("given", {*dialogue.given.cart, *dialogue.given.stock}, sold)]
    for at, step in enumerate(dialogue.turns):
        behind, state = step.sys or Behind(), step.state
        if step.is_silent and step.sys is None:
            raise EvalFileError(f"{where}, turns[{at}]: nothing happens in it; add 'say:'")
        cart = set() if isinstance(state.cart, UnsetType) else set(state.cart)
        lines = set() if isinstance(state.order_lines, UnsetType) else set(state.order_lines)
        named += [
            (f"turns[{at}].skus", {*step.skus, *step.skus_not}, anywhere),
            (f"turns[{at}].state", cart | lines, sold),
            (f"turns[{at}].sys", {*behind.set_price, *behind.set_stock}, sold),
            (f"turns[{at}].sys", set(behind.set_status), set(shops.orders)),
        ]
    for field, used, known in named:
        if unknown := used - known:
            raise EvalFileError(f"{where}, {field}: there is no {min(unknown)!r}")
