"""A small system with failures, and the console to look at it: ``make console-demo``."""
