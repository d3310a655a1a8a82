import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hub.commerce.papers.fonts import Fonts
from hub.commerce.papers.jobs import Job, Payment
from hub.commerce.papers.payment_code import picture
from hub.commerce.papers.press import Press, PrintError
from tests.hub.commerce.papers import samples
from tests.hub.commerce.papers.pdfs import pages

PAY = Payment(vpa="sample@okbank", payee="Sample", amount=100, order_no="A-1001")
PAYMENT = Job(PAY)


def running(pid: int | None) -> bool:
    """Whether a process of ours is there and has not ended."""
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_papers_are_printed_in_another_process() -> None:
    """One child serves several jobs, and is gone when it is ended."""
    press = Press()
    assert press.pid is None
    invoice = samples.invoice(samples.bill())
    first = await press.file(Job(invoice, Fonts.find()))
    pid = press.pid
    assert pid != os.getpid()
    assert "Order A-1001" in pages(first)[0]
    assert await press.file(PAYMENT) == picture(PAY)
    assert await press.file(Job(invoice, Fonts.find())) == first
    assert press.pid == pid
    await press.end()
    assert not running(pid)
    await press.end()  # again: nothing to do


def test_the_hub_itself_loads_nothing_that_prints() -> None:
    """Its memory does not pay for papers either."""
    asks = (
        "import sys, hub.commerce.papers.worker; print({'reportlab', 'segno'} & set(sys.modules))"
    )
    told = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"


async def test_a_job_that_fails_leaves_the_child_to_the_next() -> None:
    """The error's kind and place come back, its words do not: they may quote a customer."""
    press = Press()
    fonts = Fonts(regular="/nowhere/a customer.ttf", bold="", arabic="", arabic_bold="")
    with pytest.raises(PrintError) as caught:
        await press.file(Job(samples.invoice(samples.bill()), fonts))
    assert "customer" not in str(caught.value)
    assert caught.value.error == "TTFError"
    with pytest.raises(PrintError, match="ValueError in file"):
        await press.file(Job(samples.invoice(samples.bill())))
    pid = press.pid
    assert await press.file(PAYMENT)
    assert press.pid == pid
    await press.end()


async def test_a_child_that_dies_is_replaced() -> None:
    """Its job failed; the next one gets another child."""
    press = Press()
    await press.file(PAYMENT)
    pid = press.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(PrintError, match="ChildDied"):
        await press.file(PAYMENT)
    assert await press.file(PAYMENT)
    assert press.pid != pid
    await press.end()


@pytest.mark.parametrize("says", ["", "print('what is this? ' * 20, flush=True);"])
async def test_a_child_that_says_nothing_sensible_is_ended(says: str) -> None:
    """Silence and noise are a failed job, never a file."""
    waits = f"import sys; {says} sys.stdin.read()"
    press = Press(timeout_s=0.5, command=(sys.executable, "-c", waits))
    with pytest.raises(PrintError, match=r"Timeout|ChildDied"):
        await press.file(PAYMENT)
    assert press.pid is None


async def test_a_cancelled_job_takes_its_child_along() -> None:
    """Or its answer would be taken for the next job's."""
    press = Press()
    await press.file(PAYMENT)
    pid = press.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(press.file(PAYMENT))
        await asyncio.sleep(0)  # it begins to wait for the child
        task.cancel()
    assert press.pid is None
    assert not running(pid)


async def test_a_child_ends_when_its_parent_is_gone(tmp_path: Path) -> None:
    """Whatever kills the hub closes the pipe that the child reads."""
    mine, theirs = os.pipe()
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hub.commerce.papers.printing", stdin=mine
    )
    os.close(mine)
    os.close(theirs)
    assert await asyncio.wait_for(child.wait(), 20) == 0
