"""AsyncAPI 3.1 of an application's actions, from the registry: what travels between its callers and its workers."""

from leveret.contracts.asyncapi.document import VERSION, build_asyncapi

__all__ = ["VERSION", "build_asyncapi"]
