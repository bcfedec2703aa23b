"""APIs over RabbitMQ: request and reply, every effect exactly once, every failure seen and recoverable."""

from warren.actions import Api, Context, Secret
from warren.auth import Keyring, Principal
from warren.client import BlockingClient, Client
from warren.retry import RetryPolicy
from warren.serving import Worker, WorkerOptions
from warren.topology import Topology

__all__ = [
    "Api",
    "BlockingClient",
    "Client",
    "Context",
    "Keyring",
    "Principal",
    "RetryPolicy",
    "Secret",
    "Topology",
    "Worker",
    "WorkerOptions",
]
