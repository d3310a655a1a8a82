"""`python -m agent.drivers.whatsapp_web [BROWSER]`: make sure that there is a browser."""

import sys
from pathlib import Path

from agent.drivers.whatsapp_web.browser import install_browser
from agent.drivers.whatsapp_web.errors import BrowserMissingError


def main() -> int:
    """Print where the browser is; 2 when there is none and none could be fetched."""
    try:
        path = install_browser(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    except BrowserMissingError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
