"""The broker as an operator meets it: queues, users, the management API."""
