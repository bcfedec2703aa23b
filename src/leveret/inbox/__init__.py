"""Each request once: known ones are answered from their rows, new ones run, many in one transaction."""
