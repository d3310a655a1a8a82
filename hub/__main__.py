"""`python -m hub` is `sak-hub`."""

import sys
from collections.abc import Sequence


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line; Ctrl-C while it is still being loaded ends it without a word."""
    try:
        from hub.cli import main as commands
    except KeyboardInterrupt:
        sys.exit(2)
    commands(args)


if __name__ == "__main__":
    main()
