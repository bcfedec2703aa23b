"""Tests of applications: without a broker, or on a private RabbitMQ."""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from leveret.devbroker import BrokerFailed, BrokerMissing
    from leveret.devbroker.memory.queue import NotInMemory
    from leveret.testing.blocking import BlockingTestClient
    from leveret.testing.broker import Broker
    from leveret.testing.client import AsyncTestClient
    from leveret.testing.ledger import WaitingRetry
    from leveret.testing.testclient import TestClient

__all__ = [
    "AsyncTestClient",
    "BlockingTestClient",
    "Broker",
    "BrokerFailed",
    "BrokerMissing",
    "NotInMemory",
    "TestClient",
    "WaitingRetry",
]

_MODULES: Final = {
    "AsyncTestClient": "leveret.testing.client",
    "BlockingTestClient": "leveret.testing.blocking",
    "Broker": "leveret.testing.broker",
    "BrokerFailed": "leveret.devbroker",
    "BrokerMissing": "leveret.devbroker",
    "NotInMemory": "leveret.devbroker.memory.queue",
    "TestClient": "leveret.testing.testclient",
    "WaitingRetry": "leveret.testing.ledger",
}


def __getattr__(name: str) -> Any:
    """Load a public name from its module (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module 'leveret.testing' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
