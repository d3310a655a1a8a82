"""How fast the hub is, and what others reach at the same work on the same machine."""
