"""Whether a web page answered in the hub's place.

A network in which one has to log in first, and many a proxy that refuses, answers every address
with a page of its own. It says nothing about the hub, and nothing about this PC's rights there.
"""

from http import HTTPStatus
from typing import Final

ADVICE: Final = (
    "A web page answers instead of the hub (this network's log-in page, or a proxy): open any page "
    "in a browser on this PC and log in to the network, or ask whoever looks after it. Messages "
    "are kept."
)


def is_page_instead(status: int, kind: str, body: bytes) -> bool:
    """Whether status, Content-Type and beginning of an answer are not a hub's.

    A gateway that fails shows a page, too, but then the hub is what fails: 5xx is no sign.
    """
    if status == HTTPStatus.NETWORK_AUTHENTICATION_REQUIRED or 300 <= status < 400:
        return True
    is_page = "html" in kind.lower() or body.lstrip()[:1] == b"<"
    return is_page and status < 500
