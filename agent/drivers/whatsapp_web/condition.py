"""What is known of WhatsApp: every fact comes here, is judged anew, and a change is reported."""

import time
from collections.abc import Callable

import structlog
from msgspec.structs import replace

from agent.drivers.driver import DriverStatus, Evidence
from agent.drivers.whatsapp_web.evidence import (
    Findings,
    Hearing,
    Patience,
    Remedy,
    Verdict,
    is_banned,
    judge,
    lacking,
    listen,
    plain,
)
from agent.drivers.whatsapp_web.linker import Linker
from agent.drivers.whatsapp_web.mapping import PageState, e164
from agent.drivers.whatsapp_web.profile import Profile
from agent.drivers.whatsapp_web.reports import Reports

_log = structlog.get_logger(__name__)


def wall_ms() -> int:
    """Milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


class Condition:
    """The status, and the facts behind it."""

    def __init__(
        self,
        profile: Profile,
        reports: Reports,
        patience: Patience,
        linker: Linker,
        monotonic: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], int] = wall_ms,
    ) -> None:
        self._profile = profile
        self._reports = reports
        self._patience = patience
        self._linker = linker
        self._monotonic = monotonic
        self._now_ms = now_ms
        self._hearing = Hearing()
        self._restricted_ms: int | None = None
        self._lifted_ms = 0
        self._lacks: tuple[str, ...] | None = ()
        self._since = monotonic()
        self._evidence = Evidence(None, False, None, None, 0, 0)
        self.status = DriverStatus("stopped", advice=plain("stopped").advice)

    @property
    def age_s(self) -> float:
        """How long WhatsApp has been in its state."""
        return self._monotonic() - self._since

    def told(self, page: PageState) -> None:
        """The page says how it is, unasked."""
        self._evidence = replace(self._evidence, last_event_ms=self._now_ms())
        self._judge(page)

    def noted_event(self) -> None:
        """WhatsApp told of a message, a tick or a customer who types."""
        self._evidence = replace(self._evidence, last_event_ms=self._now_ms())
        self.status = replace(self.status, evidence=self._evidence)

    def probed(self, page: PageState, ping_ms: int, lacking: int | None) -> Remedy | None:
        """The page answered; of the messages that it shows as unread, `lacking` were not heard.

        None: nobody compared them.
        """
        seen, remedy = len(page.unread), None
        if lacking is not None:
            now = self._monotonic()
            self._hearing, remedy = listen(self._hearing, lacking, now, self._patience)
        if remedy is not None:
            _log.warning("whatsapp_messages_unheard", chats=lacking, remedy=remedy)
        self._evidence = replace(
            self._evidence, ping_ms=ping_ms, unread_seen=seen, unread_known=seen - (lacking or 0)
        )
        if remedy is not Remedy.RELOAD:
            self._judge(page)
        return remedy

    def loads(self) -> None:
        """Another document: until its self-test ended it is not ready."""
        self._lacks = None
        self.loses_page()

    def tested(self, lacks: tuple[str, ...]) -> None:
        """A self-test ended; what was missing."""
        self._lacks = lacks
        if lacks and self.status.whatsapp in ("ready", "syncing", "starting", "page_changed"):
            self.show(lacking(lacks))

    def loses_page(self, why: Verdict | None = None) -> None:
        """The page is away or loads; a state that needs somebody stays until it says otherwise."""
        self._linker.note_gone()
        last_ms = self._evidence.last_event_ms
        self._evidence = Evidence(None, False, None, last_ms, 0, 0)
        if why is not None:
            self.show(why)
        elif self.status.whatsapp in ("ready", "syncing", "stopped"):
            self.show(plain("starting"))
        else:
            self.relinked()

    def relinked(self) -> None:
        """What is said and offered to link a phone may be another."""
        if self.status.whatsapp in ("qr", "logged_out"):
            self.show(Verdict(self._linker.state, self._linker.advice))

    def begins_anew(self) -> None:
        """A person looked after it: neither a ban nor unheard messages are held against it."""
        self._lifted_ms = self._now_ms()
        self._hearing = Hearing()

    def _judge(self, page: PageState) -> None:
        self._linker.note_page(page)
        if page.restricted_ms is not None:
            self._restricted_ms = max(self._restricted_ms or 0, page.restricted_ms)
        self._evidence = replace(
            self._evidence, stream_mode=page.mode, authenticated=page.authenticated
        )
        findings = Findings(
            page=page,
            answered=self._evidence.ping_ms is not None,
            hears=self._hearing.hears,
            was_linked=self._profile.was_linked,
            is_banned=is_banned(self._restricted_ms, self._lifted_ms, self._now_ms()),
            lacks=self._lacks,
        )
        verdict = self._of_link(page, judge(findings))
        if verdict.whatsapp == "ready":
            self._profile.note_linked()
        self.show(verdict, None if self._linker.is_foreign else e164(page.account))

    def _of_link(self, page: PageState, verdict: Verdict) -> Verdict:
        """What linking has to say before the page."""
        if page.mode == "QR" or self._linker.is_foreign:
            return Verdict(self._linker.state, self._linker.advice)
        if verdict.whatsapp == "ready" and self._linker.goes_back:
            return plain("syncing")
        return verdict

    def show(self, verdict: Verdict, account: str | None = None) -> None:
        """Report a status that is another than before; the account stays known."""
        before = self.status
        account = account or before.account
        self.status = replace(
            before,
            whatsapp=verdict.whatsapp,
            account=account,
            advice=verdict.advice,
            evidence=self._evidence,
            link=self._linker.offer,
        )
        if replace(before, evidence=None) == replace(self.status, evidence=None):
            return
        if before.whatsapp != verdict.whatsapp:
            self._since = self._monotonic()
            self._log_state(verdict.whatsapp)
        self._reports.put(self.status)

    def _log_state(self, whatsapp: str) -> None:
        evidence = self._evidence
        last_ms = evidence.last_event_ms
        _log.info(
            "whatsapp_state",
            state=whatsapp,
            stream_mode=evidence.stream_mode,
            authenticated=evidence.authenticated,
            ping_ms=evidence.ping_ms,
            last_event_s=None if last_ms is None else (self._now_ms() - last_ms) // 1000,
            unread_seen=evidence.unread_seen,
            unread_known=evidence.unread_known,
        )
