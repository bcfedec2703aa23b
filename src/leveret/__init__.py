"""APIs over RabbitMQ: request and reply, every effect exactly once, every failure seen and recoverable."""

from leveret.actions import Api, Context, Secret
from leveret.auth import Keyring, Principal
from leveret.client import BlockingClient, Client
from leveret.retry import RetryPolicy
from leveret.serving import Worker, WorkerOptions
from leveret.topology import Topology

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
