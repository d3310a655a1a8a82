"""What every test shares: how Hypothesis looks for examples, and which tests run beside others."""

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

PROCESSES = ("tests/agent/practice/", "tests/agent/whatsapp_web/", "tests/bench/", "tests/e2e/")
"""Here tests start several processes each, a browser among them."""

# No deadline: how long an example takes says how busy the machine is. A failure of the machine that
# found it is repeated elsewhere by the blob that it prints.
settings.register_profile("suite", deadline=None, print_blob=True, derandomize=False)
settings.load_profile("suite")


class Lanes(LoadFileScheduling):
    """A file's tests go to one worker, and all that start processes to the same: the first one."""

    def _split_scope(self, nodeid: str) -> str:
        return "processes" if nodeid.startswith(PROCESSES) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lanes:
    """Asked with `-n`."""
    return Lanes(config, log)
