"""The program on the shop's PC: it holds the shop's WhatsApp and speaks with the hub."""
