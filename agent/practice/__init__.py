"""A stand-in for WhatsApp on this machine: practice, demo and tests run the real driver on it."""
