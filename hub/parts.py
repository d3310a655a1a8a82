"""What a hub is made of: settings and a store become services and workers, joined together."""

import asyncio
import hmac
from collections.abc import Coroutine
from functools import partial
from typing import Any, Final, NoReturn

import msgspec
import structlog

from hub.assistant import allowance, purse
from hub.assistant.embedded import EmbeddedEngine
from hub.assistant.engine import Engine
from hub.assistant.model import HybridEngine, ModelEngine
from hub.assistant.model_loop import TurnLimits
from hub.assistant.model_wire import Endpoint, Wire
from hub.clock import Clock
from hub.commerce.papers.worker import PaperWorker
from hub.conversation import outgoing, records
from hub.conversation.outgoing_worker import OutgoingWorker
from hub.conversation.worker import Worker
from hub.gateway import pressure, revocation
from hub.gateway.connection import Connection
from hub.gateway.presence import Limits
from hub.gateway.registry import Registry
from hub.gateway.roster import Roster
from hub.gateway.services import Services
from hub.gateway.ticker import Ticker
from hub.settings import Settings
from hub.store import operator_notices, outbound
from hub.store.database import Store
from hub.store.errors import StoreError
from hub.store.media import MediaFiles
from hub.store.outbound import Order
from hub.store.policy import TenantPolicy
from hub.store.tx import Tx
from protocol import session

HOUSEKEEPING_S: Final = 3600.0
ENGINE_SPARE_S: Final = 10.0  # beyond the model's time, for the answer that stands ready
IDENTITY: Final = b"sak-hub: customers of a model"
"""What their names at the provider, and in the budget, are derived under from the model's key."""

log = structlog.get_logger(__name__)


class Parts(msgspec.Struct, frozen=True):
    """What runs inside a hub whose store is open."""

    services: Services
    worker: Worker
    outgoing: OutgoingWorker
    papers: PaperWorker
    files: MediaFiles
    gauge: pressure.Gauge


def engine_of(settings: Settings, clock: Clock, store: Store) -> Engine:
    """The embedded engine; with a key, a model beside it."""
    embedded, key, name = EmbeddedEngine(store), settings.openai_api_key, settings.model_name
    hub = allowance.of_hub(settings)
    if key is not None and name is None and settings.model_mode != "embedded":
        # The key may stand there for other programs: no customer's words go out by it.
        log.warning("model_not_used", remedy="Set SAK_HUB_MODEL_NAME to have a model asked.")
    if key is None or name is None or hub.missing is not None:
        return embedded
    model = ModelEngine(
        store,
        clock,
        Wire(Endpoint.of(key.reveal(), name, settings.model_url)),
        prices=allowance.prices_of(settings),
        limits=hub.limits,
        turn_limits=TurnLimits(turn_s=settings.model_turn_timeout_s),
        identity_key=hmac.digest(key.reveal().encode(), IDENTITY, "sha256"),
    )
    log.info("model_used", mode=hub.mode, model=name)
    return HybridEngine(embedded, model, hub.mode)


def compose(settings: Settings, clock: Clock, store: Store, engine: Engine) -> Parts:
    """Everything that a hub is made of, joined together but not yet running."""
    limits = Limits(
        started_at=clock.now_ms(),
        grace_ms=round(settings.startup_grace_s * 1000),
        offline_after_ms=round(settings.offline_after_s * 1000),
    )
    registry, roster = Registry(), Roster(limits)
    defaults = TenantPolicy(
        debounce_s=settings.debounce_s,
        debounce_max_s=max(settings.debounce_s, TenantPolicy().debounce_max_s),
    )
    files = MediaFiles(store.path.parent / "media")
    papers = PaperWorker(store, files, clock, registry.deliver, records.say_file)
    worker = Worker(
        store,
        engine,
        clock,
        registry.deliver,
        registry.show_typing,
        may_answer=registry.is_known,
        acted=papers.wake,
        defaults=defaults,
        engine_timeout_s=settings.model_turn_timeout_s + ENGINE_SPARE_S,
    )
    sender = OutgoingWorker(
        store,
        clock,
        registry.deliver,
        worker.took,
        may_send=registry.is_up_to_date,
        acted=papers.wake,
        defaults=defaults,
    )

    def know(connection: Connection, is_current: bool) -> None:
        if registry.know(connection.who.agent_id):
            worker.reload()
        if registry.keep_up(connection, is_current):
            sender.wake()

    services = Services(
        store=store,
        clock=clock,
        roster=roster,
        ticker=Ticker(store, clock, roster),
        registry=registry,
        session=session.Settings(
            hello_timeout_s=settings.hello_timeout_s,
            ack_timeout_s=settings.ack_timeout_s,
            heartbeat_interval_s=settings.heartbeat_interval_s,
            heartbeat_timeout_s=settings.heartbeat_timeout_s,
        ),
        defaults=defaults,
        duplicate_window_ms=round(settings.duplicate_window_s * 1000),
        send_timeout_s=settings.ack_timeout_s,
        know=know,
        take_up=worker.took,
        has_room=lambda: worker.has_room,
        composing=worker.composing,
    )
    bounds = pressure.Bounds(settings.disk_full_pct, settings.inbox_max)
    gauge = pressure.Gauge(store, bounds, registry.ask_pause)
    return Parts(services, worker, sender, papers, files, gauge)


def work(parts: Parts, settings: Settings) -> dict[str, Coroutine[Any, Any, NoReturn]]:
    """The tasks of a running hub by their names."""
    services = parts.services
    return {
        "store watch": services.store.watch(),
        "presence ticker": services.ticker.run(),
        "revocation watch": revocation.watch(services),
        "pressure gauge": parts.gauge.run(),
        "conversation worker": parts.worker.run(),
        "outgoing": parts.outgoing.run(),
        "commands": _notice_commands(parts),
        "order papers": parts.papers.run(),
        "housekeeping": _keep_house(services, settings),
    }


async def _notice_commands(parts: Parts) -> NoReturn:
    """Look at once for what a command wrote: words to send, a chat given back, orders to agents."""
    store = parts.services.store
    seen = store.changed.count
    while True:
        seen = await store.changed.after(seen)
        parts.outgoing.wake()
        parts.worker.reload()
        try:
            ordered = await store.all("audit.ordered")
        except StoreError as error:  # they go out with the agent's next order or connection
            log.warning("orders_not_read", error=error.code)
            continue
        for row in ordered:
            parts.services.registry.deliver(Order(row["agent_id"]))


async def _keep_house(services: Services, settings: Settings) -> NoReturn:
    """Let go of what nobody needs any longer."""
    kept_ms = round(settings.retention_s * 1000)
    while True:
        now = services.clock.now_ms()
        try:
            left = await services.store.write(partial(_prune, now_ms=now, kept_ms=kept_ms))
            log.info("logs_pruned", orders=left)
        except StoreError as error:
            log.warning("logs_not_pruned", error=error.code)
        await asyncio.sleep(HOUSEKEEPING_S)


def _prune(tx: Tx, now_ms: int, kept_ms: int) -> int:
    """Retention everywhere; how many orders left the logs."""
    purse.prune(tx, now_ms)
    operator_notices.prune(tx, now_ms)
    outgoing.prune(tx, now_ms, kept_ms)
    return outbound.prune(tx, now_ms=now_ms, kept_ms=kept_ms)
