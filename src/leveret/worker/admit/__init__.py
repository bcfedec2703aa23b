"""Which requests may run at all: rate limits, and requests that are refused unless they were executed before."""
