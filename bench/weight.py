"""What one process weighs, moment by moment, and how many files it may open."""

import resource
import threading
import time
from typing import Final

import psutil

SAMPLE_S: Final = 0.5
OTHER_FILES: Final = 100  # that a process has open beside its connections, generously


def cpu_s(pid: int) -> float:
    """Processor seconds that a process has used, to the nanosecond.

    Linux has such a clock for every process; its number is made of the pid (clock_getcpuclockid).
    """
    return time.clock_gettime((~pid << 3) | 2)


def rss_mib(pid: int) -> float:
    """The memory that it holds at this moment."""
    held: int = psutil.Process(pid).memory_info().rss
    return held / 2**20


def cannot_open(connections: int) -> str | None:
    """Let this process and its children have so many connections; why not, if it may not."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    needed = connections + OTHER_FILES
    if hard != resource.RLIM_INFINITY and hard < needed:
        return f"a process may open {hard} files here, {needed} are needed (ulimit -Hn)"
    return None


class Curve:
    """The memory of a process, looked at twice a second while the block lasts."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._begun = time.monotonic()
        self._points: list[tuple[float, float]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="curve")

    def __enter__(self) -> "Curve":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def points(self) -> list[tuple[float, float]]:
        """Seconds since the beginning, and MiB then."""
        return [(round(at, 1), round(held, 1)) for at, held in self._points]

    def _watch(self) -> None:
        """A process that ends meanwhile ends the curve."""
        try:
            while True:
                self._points.append((time.monotonic() - self._begun, rss_mib(self._pid)))
                if self._over.wait(SAMPLE_S):
                    return
        except psutil.NoSuchProcess:
            return
