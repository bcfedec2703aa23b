"""Which requests may run: rate limits, and requests that are refused unless they were executed before."""
