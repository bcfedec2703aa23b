"""What operators do with a running system: see what is wrong, ask, and repair; for the command and the console."""
