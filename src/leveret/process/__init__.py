"""What any program needs around its work: signals, child processes, memory, pauses, addresses."""
