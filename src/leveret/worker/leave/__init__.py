"""From a result to a settled delivery: replies, retries, dead letters, acks."""
