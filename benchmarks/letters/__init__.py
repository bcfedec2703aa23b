"""Measures the index of dead letters on a real stream: how fast it is filled, its memory, and each question."""
