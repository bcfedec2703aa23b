"""The program around everything: signals, child processes, memory, addresses."""
