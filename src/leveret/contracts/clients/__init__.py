"""Typed clients of an application, as source text that is generated from the registry."""

from leveret.contracts.clients.python import python_client
from leveret.contracts.clients.typescript import typescript_client

__all__ = ["python_client", "typescript_client"]
