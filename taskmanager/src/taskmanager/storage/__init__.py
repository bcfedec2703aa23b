"""Storage of users and tasks in SQLite and PostgreSQL; queries take a connection and never commit."""
