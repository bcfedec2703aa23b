"""Checks of the database: reachable, tables, encoding, transactions, pooler, file, clock."""
