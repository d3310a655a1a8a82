"""`python -m hub` is `sak-hub`."""

from hub.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
