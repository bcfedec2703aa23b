"""Typed clients of an application, as source text that is generated from the registry."""

from leveret.contracts.clients.python import python_client

__all__ = ["python_client"]
