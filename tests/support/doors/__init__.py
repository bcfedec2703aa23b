"""Six doors, one answer: the same cases through every way to call the Task Manager, each with a database of its own."""
