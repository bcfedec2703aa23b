"""Writes the reference of the Python interface from the docstrings; `make reference` runs it."""
