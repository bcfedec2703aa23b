"""Running each request once: known requests are answered from their rows, new ones run, many in one transaction."""
