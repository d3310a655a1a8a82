"""The hub's memory: one SQLite file, one writer, a few readers, SQL in named query files."""
