import asyncio
import hashlib
import sys
import threading
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from structlog.testing import capture_logs

from hub.commerce.bills import Bill
from hub.commerce.drafts import Delivery
from hub.commerce.papers import order_papers
from hub.commerce.papers.fonts import Fonts, FontsMissingError
from hub.commerce.papers.order_papers import LATE_MS, TRIES_MAX, Said
from hub.commerce.papers.press import Press
from hub.commerce.papers.worker import PaperWorker
from hub.conversation import fates, records
from hub.conversation.turns import AgentRef
from hub.store.database import Store
from hub.store.errors import StoreFull
from hub.store.media import Incoming, MediaFiles
from hub.store.outbound import Order
from hub.store.tx import Row, Tx
from protocol.codec import decode_data
from protocol.messages import Fault, MessageSend, MessageStatus
from tests.fakes import FakeClock
from tests.hub.commerce.papers import samples
from tests.hub.commerce.papers.pdfs import pages
from tests.hub.shops import add_agent, add_shop, lay_tables

CHAT = "919800000001@c.us"
ACCOUNT = "+919800000099"
SETTINGS = '{"shop": {"upi_vpa": "sample@okbank", "address": "12 Sample Road"}}'
NO_CHILD = (sys.executable, "-c", "raise SystemExit(1)")


class Desk:
    """A shop whose orders are owed papers, and the worker that makes them."""

    def __init__(self, store: Store, clock: FakeClock, root: Path) -> None:
        self.store = store
        self.clock = clock
        self.files = MediaFiles(root)
        self.delivered: list[Order] = []
        self.said: list[Said] = []
        self.press = Press()

    def worker(self, **changes: Any) -> PaperWorker:
        parts: dict[str, Any] = {
            "files": self.files,
            "clock": self.clock,
            "deliver": self.delivered.append,
            "record_said": lambda _tx, said: self.said.append(said),
            "press": self.press,
            "retry_s": 30.0,
            "look_s": 600.0,
        }
        return PaperWorker(self.store, **(parts | changes))

    async def owe(
        self,
        order_id: str = "ord_1",
        kinds: tuple[str, ...] = ("invoice", "payment_code"),
        *,
        bill: Bill | None = None,
        payment: str | None = None,
    ) -> None:
        """An order is placed, and papers are asked for."""
        now_ms = self.clock.now_ms()
        whose = {"tenant_id": "ten_a", "customer_id": f"cus_{order_id}"}
        number = 1000 + int(order_id.removeprefix("ord_"))

        def place(tx: Tx) -> None:
            tx.run("customers.insert", **whose, created_at=now_ms, updated_at=now_ms)
            tx.run(
                "orders.insert",
                **whose,
                order_id=order_id,
                draft_id=f"dra_{order_id}",
                number=number,
                order_no=f"A-{number}",
                bill=msgspec.json.encode(bill or samples.bill()).decode(),
                delivery=msgspec.json.encode(Delivery(payment=payment)).decode(),
                total=1,
                now_ms=now_ms,
            )
            paper = {"tenant_id": "ten_a", "order_id": order_id, "now_ms": now_ms}
            where = {"account": ACCOUNT, "chat": CHAT, "agent_id": "agt_a"}
            tx.many("orders.queue_paper", [paper | where | {"kind": kind} for kind in kinds])

        await self.store.write(place)

    async def run(self, sql: str, **params: Any) -> None:
        """Change something that no query of the house does."""
        await self.store.write(lambda tx: tx._connection.execute(sql, params))

    async def sent(self) -> list[MessageSend]:
        """What the agent is told to send."""
        rows = await self.store.read(lambda tx: _rows(tx, "SELECT type, data FROM down_events"))
        sent = [decode_data(row["type"], row["data"]) for row in rows]
        return [data for data in sent if isinstance(data, MessageSend)]

    async def papers(self) -> dict[str, Row]:
        rows = await self.store.read(lambda tx: _rows(tx, "SELECT * FROM order_papers"))
        return {f"{row['order_id']} {row['kind']}": row for row in rows}


def _rows(tx: Tx, sql: str) -> list[Row]:
    return tx._connection.execute(sql).fetchall()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    clock = FakeClock()
    lay_tables(tmp_path / "hub.db")
    async with Store.open(f"sqlite:///{tmp_path}/hub.db", clock) as store:
        await add_shop(store, clock)
        await add_agent(store, clock)
        desk = Desk(store, clock, tmp_path / "media")
        await desk.run("UPDATE tenants SET settings = :settings", settings=SETTINGS)
        yield desk
        await desk.press.end()


async def test_an_order_gets_its_invoice_and_its_code_to_pay(desk: Desk) -> None:
    """Two messages with files whose names are their hashes, the sums of the order in both."""
    bill = samples.bill()
    await desk.owe(bill=bill)
    await desk.worker().work_off()
    invoice, code = await desk.sent()
    assert invoice.media is not None
    assert code.media is not None
    assert (invoice.media.mime, invoice.media.name) == ("application/pdf", "invoice-A-1001.pdf")
    assert (code.media.mime, code.media.name) == ("image/png", "payment-A-1001.png")
    assert (invoice.account, invoice.chat) == (ACCOUNT, CHAT)
    assert "sample@okbank" in (code.text or "")
    path = desk.files.find("ten_a", invoice.media.sha256)
    assert path is not None
    assert hashlib.sha256(path.read_bytes()).hexdigest() == invoice.media.sha256
    assert f"{bill.total // 100:,}" in "".join(pages(path.read_bytes()))
    assert [order.row is not None for order in desk.delivered] == [True, True]
    assert {said.media for said in desk.said} == {invoice.media, code.media}
    assert {UUID(p["event_id"]) for p in (await desk.papers()).values()} == {
        said.event_id for said in desk.said
    }


async def test_done_is_done(desk: Desk) -> None:
    """Looking again, also after a restart, sends nothing again."""
    await desk.owe()
    await desk.worker().work_off()
    await desk.worker().work_off()
    assert len(await desk.sent()) == 2


class DyingFiles(MediaFiles):
    """Keeps one file and then never returns: the place where the hub is killed."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.kept = threading.Event()
        self.killed = threading.Event()

    def receive(self, tenant_id: str, digest: str) -> Incoming | None:
        incoming = super().receive(tenant_id, digest)
        assert incoming is not None
        keep = incoming.keep

        def keep_and_die() -> Any:
            kept = keep()
            self.kept.set()
            self.killed.wait(30)
            return kept

        incoming.keep = keep_and_die  # type: ignore[method-assign] # the moment of death
        return incoming


async def test_a_kill_between_printing_and_sending_sends_exactly_one(
    desk: Desk, tmp_path: Path
) -> None:
    """The file is there, the order to send it is not: the next worker makes up for it."""
    await desk.owe(kinds=("invoice",))
    files = DyingFiles(tmp_path / "media")
    worker = desk.worker(files=files)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(worker.run())
        assert await asyncio.to_thread(files.kept.wait, 30)
        task.cancel()
    files.killed.set()
    assert await desk.sent() == []
    await desk.worker().work_off()
    await desk.worker().work_off()
    assert len(await desk.sent()) == 1
    assert len(list((tmp_path / "media/ten_a").iterdir())) == 1


async def test_a_kill_between_sending_and_delivering_loses_nothing(desk: Desk) -> None:
    """What is committed is in the agent's log; two workers that overlap still send one."""
    await desk.owe(kinds=("payment_code",))
    (paper,) = await desk.store.read(lambda tx: order_papers.open_after(tx, (-1, "", ""), 9))
    content = await desk.store.read(lambda tx: order_papers.content(tx, paper))
    assert content is not None
    for _ in range(2):
        await desk.store.write(
            lambda tx: order_papers.finish(tx, paper, content, "0" * 64, lambda *_: None, 1)
        )
    assert len(await desk.sent()) == 1
    assert desk.delivered == []


async def test_an_order_that_changes_while_it_is_printed_is_printed_anew(desk: Desk) -> None:
    """What is sent is what is true at that moment."""
    await desk.owe(kinds=("invoice",))
    (paper,) = await desk.store.read(lambda tx: order_papers.open_after(tx, (-1, "", ""), 9))
    content = await desk.store.read(lambda tx: order_papers.content(tx, paper))
    assert content is not None
    await desk.run("UPDATE orders SET paid_at = 1")
    order = await desk.store.write(
        lambda tx: order_papers.finish(tx, paper, content, "0" * 64, lambda *_: None, 1)
    )
    assert order is None
    await desk.worker().work_off()
    (invoice,) = await desk.sent()
    assert invoice.media is not None
    path = desk.files.find("ten_a", invoice.media.sha256)
    assert path is not None
    assert "\nPaid\n" in "".join(pages(path.read_bytes()))


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ("UPDATE orders SET state = 'cancelled'", []),
        ("UPDATE orders SET paid_at = 1", ["invoice"]),
        ("UPDATE tenants SET settings = '{}'", ["invoice"]),
        ('UPDATE orders SET delivery = \'{"payment": "cod"}\'', ["invoice"]),
        ('UPDATE orders SET delivery = \'{"payment": "upi"}\'', ["invoice", "payment"]),
    ],
)
async def test_a_paper_that_nobody_needs_is_not_sent(
    desk: Desk, change: str, kinds: list[str]
) -> None:
    """No invoice of a cancelled order; no code where nothing is to be paid by it."""
    await desk.owe()
    await desk.run(change)
    await desk.worker().work_off()
    names = [sent.media.name or "" for sent in await desk.sent() if sent.media is not None]
    assert [name.partition("-")[0] for name in names] == kinds
    assert all(paper["done_at"] for paper in (await desk.papers()).values())


async def test_poison_blocks_nobody_and_is_given_up(desk: Desk) -> None:
    """An order that cannot be read fails three times; the others' papers go out at once."""
    await desk.owe("ord_1", ("invoice",))
    await desk.owe("ord_2", ("invoice",))
    await desk.run("UPDATE orders SET bill = '{}' WHERE order_id = 'ord_1'")
    worker = desk.worker()
    with capture_logs() as logs:
        await worker.work_off()
        assert len(await desk.sent()) == 1
        await worker.work_off()  # at once: it rests
        assert (await desk.papers())["ord_1 invoice"]["tries"] == 1
        for _ in range(TRIES_MAX - 1):
            desk.clock.advance(30)
            await worker.work_off()
    paper = (await desk.papers())["ord_1 invoice"]
    assert (paper["tries"], paper["event_id"]) == (TRIES_MAX, None)
    assert paper["done_at"] is not None
    events = [line["event"] for line in logs if line["log_level"] == "error"]
    assert events == ["paper_failed", "paper_failed", "paper_given_up"]
    health = await desk.store.one("papers.health", since=0, tries_max=TRIES_MAX)
    assert health is not None
    assert (health["waiting"], health["given_up"]) == (0, 1)


async def test_a_child_that_dies_counts_against_its_paper(desk: Desk) -> None:
    """What kills the printer is poison too, and names no customer in the log."""
    await desk.owe(kinds=("invoice",))
    with capture_logs() as logs:
        await desk.worker(press=Press(command=NO_CHILD)).work_off()
    assert (await desk.papers())["ord_1 invoice"]["tries"] == 1
    assert [line["error"] for line in logs] == ["ChildDied"]


async def test_without_fonts_invoices_wait_and_codes_go(desk: Desk) -> None:
    """It is not the paper's fault: once the fonts are there it is sent."""

    def missing() -> Fonts:
        raise FontsMissingError("run `make setup`")

    await desk.owe()
    worker = desk.worker(find_fonts=missing)
    with capture_logs() as logs:
        await worker.work_off()
    assert [sent.media.mime for sent in await desk.sent() if sent.media] == ["image/png"]
    assert [(line["event"], line["why"]) for line in logs if line["log_level"] == "error"] == [
        ("papers_wait", "run `make setup`")
    ]
    assert (await desk.papers())["ord_1 invoice"]["tries"] == 0
    await desk.worker().work_off()
    assert len(await desk.sent()) == 2


async def test_a_file_that_cannot_be_kept_waits(desk: Desk, tmp_path: Path) -> None:
    """A full disk, or a folder that is none, is repaired by somebody; no try is counted."""
    (tmp_path / "media").write_text("no folder")
    await desk.owe(kinds=("payment_code",))
    worker = desk.worker()
    await worker.work_off()
    assert (await desk.papers())["ord_1 payment_code"]["tries"] == 0
    (tmp_path / "media").unlink()
    desk.clock.advance(30)
    await worker.work_off()
    assert len(await desk.sent()) == 1


async def test_a_paper_that_is_a_day_late_is_given_up(desk: Desk) -> None:
    """A hub that was down for days does not greet customers with old invoices."""
    await desk.owe()
    desk.clock.advance(LATE_MS / 1000)
    await desk.worker().work_off()
    assert await desk.sent() == []
    health = await desk.store.one("papers.health", since=0, tries_max=TRIES_MAX)
    assert health is not None
    assert health["given_up"] == 2


async def test_the_agent_may_send_it_within_that_day_only(desk: Desk) -> None:
    """The PC may be off as well."""
    await desk.owe(kinds=("payment_code",))
    placed_at = desk.clock.now_ms()
    desk.clock.advance(60)
    await desk.worker().work_off()
    (sent,) = await desk.sent()
    assert sent.expires_at is not None
    assert sent.expires_at.ms == placed_at + LATE_MS


async def test_more_papers_than_a_page_are_all_made(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that rest do not hide those behind them."""
    monkeypatch.setattr("hub.commerce.papers.worker.PAGE", 2)
    for number in range(1, 6):
        await desk.owe(f"ord_{number}", ("payment_code",))
    await desk.run("UPDATE orders SET bill = '{}' WHERE order_id IN ('ord_1', 'ord_2')")
    await desk.worker().work_off()
    assert len(await desk.sent()) == 3


async def test_a_running_worker_is_woken_and_ends_its_child(desk: Desk) -> None:
    """The child is there while there is work, and gone when none came for a while."""
    done = asyncio.Event()
    desk.delivered = _Telling(done)
    ended = asyncio.Event()
    desk.press = _Watched(ended)
    worker = desk.worker(idle_s=0.0)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(worker.run())
        await desk.owe(kinds=("payment_code",))
        worker.wake()
        await asyncio.wait_for(done.wait(), 30)
        worker.wake()
        await asyncio.wait_for(ended.wait(), 30)
        assert desk.press.pid is None
        task.cancel()
    assert len(await desk.sent()) == 1


async def test_a_store_that_refuses_is_asked_again(desk: Desk) -> None:
    """A full disk is not the paper's fault: nothing is counted, nothing is lost."""
    refusals = [StoreFull("full")] * 2  # the writer tries an operation that fails once more

    def record(_tx: Tx, _said: Said) -> None:
        if refusals:
            raise refusals.pop()

    await desk.owe(kinds=("payment_code",))
    done = asyncio.Event()
    desk.delivered = _Telling(done)
    with capture_logs() as logs:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(desk.worker(record_said=record, look_s=0.01).run())
            await asyncio.wait_for(done.wait(), 30)
            task.cancel()
    assert len(await desk.sent()) == 1
    assert (await desk.papers())["ord_1 payment_code"]["tries"] == 0
    assert ("papers_not_stored", "store_full") in [(x["event"], x.get("error")) for x in logs]


class _Watched(Press):
    """A press that tells when a child of it was ended."""

    def __init__(self, ended: asyncio.Event) -> None:
        super().__init__()
        self._ended = ended

    async def end(self) -> None:
        had_child = self.pid is not None
        await super().end()
        if had_child:
            self._ended.set()


class _Telling(list[Order]):
    """A list that tells when something was added."""

    def __init__(self, done: asyncio.Event) -> None:
        super().__init__()
        self._done = done

    def append(self, order: Order) -> None:
        super().append(order)
        self._done.set()


async def test_a_cancelled_worker_leaves_no_process(desk: Desk) -> None:
    """The hub that stops takes the child along."""
    await desk.owe(kinds=("payment_code",))
    done = asyncio.Event()
    desk.delivered = _Telling(done)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(desk.worker().run())
        await asyncio.wait_for(done.wait(), 30)
        assert desk.press.pid is not None
        task.cancel()
    assert desk.press.pid is None


async def test_a_customer_reads_their_language(desk: Desk) -> None:
    """The caption; what the shop speaks first where the customer's is not known."""
    await desk.owe(kinds=("invoice",))
    await desk.run("UPDATE customers SET language = 'hi', name = 'A customer'")
    await desk.worker().work_off()
    assert [(sent.text or "").partition(",")[0] for sent in await desk.sent()] == [
        "ऑर्डर A-1001 का बिल"
    ]


async def test_a_paper_that_the_agent_could_not_send_is_no_secret(desk: Desk) -> None:
    """What the agent reports stands beside the paper, and the doctor counts it as given up."""
    await desk.owe()
    await desk.worker(record_said=records.say_file).work_off()
    said = await desk.store.read(lambda tx: _rows(tx, "SELECT * FROM order_papers ORDER BY kind"))
    lost, read = (UUID(row["event_id"]) for row in said)
    agent = AgentRef("ten_a", "agt_a")
    why = Fault(code="media_unknown", message="the hub does not hold the file")
    for status in (
        MessageStatus(ref=lost, state="failed", error=why),
        MessageStatus(ref=read, state="read"),
    ):
        await desk.store.write(partial(fates.take_status, agent=agent, status=status, now_ms=9))
    papers = await desk.store.all("papers.of_order", tenant_id="ten_a", order_id="ord_1")
    told = [(row["message_state"], row["message_state_at"]) for row in papers]
    assert told == [("failed", 9), ("read", 9)]
    assert msgspec.json.decode(papers[0]["message_error"], type=Fault) == why
    health = await desk.store.one("papers.health", since=0, tries_max=TRIES_MAX)
    assert health is not None
    assert (health["waiting"], health["given_up"], health["given_up_at"]) == (0, 1, 9)
