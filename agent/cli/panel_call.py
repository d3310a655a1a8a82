"""Asking the running agent for something: through its panel, with the key of this installation.

The panel is there on every system, lets nobody in without the key, and keeps what it says out of
files; where it is switched off, the running agent cannot be asked.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, Final, NoReturn

import msgspec

from agent.cli.command import Failure
from agent.cli.panel import served_port
from agent.panel.key import panel_key
from agent.settings import Settings

_ANSWER_S: Final = 10.0
_GONE: Final = "The agent does not answer: look at `sak-agent status`, then try again."


class PanelCall:
    """The panel of the running agent, as a page of it sees it."""

    def __init__(self, settings: Settings) -> None:
        """Failure: no agent is running, or it serves no panel."""
        self._port = served_port(settings)
        with self._asked("GET", f"/?key={panel_key(settings.data_dir)}", {}) as answer:
            self._cookie = (answer.getheader("set-cookie") or "").partition(";")[0]

    def get(self, path: str) -> bytes:
        """The body of an answer; Failure."""
        with self._asked("GET", path, {"cookie": self._cookie}) as answer:
            if answer.status != 200:
                _refused(answer.read())
            return answer.read()

    def post(self, path: str, what: Any, wait_s: float = _ANSWER_S) -> bytes:
        """Have something done; Failure with the agent's own sentence when it does not."""
        headers = {"cookie": self._cookie, "origin": f"http://127.0.0.1:{self._port}"}
        with self._asked("POST", path, headers, msgspec.json.encode(what), wait_s) as answer:
            if answer.status != 200:
                _refused(answer.read())
            return answer.read()

    @contextmanager
    def _asked(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes | None = None,
        wait_s: float = _ANSWER_S,
    ) -> Iterator[HTTPResponse]:
        with closing(HTTPConnection("127.0.0.1", self._port, timeout=wait_s)) as connection:
            try:
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
            except (OSError, HTTPException) as error:
                raise Failure("no_answer", _GONE) from error
            yield answer


def _refused(body: bytes) -> NoReturn:
    try:
        message = str(msgspec.json.decode(body, type=dict[str, Any])["error"])
    except (msgspec.MsgspecError, KeyError):
        message = _GONE
    raise Failure("refused", message)
