"""The agents' door: pairing, tokens, limits and the socket."""
