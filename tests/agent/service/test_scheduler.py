"""The scheduled task: its elements fit Microsoft's schema, and Windows reads the same words.

`SCHEMA` is what [MS-TSCH] §2.5 says of the elements that we write: for each its children, whether
their order counts (`xs:sequence` against `xs:all`), and what a text may be.
"""

import re
from typing import Final, NamedTuple
from xml.etree import ElementTree

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agent.service.plan import UnfitError
from agent.service.scheduler import NAMESPACE, program_in, render
from tests.agent.service.plans import WORD, plan

PYTHON: Final = r"C:\Users\Ása & Co\sak agent\Scripts\pythonw.exe"
FOLDER: Final = r"C:\Users\Ása & Co\AppData\Local\sak-agent"
BOOLEAN: Final = "true|false"
DURATION: Final = r"P(?=.)(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+S)?)?"
PATH: Final = "(?s:.{1,260})"
TEXT: Final = "(?s:.+)"


class Element(NamedTuple):
    """An element's children, those that must be there, and its attributes."""

    children: tuple[str, ...]
    needed: tuple[str, ...] = ()
    in_order: bool = False
    attributes: tuple[str, ...] = ()


SCHEMA: Final = {
    "Task": Element(
        ("RegistrationInfo", "Triggers", "Settings", "Data", "Principals", "Actions"),
        ("Actions",),
        attributes=("version",),
    ),
    "RegistrationInfo": Element(
        ("URI", "SecurityDescriptor", "Source", "Date", "Author", "Version", "Description")
    ),
    "Triggers": Element(("LogonTrigger",)),
    "LogonTrigger": Element(
        ("Enabled", "StartBoundary", "EndBoundary", "Repetition", "ExecutionTimeLimit",
         "UserId", "Delay"),
        in_order=True,
    ),
    "Repetition": Element(("Interval", "Duration", "StopAtDurationEnd"), ("Interval",)),
    "Principals": Element(("Principal",), ("Principal",), in_order=True),
    "Principal": Element(
        ("UserId", "LogonType", "GroupId", "DisplayName", "RunLevel"), attributes=("id",)
    ),
    "Settings": Element(
        ("AllowStartOnDemand", "RestartOnFailure", "MultipleInstancesPolicy",
         "DisallowStartIfOnBatteries", "StopIfGoingOnBatteries", "AllowHardTerminate",
         "StartWhenAvailable", "NetworkProfileName", "RunOnlyIfNetworkAvailable", "WakeToRun",
         "Enabled", "Hidden", "DeleteExpiredTaskAfter", "IdleSettings", "NetworkSettings",
         "ExecutionTimeLimit", "Priority", "RunOnlyIfIdle"),
    ),
    "Actions": Element(("Exec",), ("Exec",), in_order=True, attributes=("Context",)),
    "Exec": Element(("Command", "Arguments", "WorkingDirectory"), ("Command",)),
}  # fmt: skip
LEAVES: Final = {
    "Description": TEXT,
    "Enabled": BOOLEAN,
    "Interval": DURATION,
    "StopAtDurationEnd": BOOLEAN,
    "UserId": TEXT,
    "LogonType": "S4U|Password|InteractiveToken|InteractiveTokenOrPassword",
    "RunLevel": "LeastPrivilege|HighestAvailable",
    "AllowStartOnDemand": BOOLEAN,
    "MultipleInstancesPolicy": "Parallel|Queue|IgnoreNew|StopExisting",
    "DisallowStartIfOnBatteries": BOOLEAN,
    "StopIfGoingOnBatteries": BOOLEAN,
    "AllowHardTerminate": BOOLEAN,
    "StartWhenAvailable": BOOLEAN,
    "RunOnlyIfNetworkAvailable": BOOLEAN,
    "Hidden": BOOLEAN,
    "ExecutionTimeLimit": DURATION,
    "Priority": "[1-9]|10",
    "RunOnlyIfIdle": BOOLEAN,
    "Command": PATH,
    "Arguments": TEXT,
    "WorkingDirectory": PATH,
}


def faults(element: ElementTree.Element) -> list[str]:
    """What the schema has against an element and those inside it."""
    name = element.tag.removeprefix(f"{{{NAMESPACE}}}")
    if name in LEAVES:
        is_right = not len(element) and re.fullmatch(LEAVES[name], element.text or "")
        return [] if is_right and not element.attrib else [f"{name} is {element.text!r}"]
    rule, inside = SCHEMA[name], [it.tag.removeprefix(f"{{{NAMESPACE}}}") for it in element]
    found = [f"{name} has {it}" for it in inside if it not in rule.children]
    found += [f"{name} lacks {it}" for it in rule.needed if it not in inside]
    found += [f"{name} has two {it}" for it in set(inside) if inside.count(it) > 1]
    found += [f"{name} is {it}" for it in element.attrib if it not in rule.attributes]
    if rule.in_order and inside != sorted(inside, key=rule.children.index):
        found.append(f"{name} is out of order")
    return found + [fault for child in element for fault in faults(child)]


def read(*words: str, folder: str = FOLDER, program: str = PYTHON) -> ElementTree.Element:
    """The task as Windows reads it."""
    return ElementTree.fromstring(render(plan(*words, folder=folder, program=program)))  # noqa: S314 - our own


def text(task: ElementTree.Element, name: str) -> str:
    """The text of the only element of this name."""
    (found,) = task.iter(f"{{{NAMESPACE}}}{name}")
    return found.text or ""


def split(line: str) -> list[str]:
    """The arguments of a command line by the rules of Microsoft's C runtime."""
    words: list[str] = []
    word, in_quotes, begun, at = "", False, False, 0
    while at < len(line):
        char = line[at]
        slashes = len(line[at:]) - len(line[at:].lstrip("\\"))
        if slashes:
            at += slashes
            is_quote = line[at : at + 1] == '"'
            word, begun = word + "\\" * (slashes // 2 if is_quote else slashes), True
            if is_quote and slashes % 2:
                word, at = word + '"', at + 1
            continue
        if char == '"':
            in_quotes, begun = not in_quotes, True
        elif char in " \t" and not in_quotes:
            if begun:
                words.append(word)
            word, begun = "", False
        else:
            word, begun = word + char, True
        at += 1
    return [*words, word] if begun else words


def test_it_fits_the_schema() -> None:
    """Windows refuses a task whose elements are unknown, missing or out of order."""
    assert faults(read("-m", "agent")) == []


def test_the_check_of_the_schema_sees_faults() -> None:
    """The test above is worth something."""
    task = read("-m")
    trigger = next(task.iter(f"{{{NAMESPACE}}}LogonTrigger"))
    trigger.append(trigger[0])
    del trigger[0]
    assert faults(task) == ["LogonTrigger is out of order"]
    next(task.iter(f"{{{NAMESPACE}}}Priority")).text = "11"
    assert "Priority is '11'" in faults(task)


def test_the_file_is_utf_16_with_its_mark() -> None:
    """What the scheduler itself writes is what schtasks reads."""
    content = render(plan("x", folder=FOLDER, program=PYTHON))
    assert content[:2] in (b"\xff\xfe", b"\xfe\xff")
    assert "encoding='utf-16'" in content.decode("utf-16").splitlines()[0]


def test_it_begins_at_log_on_runs_without_end_and_begins_again() -> None:
    """Not on mains power only, not for three days only, never twice, each minute if it is down."""
    task = read("-m")
    assert text(task, "Interval") == "PT1M"
    assert text(task, "MultipleInstancesPolicy") == "IgnoreNew"
    assert text(task, "ExecutionTimeLimit") == "PT0S"
    assert text(task, "DisallowStartIfOnBatteries") == text(task, "StopIfGoingOnBatteries")
    assert text(task, "DisallowStartIfOnBatteries") == "false"
    assert {it.text for it in task.iter(f"{{{NAMESPACE}}}UserId")} == {"asha"}
    assert text(task, "LogonType") == "InteractiveToken"  # the session with the desktop


@given(st.lists(WORD, max_size=4))
def test_every_word_comes_back_as_it_went_in(words: list[str]) -> None:
    """Through XML and through Windows' own cutting of a command line."""
    joined = " ".join(words)
    assume("%" not in joined and "$(" not in joined)
    task = read("-m", *words)
    assert text(task, "Command") == PYTHON
    assert split(text(task, "Arguments")) == ["-m", *words]
    assert text(task, "WorkingDirectory") == FOLDER
    assert faults(task) == []


def test_what_the_scheduler_would_replace_is_refused() -> None:
    """It expands %NAME% and $(…) wherever they stand, and nothing keeps it from that."""
    for folder in (r"C:\%USERNAME%\x", r"C:\$(Arg0)"):
        with pytest.raises(UnfitError, match="give another name"):
            read("-m", folder=folder)
        with pytest.raises(UnfitError, match="give another name"):
            read("--set", f"data_dir={folder}")
    assert text(read("100%"), "Arguments") == "100%"
    with pytest.raises(UnfitError, match="shorter"):
        read("-m", folder="C:\\" + "x" * 300)


def test_the_program_is_found_again_or_not_at_all() -> None:
    """For the doctor: a file of somebody else's has no program of ours."""
    assert program_in(render(plan("-m", program=PYTHON))) == PYTHON
    assert program_in(b"") is None
    assert program_in(b"<Task/>") is None
