"""The papers of an order: a text, an invoice, a code to pay with, and who sends them."""
