"""How a command ends: whatever goes wrong, people read one line, and the exit code says what it was."""
