"""Calling actions: an asyncio client, and a small blocking one for scripts."""

from leveret.client.blocking import BlockingClient
from leveret.client.client import Client, error_of
from leveret.client.in_flight import LONGEST_TIMEOUT, Received

__all__ = ["LONGEST_TIMEOUT", "BlockingClient", "Client", "Received", "error_of"]
