"""The bench: this system and its peers, side by side in one run, on the same work."""
