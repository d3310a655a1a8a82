"""wa-js: which one is used, and what it found on WhatsApp's page at the last start."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent.checks.check import Check, failed

if TYPE_CHECKING:  # the package loads Playwright
    from agent.drivers.whatsapp_web.bundle import Bundle
    from agent.drivers.whatsapp_web.drift import Record

_UPDATE: Final = "Run `sak-agent update-bundle`"
_SHOWN_MAX: Final = 5


def check_bundle(data_dir: Path) -> Iterator[Check]:
    """The bundle and the newest self-test."""
    from agent.drivers.whatsapp_web import WhatsAppWebError
    from agent.drivers.whatsapp_web.bundle import FOLDER, Bundles
    from agent.drivers.whatsapp_web.drift import read_record
    from agent.drivers.whatsapp_web.inject import find_bundle

    try:
        bundles = Bundles(data_dir / FOLDER, find_bundle(None))
        now, shipped = bundles.choose(), bundles.shipped()
    except WhatsAppWebError as error:
        yield failed("wa-js", error)
        return
    yield judge_bundle(now, shipped, bundles.refused())
    yield judge_record(read_record(data_dir / FOLDER), now.version)


def judge_bundle(now: "Bundle", shipped: "Bundle", refused: tuple[str, ...]) -> Check:
    """Which wa-js is in use, known by its hash."""
    finding = f"{now.version or 'of unknown version'}, sha256 {now.sha256[:16]}…"
    if not now.is_shipped:
        finding += f", fetched; {shipped.version} came with the agent"
    if refused:
        return Check("wa-js", "ok", f"{finding}; given up: {', '.join(refused)}")
    return Check("wa-js", "ok", finding)


def judge_record(record: "Record | None", version: str) -> Check:
    """Whether this wa-js could do everything on the page that was opened last."""
    name = "self-test"
    if record is None or record.wa_js != version:
        return Check(name, "ok", "none yet with this wa-js; each start of the agent makes one")
    if record.lacks:
        finding = f"WhatsApp Web changed; wa-js {version} lacks {_shown(record.lacks)}"
        return Check(name, "fail", finding, f"{_UPDATE}; until then nothing is sent.")
    finding = f"passed; {record.modules} modules of WhatsApp not found"
    if record.does_without:
        remedy = f"{_UPDATE}; replies go out meanwhile."
        return Check(name, "warn", f"{finding}; without {_shown(record.does_without)}", remedy)
    if record.news:
        remedy = f"{_UPDATE} if something does not work any more."
        return Check(name, "warn", f"{finding}, new: {_shown(record.news)}", remedy)
    return Check(name, "ok", f"{finding}, all of them known")


def _shown(names: tuple[str, ...]) -> str:
    more = len(names) - _SHOWN_MAX
    return ", ".join(names[:_SHOWN_MAX]) + (f" and {more} more" if more > 0 else "")
