"""What answers customers: the engine interface and the engines behind it."""
