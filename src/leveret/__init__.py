"""APIs over RabbitMQ: request and reply, every effect exactly once, every failure seen and recoverable."""

from leveret.api import Api, Context, Secret
from leveret.auth.keyring import Keyring, Principal
from leveret.client import BlockingClient, Client
from leveret.retry import RetryPolicy
from leveret.topology import Topology
from leveret.worker import Worker, WorkerOptions

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
