r"""A task of the Windows Task Scheduler that begins at log-on: XML, [MS-TSCH] §2.5.

A task, not a service: a Windows service lives in a session without a desktop, where no browser's
window and no notification can be seen. The scheduler restarts a task only when it could not be
started (§2.5.4.2), so the trigger repeats: while the agent runs, its repetitions are ignored.
"""

import re
import subprocess
from typing import Final
from xml.etree import ElementTree

from agent.service.plan import DESCRIPTION, Plan, UnfitError

NAMESPACE: Final = "http://schemas.microsoft.com/windows/2004/02/mit/task"
AGAIN: Final = "PT1M"  # the scheduler's shortest
_PATH_MAX: Final = 260  # characters, §2.5.1.4
_REPLACED: Final = re.compile(r"%[^%]+%|\$\(")  # by the scheduler, and nothing escapes them
_COMMAND: Final = f".//{{{NAMESPACE}}}Exec/{{{NAMESPACE}}}Command"
_SETTINGS: Final = (
    ("AllowStartOnDemand", "true"),
    ("MultipleInstancesPolicy", "IgnoreNew"),
    ("DisallowStartIfOnBatteries", "false"),
    ("StopIfGoingOnBatteries", "false"),
    ("AllowHardTerminate", "true"),
    ("StartWhenAvailable", "true"),
    ("RunOnlyIfNetworkAvailable", "false"),
    ("Enabled", "true"),
    ("Hidden", "false"),
    ("ExecutionTimeLimit", "PT0S"),  # none; else it ends after three days
    ("Priority", "5"),  # the usual 7 slows the browser's disk down
    ("RunOnlyIfIdle", "false"),
)


def render(plan: Plan) -> bytes:
    """The task's file, in UTF-16 as the scheduler writes it.

    Raises:
        UnfitError: the scheduler has no form for one of the values.
    """
    program, *words = plan.command
    arguments, directory = subprocess.list2cmdline(words), str(plan.data_dir)
    _check(program, directory, arguments)
    task = ElementTree.Element("Task", {"version": "1.2", "xmlns": NAMESPACE})
    _add(_add(task, "RegistrationInfo"), "Description", DESCRIPTION)
    _add_trigger(_add(task, "Triggers"), plan.user)
    principal = _add(_add(task, "Principals"), "Principal")
    principal.set("id", "Owner")
    _add(principal, "UserId", plan.user)
    _add(principal, "LogonType", "InteractiveToken")
    _add(principal, "RunLevel", "LeastPrivilege")
    settings = _add(task, "Settings")
    for name, value in _SETTINGS:
        _add(settings, name, value)
    actions = _add(task, "Actions")
    actions.set("Context", "Owner")
    action = _add(actions, "Exec")
    _add(action, "Command", program)
    _add(action, "Arguments", arguments)
    _add(action, "WorkingDirectory", directory)
    ElementTree.indent(task)
    content: bytes = ElementTree.tostring(task, "utf-16", xml_declaration=True)
    return content


def program_in(content: bytes) -> str | None:
    """The program that a task runs."""
    try:
        task = ElementTree.fromstring(content)  # noqa: S314 - our own file
    except ElementTree.ParseError:
        return None
    return task.findtext(_COMMAND)


def _add_trigger(triggers: ElementTree.Element, user: str) -> None:
    """At this person's log-on, and each minute from then on: the order is the schema's."""
    trigger = _add(triggers, "LogonTrigger")
    _add(trigger, "Enabled", "true")
    repetition = _add(trigger, "Repetition")
    _add(repetition, "Interval", AGAIN)
    _add(repetition, "StopAtDurationEnd", "false")
    _add(trigger, "UserId", user)


def _add(parent: ElementTree.Element, name: str, text: str | None = None) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, name)
    element.text = text
    return element


def _check(program: str, directory: str, arguments: str) -> None:
    for text in (program, directory, arguments):
        if _REPLACED.search(text):
            raise UnfitError(
                f"The Task Scheduler would read {text!r} differently, for its % or $: "
                "give another name."
            )
    for path in (program, directory):
        if len(path) > _PATH_MAX:
            raise UnfitError(f"{path!r} has more than {_PATH_MAX} characters: give a shorter path.")
