"""The broker as an operator sees it: its address, its queues, and its users and what they may do."""
