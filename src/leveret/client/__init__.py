"""Clients that call actions: one for asyncio, and a small blocking one for scripts."""

from leveret.client.blocking import BlockingClient
from leveret.client.blocking_caller import BlockingCaller
from leveret.client.call import ReceivedReply, error_of
from leveret.client.caller import Caller
from leveret.client.client import Client
from leveret.client.in_flight import LONGEST_TIMEOUT

__all__ = [
    "LONGEST_TIMEOUT",
    "BlockingCaller",
    "BlockingClient",
    "Caller",
    "Client",
    "ReceivedReply",
    "error_of",
]
