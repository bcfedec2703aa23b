"""What travels: requests, replies, retries and dead letters, as bytes and as messages."""
