"""What the hub answers over plain HTTP."""
