"""Failures that a request may ask for, for demonstrations; the server's settings have to allow them."""

from __future__ import annotations

import inspect
import logging
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, Final, TypeVar

from leveret.errors import InvalidRequest, TemporaryError
from taskmanager.actions.registry import TaskContext

F = TypeVar("F", bound=Callable[..., Any])

HANG: Final = 30.0
"""Seconds that a simulated hang lasts."""

_FIELDS: Final = ("simulate_temp_error", "simulate_hang")

logger = logging.getLogger("taskmanager")


def can_fail_on_request(function: F) -> F:
    """Decorate an action so that a request with ``simulate_temp_error: true`` in its data fails.

    Raises:
        TemporaryError: the request asks for this failure.
        InvalidRequest: the request asks for a failure, but the settings do not allow it.
    """
    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def wrapped_async(context: TaskContext, *arguments: Any) -> Any:
            _fail_if_asked(context)
            return await function(context, *arguments)

        return wrapped_async  # type: ignore[return-value]  # the same parameters and the same result

    @wraps(function)
    def wrapped(context: TaskContext, *arguments: Any) -> Any:
        _fail_if_asked(context)
        return function(context, *arguments)

    return wrapped  # type: ignore[return-value]  # the same parameters and the same result


def hang_if_asked(context: TaskContext) -> None:
    """Block this transaction if the data has ``simulate_hang: true``, so that somebody can kill the worker meanwhile.

    Only the first delivery of a request blocks.
    """
    if context.request.data.get("simulate_hang") is True and not context.redelivered and not context.retries:
        logger.info("simulated hang for %s", context.request.id)
        threading.Event().wait(HANG)


def _fail_if_asked(context: TaskContext) -> None:
    data = context.request.data
    for field in _FIELDS:
        if data.get(field) is True and not context.services.allow_simulated_errors:
            raise InvalidRequest(f"{field} is switched off on this server: set TASKMANAGER_ALLOW_SIMULATED_ERRORS=true")
    if data.get("simulate_temp_error") is True:
        raise TemporaryError("simulated temporary error")
