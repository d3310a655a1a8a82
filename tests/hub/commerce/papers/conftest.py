import pytest

from hub.commerce.papers.fonts import Fonts
from hub.commerce.papers.lettering import Lettering


@pytest.fixture(scope="session")
def lettering() -> Lettering:
    """The fonts that set-up installed."""
    return Lettering(Fonts.find())
