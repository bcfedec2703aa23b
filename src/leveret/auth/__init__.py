"""Who is calling: tokens, tickets, seals, and the keys for them."""
