"""The wire between a shop's agent and its hub: types, codec and the session core. No I/O."""
