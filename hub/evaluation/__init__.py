"""Conversations written down in a file, held with the assistant, and judged."""
