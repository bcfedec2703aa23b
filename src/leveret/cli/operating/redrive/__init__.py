"""Sending letters again: the command ``letters redrive``, and those that are about operations."""
