"""Finds what a command works for: the application, and a broker that runs here."""
