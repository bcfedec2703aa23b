"""APIs over RabbitMQ: request and reply, every effect exactly once, every failure seen and recoverable.

A name is loaded when it is first used, so that a program that only calls does not load what a worker needs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from leveret.api import Actions, Api, Context, Event, RateLimit, Secret
    from leveret.app import App
    from leveret.auth.keyring import Keyring, Principal
    from leveret.client import BlockingClient, Client
    from leveret.retry import RetryPolicy
    from leveret.settings import Settings
    from leveret.topology import Topology
    from leveret.worker import Worker, WorkerOptions

__all__ = [
    "Actions",
    "Api",
    "App",
    "BlockingClient",
    "Client",
    "Context",
    "Event",
    "Keyring",
    "Principal",
    "RateLimit",
    "RetryPolicy",
    "Secret",
    "Settings",
    "Topology",
    "Worker",
    "WorkerOptions",
]

_MODULES: Final = {
    "Actions": "leveret.api",
    "Api": "leveret.api",
    "App": "leveret.app",
    "BlockingClient": "leveret.client",
    "Client": "leveret.client",
    "Context": "leveret.api",
    "Event": "leveret.api",
    "Keyring": "leveret.auth.keyring",
    "Principal": "leveret.auth.keyring",
    "RateLimit": "leveret.api",
    "RetryPolicy": "leveret.retry",
    "Secret": "leveret.api",
    "Settings": "leveret.settings",
    "Topology": "leveret.topology",
    "Worker": "leveret.worker",
    "WorkerOptions": "leveret.worker",
}


def __getattr__(name: str) -> Any:
    """Load a public name from its module (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module 'leveret' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
