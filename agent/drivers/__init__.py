"""Ways to reach a WhatsApp: a real page in a browser, or memory for tests."""
