"""From a customer's message to the reply: what is recorded, what is answered, when, and by whom."""
