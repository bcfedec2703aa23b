"""The bench: measures this system and its peers side by side, in one run, with the same work."""
