"""Three invented shops, each a file with its settings and its products."""
