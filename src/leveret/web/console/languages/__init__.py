"""What the console says, in each language: one catalogue a file, with the same keys."""
