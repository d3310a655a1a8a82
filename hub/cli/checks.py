"""What `doctor` looks at: each check says how a part of the hub is, and what to do about it."""

import errno
import shutil
import socket
import ssl
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Final, Literal

import msgspec

from hub.cli.agents import UNSERVED
from hub.cli.command import Session, load_settings, moment, with_store
from hub.cli.notices import Notice, unseen
from hub.cli.quarantine import Quarantined, listed
from hub.cli.tenant_spending import allowed
from hub.commerce import model_wishes, shop_profile
from hub.commerce.papers.fonts import Fonts, FontsMissingError
from hub.commerce.papers.order_papers import TRIES_MAX
from hub.gateway import pressure
from hub.settings import Settings, SettingsError
from hub.store import serving
from hub.store.errors import StoreError
from hub.store.tx import Row, Tx

FREE_MIN_BYTES: Final = 64 * 2**20  # below it a hub with customers stops within the day
ANSWER_TIMEOUT_S: Final = 2.0
NOTICES_MAX: Final = 20  # a screen of them
PAPERS_LATE_S: Final = 300.0  # made within seconds where nothing is wrong
PAPERS_LOOKED_BACK_MS: Final = 7 * 24 * 3_600_000
PORT_REMEDIES: Final = {
    errno.EADDRINUSE: "Stop what holds it, or set SAK_HUB_PORT to another.",
    errno.EACCES: "Set SAK_HUB_PORT to one above 1023.",
}

Verdict = Literal["ok", "warn", "fail"]


class Check(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the doctor's. `remedy` is there whenever something can be done."""

    name: str
    verdict: Verdict
    finding: str
    remedy: str | None = None
    quarantined: tuple[Quarantined, ...] = ()


class Facts(msgspec.Struct, frozen=True):
    """What the database says, read at one moment."""

    path: Path
    schema: int
    verdict: str
    writable: str | None
    tenants: list[Row]
    agents: list[Row]
    is_served: bool
    quarantine: list[Row]
    papers: "Papers"
    notices: list[Notice]


class Papers(msgspec.Struct, frozen=True):
    """Orders' papers: how many wait for how long, and how many were given up lately."""

    waiting: int
    waited_s: float
    waiting_since: int | None
    given_up: int
    given_up_at: int | None


def examine() -> Iterator[Check]:
    """Every check, in the order in which one depends on the other."""
    try:
        settings = load_settings()
    except SettingsError as error:
        yield Check("settings", "fail", str(error), "docs/settings.md has all settings.")
        return
    yield Check("settings", "ok", "sound")
    try:
        facts = with_store(_read)
    except StoreError as error:
        yield Check("database", "fail", str(error), "Nothing else can be checked before that.")
        return
    yield from _database(facts)
    usage = shutil.disk_usage(facts.path.parent)
    yield disk(usage.total, usage.free, settings.disk_full_pct)
    yield _port(settings)
    yield from _catalogs(facts.tenants)
    yield from _models(facts.tenants, settings)
    yield _agents(facts.agents, is_served=facts.is_served)
    yield _quarantine(facts.quarantine)
    yield _papers(facts.papers)
    yield from _notices(facts.notices)
    yield _fonts()


async def _read(session: Session) -> Facts:
    store = session.store
    try:
        await store.write(_touch)
        trouble = None
    except StoreError as error:
        trouble = str(error)

    def look(tx: Tx) -> Facts:
        schema, integrity = tx.one("doctor.schema"), tx.one("doctor.integrity")
        return Facts(
            path=store.path,
            schema=schema["schema"] if schema else 0,
            verdict=integrity["verdict"] if integrity else "no answer",
            writable=trouble,
            tenants=tx.all("tenants.all"),
            agents=tx.all("agents.count_by_status"),
            is_served=serving.is_served(store.path),
            quarantine=tx.all("doctor.quarantine"),
            papers=_paper_facts(tx, session.clock.now_ms()),
            notices=unseen(tx, NOTICES_MAX),
        )

    return await store.read(look)


def _paper_facts(tx: Tx, now_ms: int) -> Papers:
    row = tx.one("papers.health", since=now_ms - PAPERS_LOOKED_BACK_MS, tries_max=TRIES_MAX)
    if row is None:
        raise LookupError("an aggregate is always one row")
    since = row["waiting_since"]
    waited_s = 0.0 if since is None else (now_ms - since) / 1000
    return Papers(waited_s=waited_s, **dict(row))


def _touch(tx: Tx) -> None:
    """Write and leave everything as it was: whether the disk still takes a commit."""
    for by in (1, -1):
        tx.run("doctor.touch", by=by)


def _database(facts: Facts) -> Iterator[Check]:
    if facts.verdict == "ok":
        yield Check("database", "ok", f"{facts.path} is sound, schema {facts.schema}")
    else:
        remedy = "Stop the hub and put a backup copy of the file in its place."
        yield Check("database", "fail", f"{facts.path} is damaged: {facts.verdict}", remedy)
    if facts.writable is None:
        yield Check("writer", "ok", "a write was committed")
    else:
        yield Check("writer", "fail", facts.writable, "Messages cannot be kept until that is done.")


def disk(total: int, free: int, full_pct: float) -> Check:
    """How much room the database's file system has; bytes."""
    finding = f"{free / 2**30:.1f} GiB free, {pressure.used_pct(total, free):.0f} % used"
    remedy = "Free some space: agents are asked to wait when the disk is full."
    if free < FREE_MIN_BYTES:
        return Check("disk", "fail", finding, remedy)
    if pressure.is_disk_full(total, free, full_pct):
        return Check("disk", "warn", finding, remedy)
    return Check("disk", "ok", finding)


def _port(settings: Settings) -> Check:
    where = f"{settings.host}:{settings.port}"
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            if _hub_answers(settings):
                return Check("port", "ok", f"a hub answers on {where}")
            remedy = PORT_REMEDIES.get(error.errno or 0, "Correct SAK_HUB_HOST.")
            return Check("port", "fail", f"{where} cannot be taken: {error.strerror}", remedy)
    return Check("port", "ok", f"{where} is free; no hub is running there")


def _hub_answers(settings: Settings) -> bool:
    """Whether what listens there is a hub."""
    connection = _connection(settings)
    try:
        connection.request("GET", "/healthz")
        return b'"alive"' in connection.getresponse().read(1_000)
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _connection(settings: Settings) -> HTTPConnection:
    """One to this machine; whom a certificate is for does not matter then."""
    if settings.tls_cert is None:
        return HTTPConnection(settings.host, settings.port, timeout=ANSWER_TIMEOUT_S)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return HTTPSConnection(settings.host, settings.port, timeout=ANSWER_TIMEOUT_S, context=context)


def _catalogs(tenants: list[Row]) -> Iterator[Check]:
    if not tenants:
        yield Check("tenants", "warn", "none yet", "Add a shop: sak-hub tenant add NAME")
    for row in tenants:
        finding = f"{row['name']}: {row['products']} products, mode {row['mode']}"
        if row["products"]:
            yield Check("catalog", "ok", finding)
        else:
            remedy = f"Import its products: sak-hub catalog import {row['tenant_id']} FILE"
            yield Check("catalog", "warn", finding, remedy)
        yield from _payments(row)


def _payments(tenant: Row) -> Iterator[Check]:
    """Ways to pay that customers may choose, and then are not told where to."""
    profile = shop_profile.load(tenant["settings"])
    needed = {"upi": ("upi_vpa", profile.upi_vpa), "bank": ("bank_text", profile.bank_text)}
    for way, (key, said) in needed.items():
        if way in profile.payment and not said:
            finding = f"{tenant['name']}: customers may pay by {way}, and {key} is not set"
            remedy = f"Set it: sak-hub tenant set {tenant['tenant_id']} {key} VALUE"
            yield Check("payment", "warn", finding, remedy)


def _models(tenants: list[Row], settings: Settings) -> Iterator[Check]:
    """What shops set about a model that has no effect on this hub."""
    for row in tenants:
        has, wishes = allowed(row, settings), model_wishes.load(row["settings"])
        if has.missing is not None and wishes.model_mode in ("hybrid", "model"):
            finding = f"{row['name']}: its model_mode is {wishes.model_mode}, and the hub asks none"
            yield Check("model", "warn", finding, f"For a model, {has.missing}.")
        costs = (wishes.model_day_cost, wishes.model_month_cost)
        if has.missing is None and any(costs) and not settings.has_model_prices:
            finding = f"{row['name']}: its limit of cost is never reached, for nothing has a price"
            remedy = "Set SAK_HUB_MODEL_PRICE_INPUT and SAK_HUB_MODEL_PRICE_OUTPUT."
            yield Check("model", "warn", finding, remedy)


def _notices(notices: list[Notice]) -> Iterator[Check]:
    """What happened that nobody marked as seen."""
    if not notices:
        yield Check("notices", "ok", "none unseen")
    for notice in notices:
        whose = notice.tenant_id or "hub"
        remedy = f"{notice.remedy} Then: sak-hub notices --seen {whose}"
        yield Check("notices", "warn", f"{notice.at} {notice.finding}", remedy)


def _agents(rows: list[Row], *, is_served: bool) -> Check:
    if not rows:
        return Check("agents", "warn", "none yet", "Pair a PC: sak-hub agent invite TENANT")
    if not is_served and any(row["status"] in UNSERVED for row in rows):
        known = sum(row["agents"] for row in rows)
        return Check(
            "agents", "warn", f"{known} known, no hub is running", "Start 'sak-hub serve'."
        )
    finding = ", ".join(f"{row['agents']} {row['status']}" for row in rows)
    if any(row["status"] in ("lost", "degraded") for row in rows):
        return Check("agents", "warn", finding, "See 'sak-hub agent list', then look at that PC.")
    return Check("agents", "ok", finding)


def _quarantine(rows: list[Row]) -> Check:
    if not rows:
        return Check("quarantine", "ok", "empty")
    events, since = sum(row["events"] for row in rows), min(row["since"] for row in rows)
    return Check(
        "quarantine",
        "warn",
        f"{events} not understood since {moment(since)}; agents concerned: {len(rows)}",
        "They were kept apart and all others went on. Bring the hub and these agents to one "
        "version; if they are, give the reason to whoever makes the agent.",
        listed(rows),
    )


def _papers(papers: Papers) -> Check:
    """Invoices and payment codes: late ones and those that nobody will get by themselves."""
    said = [f"{papers.waiting} waiting since {moment(papers.waiting_since)}"] * bool(papers.waiting)
    if papers.given_up:
        last = moment(papers.given_up_at)
        said.append(f"{papers.given_up} given up within a week, the last one {last}")
        remedy = "'sak-hub orders show' tells whose; send these by hand. The log has the reason."
        return Check("papers", "warn", ", ".join(said), remedy)
    if papers.waited_s > PAPERS_LATE_S:
        remedy = "Start 'sak-hub serve', which makes them; if it runs, its log has the reason."
        return Check("papers", "warn", ", ".join(said), remedy)
    return Check("papers", "ok", ", ".join(said) or "none waiting")


def _fonts() -> Check:
    try:
        Fonts.find()
    except FontsMissingError as error:
        return Check("fonts", "warn", "no invoice can be printed", str(error))
    return Check("fonts", "ok", "found")
