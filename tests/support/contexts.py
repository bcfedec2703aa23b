"""Actions that are registered and called without a worker."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from leveret.api import Action, Api, Context
from leveret.auth.keyring import ANONYMOUS
from leveret.wire.envelope import Request


def context_of(action: str = "v1.act", services: Any = None) -> Context[Any]:
    """Return the context of a request for an action, outside of any transaction."""
    version, _, name = action.partition(".")
    return Context(Request("id", version, name, {}), ANONYMOUS, services, datetime.now(UTC))


def registered(function: Callable[..., Any], name: str = "act") -> Action:
    """Return the action that a function becomes."""
    api: Api = Api()
    api.action("v1", name)(function)
    return api.find("v1", name)
