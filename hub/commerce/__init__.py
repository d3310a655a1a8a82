"""What a shop sells and what it costs."""
