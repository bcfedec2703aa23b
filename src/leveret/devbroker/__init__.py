"""Private RabbitMQ nodes, each in its own folder, for demonstrations and tests.

The names are loaded when they are used: whoever needs only the errors does not load what runs a node.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from leveret.devbroker.errors import BrokerFailed, BrokerMissing, BrokerRuns
    from leveret.devbroker.lasting import LastingBroker, RunningNode, kept_url, running_node
    from leveret.devbroker.node import DevBroker
    from leveret.devbroker.probe import answers

__all__ = [
    "BrokerFailed",
    "BrokerMissing",
    "BrokerRuns",
    "DevBroker",
    "LastingBroker",
    "RunningNode",
    "answers",
    "kept_url",
    "running_node",
]

_MODULES: Final = {
    "BrokerFailed": "leveret.devbroker.errors",
    "BrokerMissing": "leveret.devbroker.errors",
    "BrokerRuns": "leveret.devbroker.errors",
    "DevBroker": "leveret.devbroker.node",
    "LastingBroker": "leveret.devbroker.lasting",
    "RunningNode": "leveret.devbroker.lasting",
    "answers": "leveret.devbroker.probe",
    "kept_url": "leveret.devbroker.lasting",
    "running_node": "leveret.devbroker.lasting",
}


def __getattr__(name: str) -> Any:
    """Load a name from its module (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module 'leveret.devbroker' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
