"""Two invented shops as files that `sak-hub catalog import` takes."""
