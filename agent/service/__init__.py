"""Running the agent by itself from log-on: what the system is told, and how it is told."""
