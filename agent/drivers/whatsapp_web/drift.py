"""How far WhatsApp's page has gone from what wa-js knows: kept from start to start, beside wa-js.

`known_missing.txt` lists WhatsApp's modules that the practice page does not have; a test holds it
to wa-js. What WhatsApp's own page lacks nobody can commit beforehand: the first start on it that
passes the self-test with a version of wa-js writes the list for that version, and what is missing
after that is news. News is a warning; only a failed self-test stops the sending.
"""

import os
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec
import structlog
from msgspec.structs import replace

from agent.drivers.whatsapp_web.bundle import Bundle
from agent.drivers.whatsapp_web.inject import Scripts
from agent.drivers.whatsapp_web.selftest import Tested
from agent.settings import is_loopback

_log = structlog.get_logger(__name__)
_FILE: Final = "selftest.json"
_FAILURES_MAX: Final = 2  # of a bundle that never passed: one may be a slow moment
_SHOWN_MAX: Final = 10


class Record(msgspec.Struct, frozen=True):
    """The newest self-test. `known` is what was missing from the first, `news` what is since."""

    page: str
    wa_js: str
    tested_ms: int
    lacks: tuple[str, ...] = ()
    does_without: tuple[str, ...] = ()
    modules: int = 0
    known: tuple[str, ...] | None = None
    news: tuple[str, ...] = ()


def known_missing() -> frozenset[str]:
    """WhatsApp's modules that the practice page lacks by intention."""
    lines = (files("agent.drivers.whatsapp_web") / "known_missing.txt").read_text("utf-8")
    return frozenset(line for line in lines.splitlines() if line and not line.startswith("#"))


def read_record(directory: Path) -> Record | None:
    """What the last self-test found; None: there was none."""
    try:
        return msgspec.json.decode((directory / _FILE).read_bytes(), type=Record)
    except (OSError, msgspec.MsgspecError):
        return None


def judge(before: Record | None, tested: Tested, wa_js: str, page: str, now_ms: int) -> Record:
    """CORE: the next record. Modules are compared only once they may be counted."""
    is_same = before is not None and (before.page, before.wa_js) == (page, wa_js)
    known = before.known if before is not None and is_same else None
    record = Record(
        page, wa_js, now_ms, tested.lacks, tested.does_without, len(tested.modules), known
    )
    if not tested.is_settled:
        return replace(record, news=before.news if before is not None and is_same else ())
    if is_loopback(urlsplit(page).hostname):
        known = tuple(sorted(known_missing()))
    elif known is None:
        known = tested.modules
    return replace(record, known=known, news=tuple(sorted(set(tested.modules) - set(known))))


class Drift:
    """Takes in what self-tests find; without a store it only logs."""

    def __init__(
        self, directory: Path | None, scripts: Scripts, page: str, now_ms: Callable[[], int]
    ) -> None:
        self._directory = directory
        self._scripts = scripts
        self._page = page
        self._now_ms = now_ms
        self._failures = 0

    def note(self, tested: Tested) -> None:
        """A test of the page ended; without wa-js in it there was nothing to test."""
        if (bundle := self._scripts.bundle) is None:
            return
        if tested.lacks:
            _log.error(
                "whatsapp_self_test_failed",
                wa_js=bundle.version,
                missing=tested.missing,
                silent=tested.silent,
            )
        if tested.does_without:
            _log.warning("whatsapp_functions_vanished", functions=tested.does_without)
        before = None if self._directory is None else read_record(self._directory)
        record = judge(before, tested, bundle.version, self._page, self._now_ms())
        if tested.is_settled:
            _log.info(
                "whatsapp_self_test_passed", wa_js=bundle.version, modules_missing=record.modules
            )
        if record.news and tested.is_settled:
            news = record.news[:_SHOWN_MAX]
            _log.warning("whatsapp_modules_vanished", count=len(record.news), modules=news)
        if self._directory is not None:
            self._keep(self._directory, record)
        self._judge(tested, bundle)

    def _judge(self, tested: Tested, bundle: Bundle) -> None:
        """Go back from a fetched bundle that never worked here."""
        self._failures = self._failures + 1 if tested.lacks else 0
        if bundle.is_shipped or bundle.is_proven:
            return
        if tested.is_settled:
            self._scripts.bundles.prove(bundle)
        elif self._failures >= _FAILURES_MAX:
            self._failures = 0
            _log.error("whatsapp_bundle_given_up", wa_js=bundle.version)
            self._scripts.bundles.go_back(bundle)

    def _keep(self, directory: Path, record: Record) -> None:
        """Replace the record; a disk that does not take it costs the doctor's line only."""
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = directory / f"{_FILE}.{os.getpid()}"
            draft.write_bytes(msgspec.json.format(msgspec.json.encode(record)))
            draft.replace(directory / _FILE)
        except OSError as error:
            _log.warning("whatsapp_self_test_not_kept", why=error.strerror)
