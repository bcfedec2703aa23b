"""Builds the site of the documentation, in English and in Russian: `make docs`."""
