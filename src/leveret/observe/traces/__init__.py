"""Traces across programs: the context that messages carry."""
