"""What stands in messages: the envelope, JSON, and what must not be shown of it."""
