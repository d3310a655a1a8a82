"""Processes of a measurement: started, heard by JSON lines, weighed from outside, ended by pid."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import psutil

ROOT: Final = Path(__file__).resolve().parents[1]
READY_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 20.0  # RabbitMQ takes a few seconds to close its queues
SAMPLE_S: Final = 0.05
LOG_TAIL: Final = 2_000  # characters of a failed process's log that an error shows


class ChildError(Exception):
    """A process ended or fell silent before it said what it was started for."""


class Child:
    """A started process."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.pid = process.pid
        self._name = log.stem
        self._process = process
        self._log = log

    def line(self, timeout_s: float) -> dict[str, Any]:
        """The next JSON line that it prints.

        Raises:
            ChildError: none came in time, or the process ended.
        """
        assert self._process.stdout is not None
        alarm = threading.Timer(timeout_s, self._process.kill)
        alarm.start()
        try:
            said = self._process.stdout.readline()
        finally:
            alarm.cancel()
        if not said:
            raise ChildError(f"{self._name} said nothing: {self.tail()}")
        answer: dict[str, Any] = json.loads(said)
        return answer

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def tail(self) -> str:
        """The end of what it wrote to its log."""
        return self._log.read_text(errors="replace")[-LOG_TAIL:]

    def stop(self) -> None:
        """End it and whatever it started."""
        family: list[psutil.Process] = []
        with suppress(psutil.NoSuchProcess):
            family = psutil.Process(self.pid).children(recursive=True)
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for orphan in family:
            with suppress(psutil.NoSuchProcess):
                orphan.kill()
        if self._process.stdout is not None:
            self._process.stdout.close()


@contextmanager
def child(
    command: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Child]:
    """Run a command for as long as the block lasts; its errors go to `log`, which names it."""
    with log.open("ab") as errors:
        process = subprocess.Popen(  # noqa: S603 - the commands are this package's own
            list(map(str, command)),
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    running = Child(process, log)
    try:
        yield running
    finally:
        running.stop()


def module(name: str, *arguments: object) -> list[str]:
    """The command that runs one of our modules with this interpreter."""
    return [sys.executable, "-m", name, *map(str, arguments)]


def free_port() -> int:
    """A port of 127.0.0.1 that nobody holds at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def await_port(port: int, server: Child, timeout_s: float = READY_TIMEOUT_S) -> None:
    """Wait until the server takes connections.

    Raises:
        ChildError: it ended, or did not in time.
    """
    end = time.monotonic() + timeout_s
    while time.monotonic() < end and server.alive():
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
        except OSError:
            time.sleep(0.05)  # between two looks at the condition
        else:
            return
    raise ChildError(f"nobody took connections on port {port}: {server.tail()}")


class Sample(NamedTuple):
    """What the weighed processes had used at one moment."""

    at: float
    cpu_s: float
    rss_mib: float


class Scale:
    """Weighs processes, and what they had started by then, while the block lasts."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._family = [psutil.Process(pid) for pid in pids]
        for process in tuple(self._family):
            self._family += process.children(recursive=True)
        self._samples = [self._look()]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="scale")

    def __enter__(self) -> "Scale":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def cpu_s(self, last_s: float) -> float:
        """Processor seconds used within the last seconds, of all processes together."""
        now = self._look()
        earlier = [sample for sample in self._samples if sample.at <= now.at - last_s]
        since = earlier[-1] if earlier else self._samples[0]
        return (now.cpu_s - since.cpu_s) * last_s / (now.at - since.at)

    def rss_mib(self) -> float:
        """The most memory that they held together."""
        return max(sample.rss_mib for sample in self._samples)

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE_S):
            self._samples.append(self._look())

    def _look(self) -> Sample:
        cpu_s, rss = 0.0, 0
        for process in self._family:
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                cpu_s += times.user + times.system
                rss += process.memory_info().rss
        return Sample(time.monotonic(), cpu_s, rss / 2**20)
