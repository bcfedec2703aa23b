"""Contracts that are kept, and what a change of an application breaks: callers and readers of an old contract."""
