"""SPEC.md against the code: its requirements have tests, its tables are the types."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec

from protocol import audit, messages
from protocol.errors import CloseCode, may_reconnect
from protocol.messages import (
    COMMANDS,
    CONTROLS,
    ERROR_CODES,
    EVENTS,
    FRAME_MAX_BYTES,
    MESSAGE_KINDS,
    SUBPROTOCOL,
    TEXT_MAX_CHARS,
    WHATSAPP_STATES,
    WINDOW_MAX,
    CommandState,
    Data,
    Instant,
    SendState,
)

TESTS = Path(__file__).parents[1]
FILE = Path(messages.__file__).with_name("SPEC.md")
TEXT = FILE.read_text(encoding="utf-8")
WAYS = {"up": "↑", "down": "↓", "both": "↕"}
TYPES: dict[Any, str] = {
    str: "text",
    bool: "bool",
    UUID: "uuid",
    Instant: "time",
    Any: "any",
    list[str]: "texts",
    dict[str, Any]: "object",
    messages.Count: "count",
    messages.Seconds: "seconds",
    messages.Epoch: "epoch",
    messages.Account: "account",
    messages.WhatsAppId: "whatsapp id",
    messages.Sha256: "sha256",
    SendState: "SendState",
    CommandState: "CommandState",
    Annotated[int, msgspec.Meta(ge=1, le=WINDOW_MAX)]: "window",
}


class Requirement(NamedTuple):
    """One numbered paragraph; `tests` are `path::name` below tests/."""

    section: int
    number: int
    text: str
    tests: list[str]

    @property
    def id(self) -> str:
        return f"{self.section}.{self.number}"


def requirements() -> list[Requirement]:
    pattern = re.compile(r"^- \*\*(\d+)\.(\d+)\*\* (.+(?:\n  .+)*)", re.MULTILINE)
    found = []
    for section, number, body in pattern.findall(TEXT):
        text, _, tests = body.partition("⟶")
        found.append(Requirement(int(section), int(number), text, tests.split()))
    return found


def table(head: str) -> list[list[str]]:
    """The rows of the table with this first line, as cells without backticks."""
    rows = TEXT.partition(f"\n{head}\n")[2].splitlines()[1:]
    cells = []
    for row in rows:
        if not row.startswith("|"):
            break
        cells.append([cell.strip().replace("`", "") for cell in row.strip("|").split("|")])
    assert cells, f"no table {head}"
    return cells


def fields(head: str) -> dict[str, dict[str, str]]:
    """Message or object -> field, with `?` if optional -> type, as SPEC.md lists them."""
    listed: dict[str, dict[str, str]] = {}
    name = ""
    for owner, field, kind, _ in table(head):
        if owner:
            name = owner
            assert name not in listed, f"{name} is listed twice"
            listed[name] = {}
        listed[name][field] = kind
    return listed


def actual(kind: type[Data]) -> dict[str, str]:
    """The same of a struct."""
    hints = get_type_hints(kind, include_extras=True)
    found = {}
    for field in msgspec.structs.fields(kind):
        mark = "" if field.required else "?"
        found[field.name + mark] = word(hints[field.name])
    return found


def word(hint: Any) -> str:
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (part for part in get_args(hint) if part is not type(None))
    if isinstance(hint, type) and issubclass(hint, Data):
        return hint.__name__
    if get_origin(hint) is tuple:
        return f"list of {word(get_args(hint)[0])}"
    return TYPES[hint]


def objects() -> Iterator[type[Data]]:
    """Every struct that stands inside a message."""
    messages_themselves = (messages.Control, messages.EventData)
    for kind in vars(messages).values():
        is_data = isinstance(kind, type) and issubclass(kind, Data) and kind is not Data
        if is_data and not issubclass(kind, messages_themselves):
            yield kind


@cache
def functions(path: str) -> set[str]:
    file = TESTS / path
    if not file.is_file():
        return set()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


def test_numbers_ascend_without_gaps() -> None:
    """An id names one requirement, in the section that it belongs to."""
    found = [(it.section, it.number) for it in requirements()]
    counted = dict.fromkeys(range(1, 14), 0)
    for section, number in found:
        counted[section] += 1
        assert number == counted[section], f"{section}.{number}"
    assert [section for section, _ in found] == sorted(section for section, _ in found)


def test_the_sections_are_those_that_the_code_refers_to() -> None:
    """Thirteen sections, in order."""
    numbers = [int(n) for n in re.findall(r"^## (\d+)\. ", TEXT, re.MULTILINE)]
    assert numbers == list(range(1, 14))


def test_every_must_names_a_test() -> None:
    """And no MUST stands outside a numbered requirement."""
    untested = [it.id for it in requirements() if "MUST" in it.text and not it.tests]
    assert untested == []
    body = TEXT.partition("## 1. ")[2]
    assert body.count("MUST") == sum(it.text.count("MUST") for it in requirements())


def test_every_named_test_exists() -> None:
    """In the file that is named, wherever in SPEC.md it is."""
    named = re.findall(r"`([\w/.]+\.py)::(\w+)`", TEXT)
    listed = [test.strip("`") for it in requirements() for test in it.tests]
    assert set(listed) <= {f"{path}::{name}" for path, name in named}
    missing = [f"{path}::{name}" for path, name in named if name not in functions(path)]
    assert missing == []


def test_cross_references_exist() -> None:
    """Requirements and vectors that the text points to."""
    ids = {it.id for it in requirements()}
    prose = re.sub(r"```.*?```|`[^`]*`", "", TEXT, flags=re.DOTALL)
    for group in re.findall(r"\((\d+\.\d+(?:, \d+\.\d+)*)\)", prose):
        assert set(group.split(", ")) <= ids, group
    for name in re.findall(r"`vectors/([\w-]+\.json)`", TEXT):
        assert FILE.with_name("vectors").joinpath(name).is_file(), name


def test_the_tables_list_every_field_and_no_other() -> None:
    """Names, types and what is optional, message by message."""
    head = "| {} | field | type | meaning |"
    controls = {f"{name} {WAYS[kind.WAY]}": actual(kind) for name, kind in CONTROLS.items()}
    assert fields(head.format("frame")) == controls
    events = {f"{name} {WAYS[kind.WAY]}": actual(kind) for name, kind in EVENTS.items()}
    assert fields(head.format("event")) == events
    assert fields(head.format("object")) == {it.__name__: actual(it) for it in objects()}


def test_the_contents_of_commands_are_listed() -> None:
    """Every struct that `args` or `data` may hold, field by field."""
    kinds = (
        audit.AuditArgs,
        audit.AuditData,
        audit.Shown,
        audit.SweepArgs,
        audit.MessageKey,
        audit.SweepData,
    )
    listed = {it.__name__: actual(it) for it in kinds}
    assert fields("| content | field | type | meaning |") == listed


def test_every_type_word_is_explained() -> None:
    """The types' table knows each word that the fields use."""
    explained = {row[0] for row in table("| type | JSON | bound |")}
    enumerations = {row[0] for row in table("| of | values |")}
    assert set(TYPES.values()) == explained | (enumerations & {"SendState", "CommandState"})


def test_the_enumerations_are_the_codes_own() -> None:
    """Open or closed, they list the same values."""

    def values(kind: Any) -> tuple[str, ...]:
        assert get_origin(kind) is Literal
        return get_args(kind)

    assert {row[0]: tuple(row[1].split(", ")) for row in table("| of | values |")} == {
        "whatsapp": WHATSAPP_STATES,
        "kind": MESSAGE_KINDS,
        "SendState": values(SendState),
        "CommandState": values(CommandState),
        "command": COMMANDS,
        "error": ERROR_CODES,
    }


def test_the_close_codes_are_the_codes_own() -> None:
    """Number, name and verdict of each."""
    rows = table("| code | name | who closes, and why | then |")
    assert [(int(row[0]), row[1], row[3]) for row in rows] == [
        (
            code.value,
            code.name.lower().replace("_", " "),
            "reconnect" if may_reconnect(code) else "stop",
        )
        for code in CloseCode
    ]


def test_the_limits_are_the_codes_own() -> None:
    """The figures that the text names."""
    for figure in (FRAME_MAX_BYTES, TEXT_MAX_CHARS):
        assert f"{figure:,}" in TEXT
    assert f"1 to {WINDOW_MAX}" in TEXT
    assert SUBPROTOCOL in TEXT
